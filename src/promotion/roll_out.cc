#include "promotion/digests.h"
#include "promotion/pins.h"
#include "promotion/records.h"
#include "promotion/steps.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::steps {
namespace {

constexpr std::size_t kMaxReasonBytes = 500;

Decision rolling(const World& world, std::string reason, std::string message, std::string what) {
  Decision out =
      waiting(world, Phase::kRollingOut, std::move(reason), std::move(message), std::move(what));
  out.wake_at = world.now + kLookAgain;
  return out;
}

AppendRecord terminal(const World& world, const RecordFact& intent, std::string kind,
                      std::string reason) {
  std::vector<GateState> gates;
  if (world.smoke && world.smoke->attempt > 0) gates.push_back(*world.smoke);
  return AppendRecord{.ledger = LedgerKind::kTarget,
                      .kind = std::move(kind),
                      .decision_digest = intent.decision_digest,
                      .action = intent.action,
                      .from = intent.from,
                      .to = intent.to,
                      .of = intent.sequence,
                      .reason = std::move(reason),
                      .body = record_body(world, gates, {})};
}

/// Closes the Intent without success. Going back, if anything was changed, is the next round's
/// Intent.
Decision abort(const World& world, const RecordFact& intent, const std::string& code,
               const std::string& why) {
  Decision out = rolling(world, code, why, "audit record");
  out.actions.emplace_back(
      terminal(world, intent, "Aborted", code + ": " + why.substr(0, kMaxReasonBytes)));
  return out;
}

Decision applied(const World& world, const RecordFact& intent) {
  Decision out =
      rolling(world, "RecordingOutcome", "the rollout is complete; recording it", "audit record");
  out.phase = Phase::kRecording;
  out.actions.emplace_back(terminal(world, intent, "Applied", ""));
  return out;
}

bool observed(const Deployment& deployment) {
  return deployment.observed_generation >= deployment.meta.generation;
}

bool rolled_out(const Deployment& deployment) {
  return observed(deployment) && deployment.updated_replicas >= deployment.replicas &&
         deployment.status_replicas == deployment.updated_replicas &&
         deployment.available_replicas >= deployment.replicas;
}

/// The Deployment controller gave up, and on this rollout: when an earlier ReplicaSet is used again
/// the condition of the rollout before stays until there is progress, even under the new
/// observedGeneration, and for ever if there never is. A deadline of this rollout cannot have
/// passed before half of it has; after one and a half the old condition says the same as a new one.
bool gave_up(const World& world, const Deployment& deployment, const RecordFact& intent) {
  if (!observed(deployment) || !deployment.progress_deadline_exceeded) return false;
  const auto half = deployment.progress_deadline / 2;
  return deployment.progress_updated >= intent.time + half ||
         world.now >= intent.time + deployment.progress_deadline + half;
}

/// A GateClass of the stage that does not exist at the moment: an upgrade of the chart replaces
/// them.
std::string missing_class(const World& world) {
  const StageSpec* stage = world.policy ? world.policy->stage(world.request.stage) : nullptr;
  if (stage == nullptr) return "";
  const auto found = std::ranges::find_if(stage->gates, [&](const GateSpec& gate) {
    return !world.gate_classes.contains(gate.gate_class);
  });
  return found == stage->gates.end() ? "" : found->gate_class;
}

/// What was decided is no longer what would be decided (I5): version, policy, results, Deployment.
bool subject_changed(const World& world, const RecordFact& intent) {
  if (intent.action != name(RequestAction::kPromote)) return false;
  return !world.results ||
         decision_digest(world, *world.results, intent.sequence) != intent.decision_digest;
}

/// The number on the Deployment is not yet the Intent's: write it, or say who is in the way.
std::optional<Decision> pin(const World& world, const RecordFact& intent) {
  const Deployment& deployment = *world.target->deployment;
  const std::uint64_t sequence = pinned_sequence(deployment);
  const bool matches = pins_match(deployment, world.target->target, intent.to);
  if (sequence > intent.sequence) {
    return abort(
        world, intent, "Overtaken",
        fmt::format("the Deployment bears sequence {} which is later than this Intent's {}",
                    sequence, intent.sequence));
  }
  if (sequence == intent.sequence && matches) return std::nullopt;
  if (const std::string missing = missing_class(world);
      sequence < intent.sequence && !missing.empty()) {
    return rolling(
        world, "GateClassMissing",
        fmt::format("GateClass {} is gone, which the decision names; a cluster admin has "
                    "to create it again",
                    missing),
        "GateClass " + missing);
  }
  if (sequence < intent.sequence && subject_changed(world, intent)) {
    return abort(world, intent, "SubjectChanged",
                 "version, policy, target or Deployment changed after the decision was recorded");
  }
  if (intent.action == name(RequestAction::kAdopt) && !matches) {
    return abort(world, intent, "NotRunning",
                 "the Deployment no longer carries the pins that were to be adopted");
  }
  Decision out =
      rolling(world, "Pinning", fmt::format("pinning version {}", intent.to.version), "rollout");
  if (!world.target->pin_conflict.empty()) return field_conflict(world, std::move(out));
  out.actions.emplace_back(PatchPin{.deployment_uid = deployment.meta.uid,
                                    .version = intent.to,
                                    .sequence = intent.sequence,
                                    .record_digest = intent.digest});
  return out;
}

CreateGateJob smoke_job(const World& world, const RecordFact& intent) {
  CreateGateJob job{.gate = world.smoke->spec,
                    .attempt = world.smoke->attempt + 1,
                    .input_digest = intent.digest,
                    .candidate = intent.to,
                    .champion = {},
                    .golden_row = "",
                    .golden_score = ""};
  if (!world.results) return job;
  for (const GateState& gate : world.results->gates) {
    if (gate.golden_score.empty()) continue;
    job.golden_row = gate.golden_row;
    job.golden_score = gate.golden_score;
  }
  return job;
}

/// The smoke test after a promotion: none for a rollback, since nothing better than the version
/// that is already known to serve could be done about its failure.
std::optional<Decision> smoke(const World& world, const RecordFact& intent) {
  if (intent.action != name(RequestAction::kPromote)) return std::nullopt;
  if (!world.version || !world.policy) {
    return abort(world, intent, "SmokeTestImpossible",
                 "the ModelVersion or the PromotionPolicy was deleted during the rollout, so that "
                 "what serves cannot be tested");
  }
  const auto found = world.smoke ? world.gate_classes.find(world.smoke->spec.gate_class)
                                 : world.gate_classes.end();
  if (found == world.gate_classes.end()) {
    return rolling(
        world, "GateClassMissing",
        "the smoke test needs GateClass stagekeeper-smoke; a cluster admin has to create it",
        "GateClass stagekeeper-smoke");
  }
  const GateState& gate = *world.smoke;
  if (gate.verdict == Verdict::kPassed) return std::nullopt;
  const bool over = gate.verdict != Verdict::kPending && gate.verdict != Verdict::kRunning;
  const bool again = gate.retryable && gate.attempt < found->second.max_attempts;
  if (over && !again) {
    return abort(world, intent, "SmokeTestFailed", "smoke test: " + gate.message);
  }
  Decision out =
      rolling(world, "SmokeTest", "the rollout is complete; testing what is served", "smoke test");
  if (gate.verdict != Verdict::kRunning) out.actions.emplace_back(smoke_job(world, intent));
  return out;
}

}  // namespace

