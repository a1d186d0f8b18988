#include "base/text.h"
#include "promotion/contents.h"
#include "promotion/pins.h"
#include "promotion/rollout/deployment.h"
#include "promotion/rollout/parts.h"

#include <fmt/format.h>

namespace stagekeeper::promotion::rollout {
namespace {

constexpr std::size_t kMaxRefusal = 300;

/// What one attempt is to write: the decision's version, or what was there before it.
struct Pinning {
  const RecordFact& intent;
  bool way_back = false;
  std::vector<RenderedPin> pins;
  std::vector<RenderedPin> others;
};

bool is_promotion(const Case& facts, const Pinning& pinning) {
  return !pinning.way_back && facts.subject.request.action == RequestAction::kPromote;
}

/// Whether something is tested behind the rollout: what users have not met yet, and the bytes of an
/// adopted version whose digest nothing has checked so far.
bool is_tested(const Case& facts, const Pinning& pinning) {
  const bool adopts = facts.subject.request.action == RequestAction::kAdopt;
  return is_promotion(facts, pinning) || (adopts && !pinning.way_back && adds_pins(facts.target));
}

Step paused(const Case& facts, const Deployment& deployment) {
  return waits(
      facts,
      {.code = WaitCode::kDeploymentPaused,
       .about = "Deployment " + deployment.meta.name,
       .what = fmt::format("Deployment {} is {}", deployment.meta.name,
                           deployment.paused ? "paused" : "scaled to 0"),
       .who_can = "whoever runs the Deployment",
       .command = deployment.paused ? fmt::format("kubectl -n {} rollout resume deployment/{}",
                                                  deployment.meta.ns, deployment.meta.name)
                                    : fmt::format("kubectl -n {} scale deployment/{} --replicas=1",
                                                  deployment.meta.ns, deployment.meta.name)});
}

/// Who is in the way of the field manager, as a dry run or a refused PatchPin has told.
std::optional<Step> conflict(const Case& facts, const Deployment& deployment,
                             const Pinning& pinning) {
  const auto& trial = facts.facts.trial;
  if (!trial || trial->conflict.empty() || !same_version(trial->version, pinning.intent.to) ||
      trial->resource_version != deployment.meta.resource_version)
    return std::nullopt;
  Step out = waits(facts, {.code = WaitCode::kFieldConflict,
                           .about = "Deployment " + deployment.meta.name,
                           .what = trial->conflict,
                           .who_can = "whoever writes that Deployment"});
  out.wake_at = facts.now + std::chrono::seconds(30);
  return out;
}

Step write_pins(const Case& facts, const Deployment& deployment, const Pinning& pinning) {
  if (const std::string container = lacks_container(deployment, pinning.pins); !container.empty()) {
    return waits(facts,
                 {.code = WaitCode::kContainerMissing,
                  .about = "Deployment " + deployment.meta.name,
                  .what = lacks_text(deployment, container) + ", which the pins are written into",
                  .who_can = "whoever runs the Deployment",
                  .command = "give it that container again"});
  }
  if (auto refused = conflict(facts, deployment, pinning)) return *refused;
  Step out =
      waits(facts, {.code = WaitCode::kPinning,
                    .about = "Deployment " + deployment.meta.name,
                    .what = fmt::format("pinning {} on target {}", version_text(pinning.intent.to),
                                        facts.target.name)});
  out.actions.emplace_back(PatchPin{.target = facts.target.name,
                                    .deployment_uid = deployment.meta.uid,
                                    .resource_version = deployment.meta.resource_version,
                                    .version = pinning.intent.to,
                                    .pins = pinning.pins,
                                    .sequence = pinning.intent.sequence,
                                    .record_digest = pinning.intent.digest,
                                    .at = facts.now});
  return out;
}

/// Until the pins are in place; nothing: they are.
std::optional<Step> pin(const Case& facts, const Deployment& deployment, const Pinning& pinning) {
  switch (pin_state(deployment, pinning.intent)) {
    case PinState::kOvertaken:
      return abort(facts, pinning.intent,
                   {EndCode::kOvertaken,
                    fmt::format("Deployment {} bears a later sequence than this Intent's {}",
                                deployment.meta.name, pinning.intent.sequence)});
    case PinState::kFenced: {
      if (const auto by = taken_back(deployment)) {
        return abort(facts, pinning.intent,
                     {EndCode::kSuperseded,
                      fmt::format("taken back by rollback request {} while the audit store was "
                                  "away",
                                  printable(*by, 63))});
      }
      const auto stop = must_stop(facts, pinning.intent.sequence);
      return abort(facts, pinning.intent,
                   stop.value_or(Stop{EndCode::kSubjectChanged,
                                      "the change was called off meanwhile, and is not in place"}));
    }
    case PinState::kPinned:
      if (holds(deployment, pinning.pins, pinning.others)) return std::nullopt;
      return write_pins(facts, deployment, pinning);  // somebody else has changed them since
    case PinState::kBefore:
      break;
  }
  if (!pinning.way_back) {
    if (const auto stop = must_stop(facts, pinning.intent.sequence))
      return abort(facts, pinning.intent, *stop);
    if (facts.hold) return waits(facts, *facts.hold);
  }
  const bool first = pinning.intent.from.version.empty();
  const bool still = deployment.paused || (deployment.replicas == 0 && !first);
  if (still && is_promotion(facts, pinning)) return paused(facts, deployment);
  return write_pins(facts, deployment, pinning);
}

/// Why the cluster makes no pods of the Deployment, behind what it is told with; mostly empty.
std::string refusal(const Deployment& deployment) {
  return deployment.pods_refused.empty()
             ? ""
             : fmt::format("; pods are refused: {}",
                           printable(deployment.pods_refused, kMaxRefusal, CutMark::kEllipsis));
}

/// Until the pinned version serves; nothing: it does.
std::optional<Step> watch(const Case& facts, const Deployment& deployment, const Pinning& pinning) {
  // Without a pin a model server is never ready: there is nothing to wait for.
  if (pinning.intent.to.version.empty()) return std::nullopt;
  // Nobody to serve is no reason to keep a rollback open: the pins are right for whoever comes.
  const bool nobody = deployment.replicas == 0 && is_promotion(facts, pinning);
  if (deployment.paused || nobody) return paused(facts, deployment);
  const TimePoint pinned = pinned_at(deployment, pinning.intent.time);
  if (gave_up(deployment, pinned, facts.now)) {
    return abort(
        facts, pinning.intent,
        {EndCode::kRolloutFailed,
         fmt::format("the rollout of {} did not finish: {}{}", version_text(pinning.intent.to),
                     deployment.progress_message, refusal(deployment))});
  }
  if (rolled_out(deployment)) return std::nullopt;
  Step out = waits(facts, {.code = WaitCode::kRolloutInProgress,
                           .about = "Deployment " + deployment.meta.name,
                           .what = fmt::format("{} of {} replicas on target {} have {}{}",
                                               deployment.updated_replicas, deployment.replicas,
                                               facts.target.name, version_text(pinning.intent.to),
                                               refusal(deployment))});
  if (const TimePoint last = pinned + patience(deployment); last > facts.now) out.wake_at = last;
  return out;
}

}  // namespace

Step carry_out(const Case& facts, const RecordFact& intent, bool way_back) {
  const Deployment* deployment = decided_deployment(facts);
  if (deployment == nullptr) {
    const EndCode code = gone_code(facts);
    return abort(facts, intent,
                 {code, fmt::format("the {} of target {} was deleted during the rollout; create "
                                    "it again and file a new request",
                                    code == EndCode::kTargetGone ? "ServingTarget" : "Deployment",
                                    facts.target.name)});
  }
  const Pinning pinning{.intent = intent,
                        .way_back = way_back,
                        .pins = pins_of(facts.target, facts.facts.state, intent.to),
                        .others = pins_of(facts.target, facts.facts.state, intent.from)};
  if (auto step = pin(facts, *deployment, pinning)) return *step;
  // What is pinned already is taken back, as any rollout that fails.
  if (facts.stop != nullptr && !way_back)
    return abort(facts, intent, {EndCode::kAborted, abort_text(*facts.stop)});
  if (auto step = watch(facts, *deployment, pinning)) return *step;
  if (is_tested(facts, pinning)) {
    if (auto step = smoke(facts, intent)) return *step;
  }
  return applied(facts, intent);
}

}  // namespace stagekeeper::promotion::rollout
