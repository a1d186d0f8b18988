#include "operator/controllers/pending_status.h"

#include "base/canonical_json.h"
#include "kube/request.h"
#include "model/decode.h"
#include "operator/wiring/live.h"
#include "operator/wiring/resources.h"
#include "promotion/records.h"

#include <nlohmann/json.hpp>

#include <charconv>

namespace stagekeeper {
namespace {

using nlohmann::json;

/// What cannot be read counts as none: only a signed envelope is ever believed.
std::optional<audit::Pending> pending_of(const json& object) {
  const json::json_pointer path("/status/ledger/pending");
  if (!object.contains(path) || !object[path].is_object()) return std::nullopt;
  const json& value = object[path];
  const auto text = [&](const char* key) {
    const auto found = value.find(key);
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  audit::Pending out{
      .sequence = 0, .key = text("key"), .retain_until = {}, .envelope = text("envelope")};
  const std::string sequence = text("sequence");
  const auto [end, ec] =
      std::from_chars(sequence.data(), sequence.data() + sequence.size(), out.sequence);
  const Result<TimePoint> until = parse_time(text("retainUntil"));
  if (ec != std::errc() || end != sequence.data() + sequence.size() || !until) return std::nullopt;
  out.retain_until = *until;
  return out;
}

}  // namespace

std::string ledger_status(const promotion::LedgerView& ledger,
                          const std::optional<PendingRecord>& pending) {
  json out = {
      {"head",
       {{"sequence", std::to_string(ledger.head_sequence())}, {"digest", ledger.head_digest()}}}};
  if (pending) {
    std::uint64_t sequence = 0;
    const std::string& text = pending->sequence;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), sequence);
    if (ec == std::errc() && sequence <= ledger.head_sequence()) out["pending"] = nullptr;
  }
  return out.dump();
}

Result<audit::PendingSnapshot> PendingStatus::read() {
  Result<std::string> body = api_.call(kube::get_request(type_, key_));
  if (!body) return tl::unexpected(body.error());
  Result<json> object = parse_strict_json(*body, kMaxObjectBytes);
  if (!object)
    return fail(ErrorCode::kCorrupt, "read the pending record: " + object.error().message);
  const json meta = object->value("metadata", json::object());
  // The token names object and version: a same-named object of another uid never matches it.
  return audit::PendingSnapshot{
      .pending = pending_of(*object),
      .token = meta.value("uid", "") + "/" + meta.value("resourceVersion", "")};
}

Status PendingStatus::write(const audit::Pending& pending, const std::string& token) {
  const std::size_t slash = token.find('/');
  if (slash == std::string::npos)
    return fail(ErrorCode::kInvalid, "write the pending record: bad token");
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
  if (!done) return fail(done.error(), "persist the record before it is sent");
  return {};
}

Result<bool> PendingStatus::exists(const kube::ResourceType& type, const std::string& name,
                                   const std::string& uid) {
  auto found = live::get<AnyObject>(api_, type, {key_.ns, name});
  if (!found) return tl::unexpected(found.error());
  return *found && (*found)->meta.uid == uid && !(*found)->meta.deleting;
}

Result<bool> PendingStatus::still_holds(const audit::Record& record) {
  const audit::RequestRef& request = record.draft.request;
  if (request.name.empty()) return true;  // the first record of a ledger is nobody's request
  Result<bool> holds = exists(resources::kRequests, request.name, request.uid);
  if (!holds || !*holds) return holds;
  auto review = promotion::review_of_body(record.draft.body, {});
  if (!review) return false;
  if (!*review) return true;
  for (const promotion::ApprovalView& approval : (*review)->approvals) {
    if (!approval.counted) continue;
    holds = exists(resources::kApprovals, approval.name, approval.uid);
    if (!holds || !*holds) return holds;
  }
  return true;
}

}  // namespace stagekeeper