Decision roll_out(const World& world, const RecordFact& intent) {
  const auto& deployment = world.target->deployment;
  if (!deployment || deployment->meta.deleting) {
    return abort(
        world, intent, "DeploymentGone",
        "the Deployment was deleted after the decision was recorded; create it again and file a "
        "new request");
  }
  if (deployment->paused || deployment->replicas == 0) {
    return rolling(
        world, "DeploymentPaused",
        fmt::format("Deployment {} is {}; resume it so that the rollout can be watched",
                    deployment->meta.name, deployment->paused ? "paused" : "scaled to 0"),
        "Deployment " + deployment->meta.name);
  }
  if (auto step = pin(world, intent)) return *step;
  // Without a pin a model server is never ready: there is nothing to wait for.
  if (intent.to.version.empty()) return applied(world, intent);
  if (gave_up(world, *deployment, intent)) {
    return abort(world, intent, "RolloutFailed",
                 fmt::format("the rollout of version {} did not finish: {}", intent.to.version,
                             deployment->progress_message));
  }
  if (!rolled_out(*deployment)) {
    return rolling(world, "RolloutInProgress",
                   fmt::format("{} of {} replicas serve version {}", deployment->updated_replicas,
                               deployment->replicas, intent.to.version),
                   "rollout");
  }
  if (auto step = smoke(world, intent)) return *step;
  return applied(world, intent);
}

}  // namespace stagekeeper::promotion::steps
