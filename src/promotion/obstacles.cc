#include "promotion/ledger_view.h"
#include "promotion/pins.h"
#include "promotion/steps.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::steps {
namespace {

/// What riskTier High asks of every stage that serves users.
constexpr int kHighRiskSeats = 2;

int seats(const ReviewSpec& review) {
  int sum = 0;
  for (const ApproverRole& role : review.approvers)
    sum += role.count;
  return sum;
}

std::string policy_fault(const World& world, const StageSpec& stage) {
  if (!serves(stage)) {
    const bool nothing = stage.gates.empty() && !stage.review;
    return nothing ? "has neither gates nor a review" : "";
  }
  const int least = world.policy->high_risk ? kHighRiskSeats : 1;
  if (!stage.review || seats(*stage.review) < least) {
    return fmt::format("serves users and needs a review by at least {}", least);
  }
  if (std::ranges::none_of(stage.gates, &GateSpec::blocking)) {
    return "serves users and needs at least one blocking gate";
  }
  if (stage.targets.empty()) return "is called Production and needs a ServingTarget";
  return "";
}

Decision obstacle(const World& world, std::string reason, std::string message,
                  std::string waiting_for) {
  Decision out = waiting(world, Phase::kPending, std::move(reason), std::move(message),
                         std::move(waiting_for));
  out.wake_at = world.now + kLookAgain;
  return out;
}

/// The Deployment itself, apart from whose it is.
std::optional<Decision> deployment_obstacle(const World& world) {
  const TargetState& target = *world.target;
  const std::string& name = target.target.deployment;
  if (!target.deployment || target.deployment->meta.deleting) {
    return obstacle(world, "DeploymentMissing",
                    fmt::format("Deployment {} of ServingTarget {} does not exist; create it", name,
                                target.target.meta.name),
                    "Deployment " + name);
  }
  const Deployment& deployment = *target.deployment;
  if (target.claimed_by != target.target.meta.name) {
    const std::string& own = target.target.meta.name;
    return obstacle(
        world, "DeploymentNotClaimed",
        target.claimed_by.empty()
            ? fmt::format("Deployment {} is not claimed by ServingTarget {} yet; if it stays so, "
                          "condition DeploymentClaimed of the ServingTarget says why",
                          name, own)
            : fmt::format("Deployment {} is claimed by ServingTarget {}, not by {}; one target "
                          "owns a Deployment",
                          name, target.claimed_by, own),
        "claim of the Deployment");
  }
  if (deployment.paused || deployment.replicas == 0) {
    return obstacle(world, "DeploymentPaused",
                    fmt::format("Deployment {} is {}; resume it so that a rollout can be watched",
                                name, deployment.paused ? "paused" : "scaled to 0"),
                    "Deployment " + name);
  }
  if (pinned_sequence(deployment) > target.ledger.head_sequence()) {
    return obstacle(
        world, "SequenceAhead",
        fmt::format("Deployment {} bears sequence {}, and the ledger ends at {}: records are "
                    "missing, or somebody wrote the annotation {}; find out which before anything "
                    "is changed",
                    name, pinned_sequence(deployment), target.ledger.head_sequence(),
                    kSequenceAnnotation),
        "ledger");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Decision> preconditions(const World& world) {
  const PromotionRequest& request = world.request;
  if (!world.store.trusted) {
    return obstacle(world, "AuditStoreNotTrusted", world.store.message, "audit store");
  }
  if (!world.policy) {
    return obstacle(
        world, "PolicyMissing",
        fmt::format("no PromotionPolicy {} in this namespace; create it", request.model),
        "PromotionPolicy " + request.model);
  }
  if (request.requester.username.empty()) {
    return obstacle(
        world, "RequesterUnknown",
        "the request names no requester: the admission policies are not installed; install the "
        "chart and create the request again",
        "admission policies");
  }
  if (!world.requester_authorised.has_value()) {
    return obstacle(
        world, "AuthorizationUnknown",
        "the API server could not be asked whether the requester may do this; asking again",
        "authorization");
  }
  if (!*world.requester_authorised) {
    return obstacle(
        world, "RequesterNotAuthorized",
        fmt::format("{} may not do this any more on stage {}; a cluster admin grants the verb on "
                    "stages.{}",
                    request.requester.username, request.stage, kApiGroup),
        "authorization");
  }
  return std::nullopt;
}

std::optional<Decision> version_missing(const World& world) {
  if (world.version) return std::nullopt;
  const std::string name = fmt::format("{}-{}", world.request.model, world.request.version);
  return obstacle(world, "ModelVersionMissing",
                  fmt::format("no ModelVersion {} in this namespace; create it", name),
                  "ModelVersion " + name);
}

std::optional<Decision> unsafe_policy(const World& world, const StageSpec& stage) {
  const std::string fault = policy_fault(world, stage);
  if (fault.empty()) return std::nullopt;
  return obstacle(world, "PolicyUnsafe",
                  fmt::format("stage {} of PromotionPolicy {} {}; correct the policy", stage.name,
                              world.request.model, fault),
                  "PromotionPolicy " + world.request.model);
}

std::optional<Decision> target_obstacle(const World& world) {
  if (!world.target) {
    return obstacle(world, "TargetMissing",
                    "the stage serves through a ServingTarget that does not exist, or the request "
                    "names one that is not the stage's; create it, or ask for another",
                    "ServingTarget");
  }
  const TargetState& target = *world.target;
  if (target.target.model != world.request.model) {
    return obstacle(world, "TargetOfAnotherModel",
                    fmt::format("ServingTarget {} serves model {}; name another in the policy",
                                target.target.meta.name, target.target.model),
                    "PromotionPolicy " + world.request.model);
  }
  if (auto wait = deployment_obstacle(world)) return wait;
  const std::string& uid = world.request.meta.uid;
  const RecordFact* open = target.ledger.open_intent();
  const RecordFact* owed = owed_way_back(target.ledger);
  // A rollback may settle what another request has left behind.
  const bool waits_for_way_back = owed != nullptr && owed->request_uid != uid &&
                                  world.request.action != RequestAction::kRollback;
  if ((open != nullptr && open->request_uid != uid) || waits_for_way_back) {
    return obstacle(world, "TargetBusy",
                    "another request is being rolled out on this target; this one is next",
                    "rollout of another request");
  }
  return std::nullopt;
}

}  // namespace stagekeeper::promotion::steps
