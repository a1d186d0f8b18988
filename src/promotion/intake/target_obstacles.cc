#include "promotion/intake/intake.h"
#include "promotion/pins.h"
#include "promotion/queries.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::intake {
namespace {

/// The Deployment cannot be found, or is somebody else's.
std::optional<Wait> not_ours(const TargetState& state) {
  const ServingTarget& target = *state.target;
  const std::string& name = target.workload.name;
  const std::string about = "Deployment " + name;
  if (!state.deployment || state.deployment->meta.deleting) {
    return Wait{
        .code = WaitCode::kDeploymentMissing,
        .about = about,
        .what = fmt::format("Deployment {} of ServingTarget {} does not exist", name, state.name),
        .who_can = "whoever runs the Deployment",
        .command = "create it"};
  }
  if (target.observes) {
    return Wait{.code = WaitCode::kDeploymentNotClaimed,
                .about = "ServingTarget " + state.name,
                .what = fmt::format("ServingTarget {} only observes, so that nothing of {} is "
                                    "changed",
                                    state.name, about),
                .who_can = "whoever writes ServingTargets",
                .command = fmt::format("kubectl -n {} patch servingtarget {} --type=merge -p "
                                       "'{{\"spec\":{{\"enforcement\":\"Enforce\"}}}}'",
                                       target.meta.ns, state.name)};
  }
  if (state.claimed_by == state.name) return std::nullopt;
  if (state.claimed_by.empty()) {
    return Wait{.code = WaitCode::kDeploymentNotClaimed,
                .about = about,
                .what = fmt::format("Deployment {} is not claimed by ServingTarget {} yet; if it "
                                    "stays so, condition DeploymentClaimed says why",
                                    name, state.name)};
  }
  return Wait{.code = WaitCode::kDeploymentNotClaimed,
              .about = about,
              .what = fmt::format("Deployment {} is claimed by ServingTarget {}, not by {}", name,
                                  state.claimed_by, state.name),
              .who_can = "whoever writes ServingTargets",
              .command = "let one target own the Deployment"};
}

/// The Deployment is ours and cannot be changed as it is.
std::optional<Wait> unfit(const TargetState& state, bool rollback) {
  const Deployment& deployment = *state.deployment;
  const std::string about = "Deployment " + deployment.meta.name;
  // A Deployment without a version is not ready, and so is delivered with no replicas at first.
  const bool nobody = deployment.replicas == 0 && !serving_version(state.ledger).version.empty();
  if (!rollback && (deployment.paused || nobody)) {
    return Wait{.code = WaitCode::kDeploymentPaused,
                .about = about,
                .what = fmt::format("{} is {}, so that no rollout could be watched", about,
                                    deployment.paused ? "paused" : "scaled to 0"),
                .who_can = "whoever runs the Deployment",
                .command = "resume it"};
  }
  if (const std::string container = missing_container(deployment, *state.target);
      !container.empty()) {
    return Wait{.code = WaitCode::kContainerMissing,
                .about = about,
                .what = fmt::format("{}, which ServingTarget {} pins",
                                    lacks_text(deployment, container), state.name),
                .who_can = "whoever writes ServingTargets",
                .command = "correct spec.pin.env"};
  }
  if (pinned_sequence(deployment) <= state.ledger.head_sequence()) return std::nullopt;
  return Wait{
      .code = WaitCode::kSequenceAhead,
      .about = about,
      .what = fmt::format("{} bears a later sequence than the ledger of ServingTarget {}, "
                          "which ends at {}: records are missing, or somebody wrote the "
                          "annotation {}",
                          about, state.name, state.ledger.head_sequence(), kSequenceAnnotation),
      .who_can = "a cluster admin",
      .command = "find out which before anything is changed"};
}

/// Another request is at work on the target, or has left it in need of a rollback.
std::optional<Wait> busy(const Subject& subject, const TargetState& state) {
  const std::string& uid = subject.request.meta.uid;
  const RecordFact* open = state.ledger.open_intent();
  const RecordFact* owed = owed_way_back(state.ledger);
  const RecordFact* holder = open != nullptr ? open : owed;
  if (holder == nullptr || holder->request.uid == uid) return std::nullopt;
  return Wait{.code = WaitCode::kTargetBusy,
              .about = "ServingTarget " + state.name,
              .what = fmt::format("request {} is being rolled out on target {}",
                                  holder->request.name, state.name),
              .who_can = "whoever may roll back, if it does not end",
              .command = "create a PromotionRequest with action Rollback, which takes over"};
}

}  // namespace

std::optional<Wait> target_obstacle(const Subject& subject, const RolloutFacts& facts) {
  const TargetState& state = facts.state;
  if (!state.target || state.target->meta.deleting) {
    return Wait{.code = WaitCode::kTargetMissing,
                .about = "ServingTarget " + state.name,
                .what = fmt::format("there is no ServingTarget {} in this namespace", state.name),
                .who_can = "whoever writes ServingTargets",
                .command = "create it, or ask for other targets"};
  }
  if (state.target->model != subject.request.model) {
    return Wait{
        .code = WaitCode::kTargetOfAnotherModel,
        .about = "ServingTarget " + state.name,
        .what = fmt::format("ServingTarget {} serves model {}", state.name, state.target->model),
        .who_can = "whoever writes policies",
        .command = "name another target in the policy"};
  }
  const bool rollback = subject.request.action == RequestAction::kRollback;
  if (auto wait = not_ours(state)) return wait;
  if (auto wait = unfit(state, rollback)) return wait;
  return rollback ? std::nullopt : busy(subject, state);
}

std::optional<Wait> targets_obstacle(const Case& facts) {
  const StageSpec& stage = *facts.subject.stage();
  for (const std::string& name : asked_targets(facts.subject)) {
    if (std::ranges::find(stage.targets, name) == stage.targets.end()) {
      return Wait{.code = WaitCode::kTargetMissing,
                  .about = "ServingTarget " + name,
                  .what = fmt::format("stage {} of the policy has no target {}", stage.name, name),
                  .who_can = "whoever writes policies",
                  .command = "add it to the stage, or ask for other targets"};
    }
    const RolloutFacts* target = find_target(facts.targets, name);
    const RolloutFacts unread{.state = {.name = name}};
    if (auto wait = target_obstacle(facts.subject, target == nullptr ? unread : *target))
      return wait;
  }
  return std::nullopt;
}

}  // namespace stagekeeper::promotion::intake
