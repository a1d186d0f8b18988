#include "promotion/records.h"

#include "base/canonical_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

/// Approvals that did not count and are named all the same: anybody may create one.
constexpr std::size_t kMaxUncounted = 16;
/// Leaves room for the ledger's own fields in its 64 KiB.
constexpr std::size_t kMaxBodyBytes = 48U << 10U;
/// Texts are cut to the first of these with which the body fits.
constexpr std::size_t kTextLimits[] = {1000, 200, 40};

/// Somebody's groups as far as the review asks for them: people may be in hundreds.
json identity(const Identity& who, const World& world) {
  json groups = json::array();
  const StageSpec* stage = world.policy ? world.policy->stage(world.request.stage) : nullptr;
  for (const std::string& group : who.groups) {
    if (stage == nullptr || !stage->review) break;
    const bool asked = std::ranges::any_of(stage->review->approvers, [&](const auto& role) {
      return std::ranges::find(role.groups, group) != role.groups.end();
    });
    if (asked) groups.push_back(group);
  }
  return {{"username", who.username},
          {"uid", who.uid},
          {"groups", groups},
          {"groupsInAll", std::to_string(who.groups.size())}};
}

json gate_json(const GateState& gate, std::size_t limit) {
  return {{"name", gate.spec.name},
          {"type", name(gate.spec.type)},
          {"enforcement", gate.spec.blocking ? "Blocking" : "Advisory"},
          {"verdict", name(gate.verdict)},
          {"reason", gate.reason},
          {"message", gate.message.substr(0, limit)},
          {"observed", gate.observed},
          {"threshold", gate.threshold},
          {"champion", gate.champion},
          {"samples", gate.samples},
          {"attempt", std::to_string(gate.attempt)},
          {"jobName", gate.job_name},
          {"jobUid", gate.job_uid},
          {"podUid", gate.pod_uid},
          {"nonce", gate.nonce},
          {"image", gate.image},
          {"goldenRow", gate.golden_row},
          {"goldenScore", gate.golden_score}};
}

json approval_json(const World& world, const ApprovalView& view, std::size_t limit) {
  json out = {
      {"name", view.name},
      {"uid", view.uid},
      {"decision", view.approve ? "Approve" : "Reject"},
      {"counted", view.counted},
      {"verdict", view.reason},
      {"message", view.message.substr(0, limit)},
      {"role", view.role},
      {"approver", {{"username", view.approver}}},
      {"createdAt", format_time(view.created)},
      {"elapsedSeconds",
       std::to_string(std::chrono::seconds(view.created - world.request.meta.created).count())}};
  const auto found = std::ranges::find_if(world.approvals, [&](const ApprovalState& state) {
    return state.approval.meta.uid == view.uid;
  });
  if (found != world.approvals.end()) {
    out["approver"] = identity(found->approval.approver, world);
    out["comment"] = found->approval.comment.substr(0, limit);
  }
  return out;
}

/// All that counted, and the first that did not, in the order in which they were judged.
json approvals_json(const World& world, const std::vector<ApprovalView>& approvals,
                    std::size_t limit) {
  json out = json::array();
  std::size_t uncounted = 0;
  for (const ApprovalView& view : approvals) {
    if (view.counted || uncounted++ < kMaxUncounted)
      out.push_back(approval_json(world, view, limit));
  }
  return out;
}

json review_json(const ReviewView& review) {
  return {{"openedAt", format_time(review.opened_at)},
          {"expiresAt", format_time(review.expires_at)},
          {"needed", std::to_string(review.needed)},
          {"counted", std::to_string(review.counted)},
          {"missing", review.missing}};
}

TimePoint time_of(const json& object, const char* key) {
  return parse_time(object.at(key).get<std::string>()).value_or(TimePoint());
}

ReviewView review_of(const json& value, const RecordFact& record) {
  const auto number = [&](const char* key) {
    return std::atoi(value.at(key).get<std::string>().c_str());
  };
  return {.decision_digest = record.decision_digest,
          .opened_at = time_of(value, "openedAt"),
          .expires_at = time_of(value, "expiresAt"),
          .needed = number("needed"),
          .counted = number("counted"),
          .missing = value.at("missing")};
}

std::vector<ApprovalView> approvals_of(const json& list) {
  std::vector<ApprovalView> out;
  for (const json& value : list) {
    out.push_back({.name = value.at("name"),
                   .uid = value.at("uid"),
                   .approver = value.at("approver").at("username"),
                   .role = value.at("role"),
                   .approve = value.at("decision") == "Approve",
                   .counted = value.at("counted"),
                   .reason = value.at("verdict"),
                   .message = value.at("message"),
                   .created = time_of(value, "createdAt")});
  }
  return out;
}

