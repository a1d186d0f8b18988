#include "audit/record.h"

#include "base/canonical_json.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::audit {
namespace {

using nlohmann::json;

constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::uint64_t kSchema = 1;

constexpr std::pair<RecordKind, std::string_view> kKinds[] = {
    {RecordKind::kGenesis, "Genesis"},
    {RecordKind::kTargetAdopted, "TargetAdopted"},
    {RecordKind::kIntent, "Intent"},
    {RecordKind::kApplied, "Applied"},
    {RecordKind::kAborted, "Aborted"},
    {RecordKind::kGateResult, "GateResult"},
    {RecordKind::kStaged, "Staged"},
    {RecordKind::kBlocked, "Blocked"},
    {RecordKind::kRejected, "Rejected"},
    {RecordKind::kExpired, "Expired"},
    {RecordKind::kArchived, "Archived"},
    {RecordKind::kNoChange, "NoChange"},
    {RecordKind::kPolicyChange, "PolicyChange"},
};

void put_text(json& into, const char* key, const std::string& text) {
  if (!text.empty()) into[key] = text;
}

json state_json(const ModelState& state) {
  json out = json::object();
  put_text(out, "version", state.version);
  put_text(out, "digest", state.digest);
  put_text(out, "artifactUri", state.artifact_uri);
  put_text(out, "stage", state.stage);
  return out;
}

json deviations_json(const std::vector<Deviation>& deviations) {
  json out = json::array();
  for (const Deviation& deviation : deviations) {
    out.push_back({{"point", deviation.point}, {"reason", deviation.reason}});
  }
  return out;
}

void add_subject(json& subjects, const std::string& subject_name, const std::string& digest) {
  if (!is_digest(digest)) return;
  subjects.push_back({{"name", subject_name}, {"digest", {{"sha256", digest.substr(7)}}}});
}

/// The text at a path of member names, or "".
std::string text_at(const json& value, std::initializer_list<const char*> path) {
  const json* here = &value;
  for (const char* key : path) {
    if (!here->is_object()) return {};
    const auto found = here->find(key);
    if (found == here->end()) return {};
    here = &*found;
  }
  return here->is_string() ? here->get<std::string>() : std::string();
}

json subjects_of(const Record& record, const json& body) {
  json subjects = json::array();
  if (const std::optional<ModelState>& to = record.draft.to) {
    add_subject(subjects, to->artifact_uri.empty() ? record.draft.model : to->artifact_uri,
                to->digest);
  }
  const std::string dataset = text_at(body, {"evaluation", "dataset", "uri"});
  add_subject(subjects, dataset.empty() ? "dataset" : dataset,
              text_at(body, {"evaluation", "dataset", "digest"}));
  if (subjects.empty()) {
    // in-toto wants a subject: a record about no artifact is about its ledger.
    add_subject(subjects, "ledger:" + record.frame.ledger,
                sha256_digest(record.frame.cluster + "/" + record.frame.ledger).str());
  }
  return subjects;
}

json predicate_of(const Record& record, json body) {
  const Draft& draft = record.draft;
  const Frame& frame = record.frame;
  json out = {{"schema", kSchema},
              {"kind", name(draft.kind)},
              {"cluster", frame.cluster},
              {"ledger", frame.ledger},
              {"objectUid", frame.object_uid},
              {"seq", std::to_string(frame.sequence)},
              {"times",
               {{"recorded", format_time(frame.recorded)},
                {"store", format_time(frame.store_date)},
                {"retainUntil", format_time(frame.retain_until)}}},
              {"operator", {{"version", frame.operator_version}}},
              {"deviations", deviations_json(frame.deviations)},
              {"body", std::move(body)}};
  put_text(out, "prev", frame.prev);
  put_text(out, "model", draft.model);
  put_text(out, "decisionDigest", draft.decision_digest);
  put_text(out, "action", draft.action);
  put_text(out, "reason", draft.reason);
  if (!draft.request.uid.empty() || !draft.request.name.empty()) {
    out["promotionRequest"] = {{"name", draft.request.name},
                               {"uid", draft.request.uid},
                               {"generation", draft.request.generation}};
  }
  if (!draft.requester.username.empty()) {
    out["requester"] = {{"username", draft.requester.username}};
    put_text(out["requester"], "uid", draft.requester.uid);
  }
  if (draft.from) out["from"] = state_json(*draft.from);
  if (draft.to) out["to"] = state_json(*draft.to);
  if (draft.of) out["of"] = std::to_string(*draft.of);
  return out;
}

tl::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::kCorrupt, "record: " + std::move(what));
}

Result<std::uint64_t> read_sequence(const std::string& text) {
  std::uint64_t out = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc() || end != text.data() + text.size() || std::to_string(out) != text) {
    return corrupt("a sequence is not a number");
  }
  return out;
}

Result<TimePoint> read_time(const json& predicate, const char* which) {
  Result<TimePoint> time = parse_time(text_at(predicate, {"times", which}));
  if (!time) return corrupt(fmt::format("times.{} is not a time", which));
  return time;
}

std::optional<ModelState> read_state(const json& predicate, const char* key) {
  const auto found = predicate.find(key);
  if (found == predicate.end() || !found->is_object()) return std::nullopt;
  return ModelState{.version = text_at(*found, {"version"}),
                    .digest = text_at(*found, {"digest"}),
                    .artifact_uri = text_at(*found, {"artifactUri"}),
                    .stage = text_at(*found, {"stage"})};
}

