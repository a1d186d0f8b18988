#include "operator/controllers/pending_status.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "base/numbers.h"
#include "base/time.h"
#include "kube/request.h"
#include "model/decode.h"

#include <nlohmann/json.hpp>

namespace stagekeeper {
namespace {

using nlohmann::json;

std::optional<PendingRecord> pending_record(const json& object) {
  const json* found = find_at(object, {"status", "ledger", "pending"});
  if (found == nullptr || !found->is_object()) return std::nullopt;
  return PendingRecord{.sequence = text_at(*found, {"sequence"}),
                       .key = text_at(*found, {"key"}),
                       .retain_until = text_at(*found, {"retainUntil"}),
                       .envelope = text_at(*found, {"envelope"})};
}

std::string token_of(const json& object) {
  return pending_token(text_at(object, {"metadata", "uid"}),
                       text_at(object, {"metadata", "resourceVersion"}));
}

}  // namespace

std::string ledger_status(const History& ledger, const std::optional<PendingRecord>& pending) {
  json out = {
      {"head",
       {{"sequence", std::to_string(ledger.head_sequence())}, {"digest", ledger.head_digest()}}}};
  if (pending) {
    const auto sequence = whole_number<std::uint64_t>(pending->sequence);
    if (sequence && *sequence <= ledger.head_sequence()) out["pending"] = nullptr;
  }
  return out.dump();
}

std::optional<audit::Pending> pending_of(const std::optional<PendingRecord>& record) {
  if (!record) return std::nullopt;
  const auto sequence = whole_number<std::uint64_t>(record->sequence);
  const Result<TimePoint> until = parse_time(record->retain_until);
  if (!sequence || !until) return std::nullopt;
  return audit::Pending{.sequence = *sequence,
                        .key = record->key,
                        .retain_until = *until,
                        .envelope = record->envelope};
}

std::string pending_token(const std::string& uid, const std::string& resource_version) {
  return uid + "/" + resource_version;
}

Result<audit::PendingSnapshot> PendingStatus::read() {
  SK_TRY(const std::string body, api_.call(kube::get_request(type_, key_)));
  const Result<json> object = parse_strict_json(body, kMaxObjectBytes);
  if (!object) {
    return fail(ErrorCode::kCorrupt, "read the pending record: " + object.error().message);
  }
  return audit::PendingSnapshot{.pending = pending_of(pending_record(*object)),
                                .token = token_of(*object)};
}

Result<std::string> PendingStatus::write(const audit::Pending& pending, const std::string& token) {
  const std::size_t slash = token.find('/');
  if (slash == std::string::npos) {
    return fail(ErrorCode::kInvalid, "write the pending record: bad token");
  }
  const json patch = {
      {"metadata", {{"uid", token.substr(0, slash)}, {"resourceVersion", token.substr(slash + 1)}}},
      {"status",
       {{"ledger",
         {{"pending",
           {{"sequence", std::to_string(pending.sequence)},
            {"key", pending.key},
            {"retainUntil", format_time(pending.retain_until)},
            {"envelope", pending.envelope}}}}}}}};
  Result<std::string> done =
      api_.call(kube::merge_patch_request(type_, key_, "status", patch.dump()));
  if (!done) return fail(std::move(done.error()), "persist the record before it is sent");
  // The answer is the object as written: its version is the next token.
  const Result<json> object = parse_strict_json(*done, kMaxObjectBytes);
  const bool told = object && !text_at(*object, {"metadata", "resourceVersion"}).empty();
  return told ? token_of(*object) : std::string();
}

}  // namespace stagekeeper
