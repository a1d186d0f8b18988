#include "promotion/records/json.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace stagekeeper::promotion::records {

using nlohmann::json;

namespace {

/// Approvals that did not count and are named all the same: anybody may create one.
constexpr std::size_t kMaxUncounted = 16;

constexpr Brevity kLevels[] = {
    {.text = 1000}, {.text = 200}, {.text = 40, .extras = false}, {.text = 0, .extras = false}};

TimePoint time_at(const json& value, const char* key) {
  return parse_time(text_at(value, {key})).value_or(TimePoint());
}

bool flag_at(const json& value, const char* key) {
  const json* found = find_at(value, {key});
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

int int_at(const json& value, const char* key) {
  return static_cast<int>(number_at(value, {key}).value_or(0));
}

json texts_json(const std::map<std::string, std::string>& texts) {
  return texts.empty() ? json::object() : json(texts);
}

std::map<std::string, std::string> texts_of(const json& value) {
  std::map<std::string, std::string> out;
  if (!value.is_object()) return out;
  for (const auto& member : value.items()) {
    if (member.value().is_string()) out[member.key()] = member.value().get<std::string>();
  }
  return out;
}

json approval_json(const Subject& subject, const ApprovalView& view,
                   const std::vector<ApprovalState>& states, const Brevity& brevity) {
  const auto waited = std::chrono::seconds(view.created - subject.request.meta.created);
  json out = {{"name", view.name},
              {"uid", view.uid},
              {"decision", view.approve ? "Approve" : "Reject"},
              {"counted", view.counted},
              {"verdict", view.reason},
              {"message", cut_utf8(view.message, brevity.text)},
              {"role", view.role},
              {"approver", {{"username", view.approver}}},
              {"createdAt", format_time(view.created)},
              {"elapsedSeconds", waited.count()}};
  const auto found = std::ranges::find_if(
      states, [&](const ApprovalState& state) { return state.approval.meta.uid == view.uid; });
  if (found != states.end() && brevity.extras) {
    out["approver"] = identity_json(found->approval.approver, subject, brevity);
    out["comment"] = cut_utf8(found->approval.comment, brevity.text);
  }
  return out;
}

json model_version_json(const ModelVersion& version, const std::string& spec_digest,
                        const Subject& subject, const Brevity& brevity) {
  json out = {{"name", version.meta.name},
              {"uid", version.meta.uid},
              {"specDigest", spec_digest},
              {"artifact",
               {{"type", version.artifact_type},
                {"uri", version.artifact_uri},
                {"digest", version.artifact_digest}}},
              {"source",
               {{"registry", version.source.registry},
                {"registeredModel", version.source.registered_model},
                {"version", version.source.version},
                {"runId", version.source.run_id},
                {"trainedBy", version.source.trained_by}}},
              {"training",
               {{"datasetVersion", version.training_dataset_version},
                {"datasetDigest", version.training_dataset_digest}}},
              {"featurePipelineVersion", version.feature_pipeline_version},
              {"registeredBy", identity_json(version.registered_by, subject, brevity)}};
  if (!brevity.extras) return out;
  out["claims"] = json::array();
  for (const auto& [metric, value] : version.claims)
    out["claims"].push_back({{"name", metric}, {"value", cut_utf8(value, brevity.text)}});
  return out;
}

}  // namespace

std::string need(const json& value, const char* key, Missing& missing) {
  const json* found = find_at(value, {key});
  if (found != nullptr && found->is_string()) return found->get<std::string>();
  if (missing.empty()) missing = key;
  return {};
}

json version_json(const VersionRef& version) {
  return {{"version", version.version},
          {"digest", version.digest},
          {"artifactUri", version.artifact_uri},
          {"stage", version.stage}};
}

VersionRef version_at(const json& value, const char* key) {
  return {.version = text_at(value, {key, "version"}),
          .digest = text_at(value, {key, "digest"}),
          .artifact_uri = text_at(value, {key, "artifactUri"}),
          .stage = text_at(value, {key, "stage"})};
}

json dataset_json(const Dataset& dataset) {
  return {{"uri", dataset.uri}, {"version", dataset.version}, {"digest", dataset.digest}};
}

Dataset dataset_of(const json& value) {
  return {.uri = text_at(value, {"uri"}),
          .version = text_at(value, {"version"}),
          .digest = text_at(value, {"digest"})};
}

json pins_json(const std::vector<RenderedPin>& pins) {
  json out = json::array();
  for (const RenderedPin& pin : pins)
    out.push_back({{"container", pin.container}, {"name", pin.name}, {"value", pin.value}});
  return out;
}

std::vector<RenderedPin> pins_of(const json& list) {
  std::vector<RenderedPin> out;
  for (const json& value : list) {
    out.push_back({.container = text_at(value, {"container"}),
                   .name = text_at(value, {"name"}),
                   .value = text_at(value, {"value"})});
  }
  return out;
}

json gates_json(const std::vector<GateState>& gates, const Brevity& brevity) {
  json out = json::array();
  for (const GateState& gate : gates) {
    const gates::Judgement& judgement = gate.judgement;
    out.push_back({{"name", gate.spec.name},
                   {"type", gate.spec.kind},
                   {"enforcement", gate.spec.blocking ? "Blocking" : "Advisory"},
                   {"gateClass", gate.spec.gate_class},
                   {"verdict", gates::name(gate.verdict)},
                   {"reason", judgement.reason},
                   {"message", cut_utf8(judgement.message, brevity.text)},
                   {"observed", judgement.observed},
                   {"threshold", judgement.threshold},
                   {"champion", judgement.champion},
                   {"samples", judgement.samples},
                   {"interval", judgement.interval},
                   {"attempt", gate.attempt},
                   {"jobName", gate.job_name},
                   {"jobUid", gate.job_uid},
                   {"podUid", gate.pod_uid},
                   {"nonce", gate.nonce},
                   {"image", gate.image},
                   {"servedBy", gate.served_by},
                   {"proof", {{"type", gate.proof}, {"pods", texts_json(gate.pods)}}},
                   {"carries", texts_json(gate.carries)}});
  }
  return out;
}

std::vector<GateState> gates_of(const json& list, Missing& missing) {
  std::vector<GateState> out;
  for (const json& value : list) {
    const auto text = [&](const char* key) { return text_at(value, {key}); };
    GateState gate;
    gate.spec.name = need(value, "name", missing);
    gate.spec.kind = text("type");
    gate.spec.blocking = text("enforcement") != "Advisory";
    gate.spec.gate_class = text("gateClass");
    gate.attempt = int_at(value, "attempt");
    gate.verdict = gates::verdict(need(value, "verdict", missing));
    gate.judgement = {.verdict = gate.verdict,
                      .reason = text("reason"),
                      .message = text("message"),
                      .observed = text("observed"),
                      .threshold = text("threshold"),
                      .champion = text("champion"),
                      .samples = text("samples"),
                      .interval = text("interval")};
    gate.job_name = text("jobName");
    gate.job_uid = text("jobUid");
    gate.pod_uid = text("podUid");
    gate.nonce = text("nonce");
    gate.image = text("image");
    gate.served_by = text("servedBy");
    gate.proof = text_at(value, {"proof", "type"});
    if (const json* pods = find_at(value, {"proof", "pods"})) gate.pods = texts_of(*pods);
    if (const json* carries = find_at(value, {"carries"})) gate.carries = texts_of(*carries);
    out.push_back(std::move(gate));
  }
  return out;
}

json review_json(const ReviewView& review) {
  return {{"decisionDigest", review.decision_digest},
          {"openedAt", format_time(review.opened_at)},
          {"expiresAt", format_time(review.expires_at)},
          {"needed", review.needed},
          {"counted", review.counted},
          {"missing", review.missing}};
}

ReviewView review_of(const json& value, Missing& missing) {
  return {.decision_digest = need(value, "decisionDigest", missing),
          .opened_at = time_at(value, "openedAt"),
          .expires_at = time_at(value, "expiresAt"),
          .needed = int_at(value, "needed"),
          .counted = int_at(value, "counted"),
          .missing = text_at(value, {"missing"})};
}

json approvals_json(const Subject& subject, const std::vector<ApprovalView>& views,
                    const std::vector<ApprovalState>& states, const Brevity& brevity) {
  json out = json::array();
  std::size_t uncounted = 0;
  for (const ApprovalView& view : views) {
    const bool named = view.counted || (brevity.extras && uncounted++ < kMaxUncounted);
    if (named) out.push_back(approval_json(subject, view, states, brevity));
  }
  return out;
}

std::vector<ApprovalView> approvals_of(const json& list, Missing& missing) {
  std::vector<ApprovalView> out;
  for (const json& value : list) {
    out.push_back({.name = text_at(value, {"name"}),
                   .uid = need(value, "uid", missing),
                   .approver = text_at(value, {"approver", "username"}),
                   .role = text_at(value, {"role"}),
                   .approve = text_at(value, {"decision"}) == "Approve",
                   .counted = flag_at(value, "counted"),
                   .reason = text_at(value, {"verdict"}),
                   .message = text_at(value, {"message"}),
                   .created = time_at(value, "createdAt")});
  }
  return out;
}

json ends_json(const std::vector<TargetEnd>& ends, const Brevity& brevity) {
  json out = json::array();
  for (const TargetEnd& end : ends) {
    out.push_back({{"name", end.name},
                   {"from", version_json(end.from)},
                   {"to", version_json(end.to)},
                   {"code", stagekeeper::name(end.code)},
                   {"text", cut_utf8(end.text, brevity.text)},
                   {"record", end.record}});
  }
  return out;
}

std::vector<TargetEnd> ends_of(const json& list, Missing& missing) {
  std::vector<TargetEnd> out;
  for (const json& value : list) {
    out.push_back({.name = need(value, "name", missing),
                   .from = version_at(value, "from"),
                   .to = version_at(value, "to"),
                   .code = end_code(need(value, "code", missing)),
                   .text = text_at(value, {"text"}),
                   .record = static_cast<std::uint64_t>(number_at(value, {"record"}).value_or(0))});
  }
  return out;
}

json identity_json(const Identity& who, const Subject& subject, const Brevity& brevity) {
  json out = {{"username", who.username}, {"uid", who.uid}};
  const StageSpec* stage = subject.stage();
  if (!brevity.extras || stage == nullptr || !stage->review) return out;
  out["groups"] = json::array();
  out["groupsInAll"] = who.groups.size();
  for (const std::string& group : who.groups) {
    const bool asked = std::ranges::any_of(stage->review->approvers, [&](const auto& role) {
      return std::ranges::find(role.groups, group) != role.groups.end();
    });
    if (asked) out["groups"].push_back(group);
  }
  return out;
}

json provenance_json(const ProvenanceFacts& facts, const Brevity& brevity) {
  const Subject& subject = facts.subject;
  const PromotionRequest& request = subject.request;
  json out = {{"request",
               {{"stage", request.stage},
                {"targets", request.targets},
                {"reason", cut_utf8(request.reason, brevity.text)},
                {"createdAt", format_time(request.meta.created)}}},
              {"requester", identity_json(request.requester, subject, brevity)},
              {"policyDigest", subject.policy_digest}};
  if (subject.version)
    out["modelVersion"] =
        model_version_json(*subject.version, subject.version_digest, subject, brevity);
  if (subject.policy && subject.policy->evaluation.dataset)
    out["evaluation"]["dataset"] = dataset_json(*subject.policy->evaluation.dataset);
  return out;
}

std::string fitting(const std::function<json(const Brevity&)>& write) {
  std::string text;
  for (const Brevity& brevity : kLevels) {
    text = write(brevity).dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() <= kMaxBodyBytes) break;
  }
  return text;
}

Result<json> parsed(const RecordFact& record, std::string_view body) {
  Result<json> out = parse_strict_json(body, kMaxBodyBytes);
  if (out && out->is_object()) return out;
  return fail(ErrorCode::kCorrupt, fmt::format("the body of {} record {} is no JSON object",
                                               stagekeeper::name(record.kind), record.sequence));
}

Status complete(const RecordFact& record, const Missing& missing) {
  if (missing.empty()) return {};
  return fail(ErrorCode::kCorrupt,
              fmt::format("the body of {} record {} lacks {}", stagekeeper::name(record.kind),
                          record.sequence, missing));
}

}  // namespace stagekeeper::promotion::records