json model_version_json(const World& world) {
  if (!world.version) return nullptr;
  json claims = json::array();
  for (const auto& [metric, value] : world.version->claims) {
    claims.push_back({{"name", metric}, {"value", value}});
  }
  return {{"name", world.version->meta.name},
          {"uid", world.version->meta.uid},
          {"specDigest", world.version_digest},
          {"artifactDigest", world.version->artifact_digest},
          {"trainedBy", world.version->trained_by},
          {"featurePipelineVersion", world.version->feature_pipeline_version},
          {"claims", claims}};
}

Verdict verdict_of(std::string_view text) {
  constexpr std::array kAll = {Verdict::kPending, Verdict::kRunning,      Verdict::kPassed,
                               Verdict::kFailed,  Verdict::kInconclusive, Verdict::kErrored};
  const auto* found = std::ranges::find_if(kAll, [&](Verdict v) { return name(v) == text; });
  return found == kAll.end() ? Verdict::kErrored : *found;
}

GateState gate_of(const json& value, const std::vector<GateSpec>& policy_gates) {
  const auto text = [&](const char* key) { return value.value(key, std::string()); };
  GateState gate;
  const auto spec = std::ranges::find(policy_gates, text("name"), &GateSpec::name);
  if (spec != policy_gates.end()) gate.spec = *spec;
  gate.spec.name = text("name");
  gate.spec.blocking = text("enforcement") != "Advisory";
  gate.attempt = std::atoi(text("attempt").c_str());
  gate.verdict = verdict_of(text("verdict"));
  gate.reason = text("reason");
  gate.message = text("message");
  gate.observed = text("observed");
  gate.threshold = text("threshold");
  gate.champion = text("champion");
  gate.samples = text("samples");
  gate.job_name = text("jobName");
  gate.job_uid = text("jobUid");
  gate.pod_uid = text("podUid");
  gate.nonce = text("nonce");
  gate.image = text("image");
  gate.golden_row = text("goldenRow");
  gate.golden_score = text("goldenScore");
  return gate;
}

json about_request(const World& world) {
  json body = {{"requester", identity(world.request.requester, world)},
               {"reason", world.request.reason},
               {"stage", world.request.stage},
               {"requestedAt", format_time(world.request.meta.created)},
               {"policyDigest", world.policy_digest},
               {"modelVersion", model_version_json(world)},
               {"modelLedgerHead", world.model_ledger.head_digest()}};
  if (world.policy) {
    const Evaluation& evaluation = world.policy->evaluation;
    body["evaluation"] = {{"dataset",
                           {{"uri", evaluation.dataset_uri},
                            {"version", evaluation.dataset_version},
                            {"digest", evaluation.dataset_digest}}}};
  }
  if (world.target) {
    body["target"] = {
        {"name", world.target->target.meta.name},
        {"uid", world.target->target.meta.uid},
        {"segment", world.target->target.segment},
        {"deployment", world.target->target.deployment},
        {"deploymentUid",
         world.target->deployment ? world.target->deployment->meta.uid : std::string()},
        {"templateDigest", world.target->template_digest}};
  }
  return body;
}

}  // namespace

std::string record_body(const World& world, const std::vector<GateState>& gates,
                        const std::vector<ApprovalView>& approvals,
                        const std::optional<ReviewView>& review) {
  std::string text;
  for (const std::size_t limit : kTextLimits) {
    json body = about_request(world);
    body["gates"] = json::array();
    for (const GateState& gate : gates)
      body["gates"].push_back(gate_json(gate, limit));
    body["approvals"] = approvals_json(world, approvals, limit);
    if (review) body["review"] = review_json(*review);
    text = body.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() <= kMaxBodyBytes) break;
  }
  return text;
}

Result<std::optional<PastReview>> review_of_body(const std::string& body,
                                                 const RecordFact& record) {
  Result<json> parsed = parse_strict_json(body, kMaxBodyBytes);
  const Error malformed{ErrorCode::kCorrupt,
                        fmt::format("the review in record {} is malformed", record.sequence)};
  if (!parsed || !parsed->is_object()) return tl::unexpected(malformed);
  if (!parsed->contains("review")) return std::optional<PastReview>();
  try {
    return std::optional(PastReview{.record = record,
                                    .review = review_of((*parsed)["review"], record),
                                    .approvals = approvals_of(parsed->at("approvals"))});
  } catch (const json::exception&) {
    return tl::unexpected(malformed);
  }
}

Result<std::vector<GateState>> gates_of_body(const std::string& body,
                                             const std::vector<GateSpec>& policy_gates) {
  Result<json> parsed = parse_strict_json(body, kMaxBodyBytes);
  if (!parsed || !parsed->is_object() || !parsed->contains("gates")) {
    return fail(ErrorCode::kCorrupt, "the body of a GateResult record holds no gates");
  }
  std::vector<GateState> gates;
  try {
    for (const json& value : (*parsed)["gates"])
      gates.push_back(gate_of(value, policy_gates));
  } catch (const json::exception&) {
    return fail(ErrorCode::kCorrupt, "a gate in the body of a GateResult record is malformed");
  }
  return gates;
}

}  // namespace stagekeeper::promotion
