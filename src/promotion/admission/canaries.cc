#include "promotion/admission/canaries.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "model/resource.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::admission {
namespace {

using nlohmann::json;
using Proof = AdmissionState::Proof;

constexpr std::size_t kMaxObjectBytes = 1U << 20U;
/// Watches of an API server, and of its replicas, are behind by less.
constexpr std::chrono::seconds kSettles{5};

constexpr const char* kModel = "canary";
/// Nobody's user name: API servers give out none with this prefix.
constexpr const char* kSomebodyElse = "stagekeeper:somebody-else";
constexpr const char* kNoUid = "00000000-0000-0000-0000-000000000000";

json metadata(std::string_view ns) {
  return {{"name", kCanaryName}, {"namespace", ns}};
}

json approval(std::string_view ns) {
  return {{"apiVersion", kGroupVersion},
          {"kind", "Approval"},
          {"metadata", metadata(ns)},
          {"spec",
           {{"request", {{"name", kCanaryName}, {"uid", kNoUid}}},
            {"model", kModel},
            {"stage", kCanaryStage},
            {"decision", "Reject"},
            {"comment", "a dry run of the operator; it must be refused"},
            {"approver", {{"username", kSomebodyElse}}}}}};
}

json request(std::string_view ns) {
  return {{"apiVersion", kGroupVersion},
          {"kind", "PromotionRequest"},
          {"metadata", metadata(ns)},
          {"spec",
           {{"model", kModel},
            {"stage", kCanaryStage},
            {"version", "1"},
            {"action", "Promote"},
            {"reason", "a dry run of the operator; it must be refused"},
            {"requester", {{"username", kSomebodyElse}}}}}};
}

json deployment(std::string_view ns) {
  const json labels = {{"app", kCanaryName}};
  json out = {{"apiVersion", "apps/v1"},
              {"kind", "Deployment"},
              {"metadata", metadata(ns)},
              {"spec",
               {{"replicas", 0},
                {"selector", {{"matchLabels", labels}}},
                {"template",
                 {{"metadata", {{"labels", labels}}},
                  {"spec",
                   {{"containers",
                     json::array({{{"name", "none"}, {"image", "stagekeeper.dev/none"}}})}}}}}}}};
  out["metadata"]["labels"] = {{kTargetLabel, kCanaryName}};
  return out;
}

/// The last time in a list of managedFields.
TimePoint last_write(const json& object) {
  TimePoint last{};
  for (const json& entry : list_at(object, {"metadata", "managedFields"})) {
    const Result<TimePoint> time = parse_time(text_at(entry, {"time"}));
    if (time) last = std::max(last, *time);
  }
  return last;
}

}  // namespace

const std::vector<Canary>& canaries() {
  static const std::vector<Canary> all = {
      {.kind = CanaryKind::kApproval,
       .policy = "stagekeeper-approver",
       .says = "spec.approver.username must be your own user name",
       .forges = "an Approval in another person's name",
       .dates = true},
      {.kind = CanaryKind::kPromotionRequest,
       .policy = "stagekeeper-requester",
       .says = "spec.requester.username must be your own user name",
       .forges = "a PromotionRequest in another person's name",
       .dates = true},
      {.kind = CanaryKind::kDeployment,
       .policy = "stagekeeper-pin-guard",
       .says = "written by Stagekeeper only",
       .forges = "a Deployment that claims to serve a promoted model",
       .pins = true}};
  return all;
}

std::string manifest(const Canary& canary, std::string_view ns) {
  switch (canary.kind) {
    case CanaryKind::kApproval:
      return approval(ns).dump();
    case CanaryKind::kPromotionRequest:
      return request(ns).dump();
    case CanaryKind::kDeployment:
      break;
  }
  return deployment(ns).dump();
}

bool unanswered(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kThrottled:
    case ErrorCode::kCancelled:
    case ErrorCode::kTooLarge:
      return true;
    default:
      // A token that was just replaced: kube::status_error() ends its text so.
      return error.message.ends_with("(401)");
  }
}

Judged judge(const Canary& canary, const Result<std::string>& answer) {
  if (answer) {
    return {Proof::kBroken,
            fmt::format("{} was let through: ValidatingAdmissionPolicy {} or its binding is "
                        "missing, does not deny, or leaves this namespace out",
                        canary.forges, canary.policy)};
  }
  const Error& error = answer.error();
  const std::string ours = fmt::format(
      "ValidatingAdmissionPolicy '{0}' with binding '{0}' denied request: ", canary.policy);
  const std::size_t at = error.message.find(ours);
  const bool refused = at != std::string::npos &&
                       error.message.find(canary.says, at + ours.size()) != std::string::npos;
  if (refused) return {Proof::kIntact, ""};
  if (unanswered(error)) {
    return {Proof::kUnknown,
            fmt::format("the API server could not be asked whether ValidatingAdmissionPolicy {} "
                        "is in force: {}",
                        canary.policy, error.message)};
  }
  return {Proof::kBroken,
          fmt::format("{} was not refused by ValidatingAdmissionPolicy {} as the chart has it, so "
                      "that nothing is known of that policy: {}",
                      canary.forges, canary.policy, error.message)};
}

Result<TimePoint> last_change(std::string_view object_json) {
  const Result<json> object = parse_strict_json(object_json, kMaxObjectBytes);
  if (!object || !object->is_object())
    return fail(ErrorCode::kCorrupt, "an admission policy that cannot be read");
  const Result<TimePoint> created = parse_time(text_at(*object, {"metadata", "creationTimestamp"}));
  if (!created) return fail(ErrorCode::kCorrupt, "an admission policy without creationTimestamp");
  return std::max(*created, last_write(*object));
}

TimePoint counts_from(TimePoint change) {
  return change + kSettles;
}

}  // namespace stagekeeper::promotion::admission
