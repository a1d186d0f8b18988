#include "audit/record.h"

#include "base/canonical_json.h"
#include "base/crypto.h"
#include "base/json_access.h"
#include "base/numbers.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::audit {
namespace {

using nlohmann::json;

constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::uint64_t kSchema = 1;

void put_text(json& into, const char* key, const std::string& text) {
  if (!text.empty()) into[key] = text;
}

json version_json(const VersionRef& version) {
  json out = json::object();
  put_text(out, "version", version.version);
  put_text(out, "digest", version.digest);
  put_text(out, "artifactUri", version.artifact_uri);
  put_text(out, "stage", version.stage);
  return out;
}

json deviations_json(const std::vector<Deviation>& deviations) {
  json out = json::array();
  for (const Deviation& deviation : deviations)
    out.push_back({{"point", deviation.point}, {"reason", deviation.reason}});
  return out;
}

json moves_json(const std::vector<StageMove>& moves) {
  json out = json::array();
  for (const StageMove& move : moves) {
    json one = {{"to", version_json(move.version)}};
    put_text(one, "from", move.from);
    out.push_back(std::move(one));
  }
  return out;
}

void add_subject(json& subjects, const std::string& subject_name, const std::string& digest) {
  if (!is_digest(digest)) return;
  subjects.push_back({{"name", subject_name}, {"digest", {{"sha256", digest.substr(7)}}}});
}

json subjects_of(const Record& record, const json& body) {
  json subjects = json::array();
  const VersionRef& to = record.content.to;
  add_subject(subjects, to.artifact_uri.empty() ? record.content.model : to.artifact_uri,
              to.digest);
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

void put_frame(json& out, const Frame& frame) {
  out["schema"] = kSchema;
  out["cluster"] = frame.cluster;
  out["ledger"] = frame.ledger;
  out["objectUid"] = frame.object_uid;
  out["seq"] = std::to_string(frame.sequence);
  out["times"] = {{"recorded", format_time(frame.recorded)},
                  {"store", format_time(frame.store_date)},
                  {"retainUntil", format_time(frame.retain_until)}};
  out["operator"] = {{"version", frame.operator_version}};
  out["deviations"] = deviations_json(frame.deviations);
  put_text(out, "prev", frame.prev);
}

void put_people(json& out, const RecordContent& content) {
  const RequestRef& request = content.request;
  if (!request.uid.empty() || !request.name.empty()) {
    json& into = out["promotionRequest"];
    into = {{"name", request.name}, {"uid", request.uid}, {"generation", request.generation}};
    put_text(into, "specDigest", request.spec_digest);
  }
  if (!content.requester.username.empty()) {
    out["requester"] = {{"username", content.requester.username}};
    put_text(out["requester"], "uid", content.requester.uid);
  }
}

void put_content(json& out, const RecordContent& content, json body) {
  out["kind"] = content.kind == RecordKind::kUnknown ? content.kind_text : name(content.kind);
  out["effect"] = name(content.effect);
  out["body"] = std::move(body);
  put_text(out, "model", content.model);
  put_text(out, "decisionDigest", content.decision_digest);
  put_text(out, "action", content.action);
  put_text(out, "decided", content.decided);
  put_text(out, "text", content.text);
  put_people(out, content);
  if (content.code != EndCode::kNone) out["code"] = name(content.code);
  if (content.pins_changed) out["pinsChanged"] = true;
  if (content.from != VersionRef()) out["from"] = version_json(content.from);
  if (content.to != VersionRef()) out["to"] = version_json(content.to);
  if (content.of != 0) out["of"] = std::to_string(content.of);
  if (!content.targets.empty()) out["targets"] = content.targets;
  if (!content.moves.empty()) out["moves"] = moves_json(content.moves);
  if (!content.aborts.uid.empty())
    out["aborts"] = {{"name", content.aborts.name}, {"uid", content.aborts.uid}};
}

tl::unexpected<Error> corrupt(std::string what) {
  return fail(ErrorCode::kCorrupt, "record: " + std::move(what));
}

Result<std::uint64_t> read_sequence(const json& predicate, const char* key) {
  const auto out = whole_number<std::uint64_t>(text_at(predicate, {key}));
  if (!out) return corrupt(fmt::format("{} is not a sequence", key));
  return *out;
}

Result<TimePoint> read_time(const json& predicate, const char* which) {
  Result<TimePoint> time = parse_time(text_at(predicate, {"times", which}));
  if (!time) return corrupt(fmt::format("times.{} is not a time", which));
  return time;
}

VersionRef read_version(const json& from, JsonPath path) {
  const json* found = find_at(from, path);
  if (found == nullptr) return {};
  return {.version = text_at(*found, {"version"}),
          .digest = text_at(*found, {"digest"}),
          .artifact_uri = text_at(*found, {"artifactUri"}),
          .stage = text_at(*found, {"stage"})};
}

Result<Frame> read_frame(const json& predicate) {
  Frame frame{.cluster = text_at(predicate, {"cluster"}),
              .ledger = text_at(predicate, {"ledger"}),
              .object_uid = text_at(predicate, {"objectUid"}),
              .prev = text_at(predicate, {"prev"}),
              .operator_version = text_at(predicate, {"operator", "version"})};
  SK_TRY(frame.sequence, read_sequence(predicate, "seq"));
  SK_TRY(frame.recorded, read_time(predicate, "recorded"));
  SK_TRY(frame.store_date, read_time(predicate, "store"));
  SK_TRY(frame.retain_until, read_time(predicate, "retainUntil"));
  for (const json& one : list_at(predicate, {"deviations"}))
    frame.deviations.push_back({text_at(one, {"point"}), text_at(one, {"reason"})});
  return frame;
}

/// Kind and effect. What is not known must say that it changes nothing.
Status read_kind(const json& predicate, RecordContent& content) {
  const std::string text = text_at(predicate, {"kind"});
  const std::string effect_text = text_at(predicate, {"effect"});
  const std::optional<Effect> found = effect(effect_text);
  if (text.empty()) return corrupt("without a kind");
  content.kind = record_kind(text);
  if (content.kind == RecordKind::kUnknown) content.kind_text = text;
  if (found) content.effect = *found;
  if (content.kind == RecordKind::kUnknown && (!found || *found != Effect::kNone)) {
    return corrupt(
        fmt::format("of kind {} with effect {}, which this version does not know and must not "
                    "pass over; a later version of the operator wrote it",
                    printable(text, 60), effect_text.empty() ? "?" : printable(effect_text, 60)));
  }
  if (!found || *found != effect_of(content)) {
    return corrupt(fmt::format("of kind {} with another effect than that kind has", text));
  }
  return {};
}

Status read_lists(const json& predicate, RecordContent& content) {
  for (const json& target : list_at(predicate, {"targets"})) {
    if (!target.is_string()) return corrupt("a target is no name");
    content.targets.push_back(target.get<std::string>());
  }
  for (const json& move : list_at(predicate, {"moves"})) {
    content.moves.push_back(
        {.version = read_version(move, {"to"}), .from = text_at(move, {"from"})});
  }
  return {};
}

Result<RecordContent> read_content(const json& predicate) {
  RecordContent content{
      .model = text_at(predicate, {"model"}),
      .request = {.name = text_at(predicate, {"promotionRequest", "name"}),
                  .uid = text_at(predicate, {"promotionRequest", "uid"}),
                  .spec_digest = text_at(predicate, {"promotionRequest", "specDigest"}),
                  .generation =
                      number_at(predicate, {"promotionRequest", "generation"}).value_or(0)},
      .requester = {.username = text_at(predicate, {"requester", "username"}),
                    .uid = text_at(predicate, {"requester", "uid"})},
      .action = text_at(predicate, {"action"}),
      .decision_digest = text_at(predicate, {"decisionDigest"}),
      .from = read_version(predicate, {"from"}),
      .to = read_version(predicate, {"to"}),
      .decided = text_at(predicate, {"decided"}),
      .text = text_at(predicate, {"text"}),
      .aborts = {.name = text_at(predicate, {"aborts", "name"}),
                 .uid = text_at(predicate, {"aborts", "uid"})}};
  SK_CHECK_OK(read_lists(predicate, content));
  SK_CHECK_OK(read_kind(predicate, content));
  if (const std::string code = text_at(predicate, {"code"}); !code.empty())
    content.code = end_code(code);
  const json* changed = find_at(predicate, {"pinsChanged"});
  content.pins_changed = changed != nullptr && *changed == json(true);
  if (predicate.contains("of")) {
    SK_TRY(content.of, read_sequence(predicate, "of"));
  }
  const json* body = find_at(predicate, {"body"});
  if (body == nullptr || !body->is_object()) return corrupt("without a body");
  Result<std::string> text = canonical_json(*body);
  if (!text) return corrupt("body: " + text.error().message);
  content.body = std::move(*text);
  return content;
}

}  // namespace

Result<RecordContent> normalised(RecordContent content) {
  const Result<json> body = parse_strict_json(content.body, kMaxPayloadBytes);
  if (!body) return fail(body.error(), "record body");
  if (!body->is_object()) return fail(ErrorCode::kInvalid, "record body: not a JSON object");
  Result<std::string> text = canonical_json(*body);
  if (!text) return fail(std::move(text.error()), "record body");
  content.body = std::move(*text);
  if (content.body.size() > kMaxBodyBytes) {
    return fail(ErrorCode::kInvalid, fmt::format("record body of {} bytes is larger than {}",
                                                 content.body.size(), kMaxBodyBytes));
  }
  if (std::max(content.targets.size(), content.moves.size()) > kMaxListed) {
    return fail(ErrorCode::kInvalid,
                fmt::format("a record lists at most {} targets or moves", kMaxListed));
  }
  content.effect = effect_of(content);
  content.requester.groups.clear();
  content.text = cut_utf8(content.text, kMaxTextBytes, CutMark::kEllipsis);
  return content;
}

Result<std::string> encode_record(const Record& record) {
  SK_TRY(const RecordContent content, normalised(record.content));
  SK_TRY(json body, parse_strict_json(content.body, kMaxPayloadBytes));
  json predicate = json::object();
  const json subjects = subjects_of(record, body);
  put_frame(predicate, record.frame);
  put_content(predicate, content, std::move(body));
  const json statement = {{"_type", kStatementType},
                          {"subject", subjects},
                          {"predicateType", kPredicateType},
                          {"predicate", std::move(predicate)}};
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
  const json* predicate = find_at(*statement, {"predicate"});
  if (predicate == nullptr || !predicate->is_object()) return corrupt("no predicate");
  const json* schema = find_at(*predicate, {"schema"});
  if (schema == nullptr || *schema != json(kSchema)) {
    return corrupt("of a schema that this version does not know");
  }
  SK_TRY(Frame frame, read_frame(*predicate));
  SK_TRY(RecordContent content, read_content(*predicate));
  return Record{.content = std::move(content), .frame = std::move(frame)};
}

}  // namespace stagekeeper::audit