Result<Frame> read_frame(const json& predicate) {
  Frame frame{.cluster = text_at(predicate, {"cluster"}),
              .ledger = text_at(predicate, {"ledger"}),
              .object_uid = text_at(predicate, {"objectUid"}),
              .sequence = 0,
              .prev = text_at(predicate, {"prev"}),
              .recorded = {},
              .store_date = {},
              .retain_until = {},
              .operator_version = text_at(predicate, {"operator", "version"}),
              .deviations = {}};
  const Result<std::uint64_t> sequence = read_sequence(text_at(predicate, {"seq"}));
  if (!sequence) return tl::unexpected(sequence.error());
  frame.sequence = *sequence;
  const std::pair<const char*, TimePoint*> times[] = {{"recorded", &frame.recorded},
                                                      {"store", &frame.store_date},
                                                      {"retainUntil", &frame.retain_until}};
  for (const auto& [key, into] : times) {
    const Result<TimePoint> time = read_time(predicate, key);
    if (!time) return tl::unexpected(time.error());
    *into = *time;
  }
  const auto deviations = predicate.find("deviations");
  if (deviations != predicate.end() && deviations->is_array()) {
    for (const json& one : *deviations) {
      frame.deviations.push_back({text_at(one, {"point"}), text_at(one, {"reason"})});
    }
  }
  return frame;
}

Result<Draft> read_draft(const json& predicate) {
  const std::optional<RecordKind> kind = record_kind(text_at(predicate, {"kind"}));
  if (!kind) return corrupt("of a kind that this version does not know");
  Draft draft{.kind = *kind,
              .model = text_at(predicate, {"model"}),
              .request = {.name = text_at(predicate, {"promotionRequest", "name"}),
                          .uid = text_at(predicate, {"promotionRequest", "uid"})},
              .requester = {.username = text_at(predicate, {"requester", "username"}),
                            .uid = text_at(predicate, {"requester", "uid"})},
              .decision_digest = text_at(predicate, {"decisionDigest"}),
              .action = text_at(predicate, {"action"}),
              .from = read_state(predicate, "from"),
              .to = read_state(predicate, "to"),
              .reason = text_at(predicate, {"reason"})};
  if (const auto request = predicate.find("promotionRequest"); request != predicate.end()) {
    const auto generation = request->is_object() ? request->find("generation") : request->end();
    if (request->is_object() && generation != request->end() && generation->is_number_integer()) {
      draft.request.generation = generation->get<std::int64_t>();
    }
  }
  if (predicate.contains("of")) {
    const Result<std::uint64_t> of = read_sequence(text_at(predicate, {"of"}));
    if (!of) return tl::unexpected(of.error());
    draft.of = *of;
  }
  const auto body = predicate.find("body");
  if (body == predicate.end() || !body->is_object()) return corrupt("without a body");
  Result<std::string> text = canonical_json(*body);
  if (!text) return corrupt("body: " + text.error().message);
  draft.body = std::move(*text);
  return draft;
}

}  // namespace

std::string_view name(RecordKind kind) {
  for (const auto& [value, text] : kKinds) {
    if (value == kind) return text;
  }
  return "Unknown";
}

std::optional<RecordKind> record_kind(std::string_view text) {
  for (const auto& [value, known] : kKinds) {
    if (known == text) return value;
  }
  return std::nullopt;
}

Result<std::string> encode_record(const Record& record) {
  Result<json> body = parse_strict_json(record.draft.body, kMaxPayloadBytes);
  if (!body) return fail(std::move(body.error()), "record body");
  if (!body->is_object()) return fail(ErrorCode::kInvalid, "record body: not a JSON object");
  const json statement = {{"_type", kStatementType},
                          {"subject", subjects_of(record, *body)},
                          {"predicateType", kPredicateType},
                          {"predicate", predicate_of(record, std::move(*body))}};
  Result<std::string> payload = canonical_json(statement);
  if (!payload) return fail(std::move(payload.error()), "record");
  if (payload->size() > kMaxPayloadBytes) {
    return fail(ErrorCode::kInvalid, fmt::format("record of {} bytes is larger than {}",
                                                 payload->size(), kMaxPayloadBytes));
  }
  return payload;
}

Result<Record> decode_record(std::string_view payload) {
  const Result<json> statement = parse_strict_json(payload, kMaxPayloadBytes);
  if (!statement) return corrupt(statement.error().message);
  const Result<std::string> canonical = canonical_json(*statement);
  if (!canonical) return corrupt(canonical.error().message);
  if (*canonical != payload) return corrupt("not in canonical form");
  if (text_at(*statement, {"_type"}) != kStatementType ||
      text_at(*statement, {"predicateType"}) != kPredicateType) {
    return corrupt("not a Stagekeeper statement");
  }
  const auto predicate = statement->find("predicate");
  if (predicate == statement->end() || !predicate->is_object()) return corrupt("no predicate");
  const auto schema = predicate->find("schema");
  if (schema == predicate->end() || *schema != json(kSchema)) {
    return corrupt("of a schema that this version does not know");
  }
  Result<Frame> frame = read_frame(*predicate);
  if (!frame) return tl::unexpected(frame.error());
  Result<Draft> draft = read_draft(*predicate);
  if (!draft) return tl::unexpected(draft.error());
  return Record{.draft = std::move(*draft), .frame = std::move(*frame)};
}

}  // namespace stagekeeper::audit
