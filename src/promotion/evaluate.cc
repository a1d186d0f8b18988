#include "promotion/digests.h"
#include "promotion/ledger_view.h"
#include "promotion/steps.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::steps {
namespace {

/// While clones are being made: their events come at once, this is for lost ones.
constexpr std::chrono::seconds kSoon{2};

bool is_final(const GateState& gate, const World& world) {
  if (gate.verdict == Verdict::kPending || gate.verdict == Verdict::kRunning) return false;
  const auto found = world.gate_classes.find(gate.spec.gate_class);
  const int most = found == world.gate_classes.end() ? 1 : found->second.max_attempts;
  return !gate.retryable || gate.attempt >= most;
}

/// A gate whose class does not exist, or is made for another type.
const GateState* without_class(const World& world) {
  for (const GateState& gate : world.gates) {
    const auto found = world.gate_classes.find(gate.spec.gate_class);
    if (found == world.gate_classes.end() || found->second.type != gate.spec.type) return &gate;
  }
  return nullptr;
}

VersionRef champion(const World& world) {
  return serving_version(world.evaluated_on->ledger);
}

Decision busy(const World& world, std::vector<Action> actions) {
  Decision out = waiting(world, Phase::kPending, "CandidateBusy",
                         fmt::format("another request is evaluated on {}; this one is next when "
                                     "it ends",
                                     world.evaluated_on->target.meta.name),
                         "evaluation of another request");
  out.actions = std::move(actions);
  out.wake_at = world.now + kLookAgain;
  return out;
}

Decision stray(const World& world, const CloneState& clone) {
  Decision out = waiting(
      world, Phase::kPending, "CandidateWouldReceiveTraffic",
      fmt::format("Service {} selects the labels of the {} clone and would send users to it; "
                  "change its selector",
                  clone.stray_service, clone.role),
      "Service " + clone.stray_service);
  if (world.owns_jobs) out.actions.emplace_back(DeleteJobs{});
  out.actions.emplace_back(DeleteClones{});
  out.wake_at = world.now + 4 * kLookAgain;
  return out;
}

/// Brings about the clones of this evaluation; nothing more to say once all are there.
///
/// The candidate is the lock of the target, since its name exists once: the other clone and the
/// Jobs come only after the candidate was seen to be ours. Whoever lost it lets the rest go.
std::optional<Decision> prepare_clones(const World& world, Decision evaluating) {
  struct Wanted {
    const char* role;
    VersionRef version;
  };

  std::vector<Wanted> wanted = {{"candidate", requested(world)}};
  if (!champion(world).version.empty()) wanted.push_back({"baseline", champion(world)});
  const std::string evaluation = evaluation_digest(world);
  evaluating.reason = "PreparingClones";
  evaluating.wake_at = world.now + kSoon;
  for (const Wanted& want : wanted) {
    const auto& clones = world.evaluated_on->clones;
    const auto have = std::ranges::find(clones, want.role, &CloneState::role);
    if (have == clones.end()) {
      evaluating.message = fmt::format("making the {} clone, version {}; no action needed",
                                       want.role, want.version.version);
      hold_finalizer(world, evaluating.actions);
      evaluating.actions.emplace_back(
          EnsureClone{.role = want.role, .version = want.version, .evaluation = evaluation});
      return evaluating;
    }
    if (have->request_uid != world.request.meta.uid) {
      const bool lost = have->role == "candidate";
      return busy(world, lost ? clean_up(world) : std::vector<Action>());
    }
    if (!have->stray_service.empty()) return stray(world, *have);
    if (have->evaluation != evaluation) {
      evaluating.message = "something the gates depend on has changed; starting again";
      if (world.owns_jobs) evaluating.actions.emplace_back(DeleteJobs{});
      evaluating.actions.emplace_back(DeleteClones{});
      return evaluating;
    }
  }
  return std::nullopt;
}

/// Starts every gate at once, but latency gates alone and last, so that they do not measure the
/// load of the other gates.
void start_gates(const World& world, Decision& evaluating) {
  const bool others_ended = std::ranges::all_of(world.gates, [&](const GateState& gate) {
    return gate.spec.type == GateType::kLatency || is_final(gate, world);
  });
  const std::string digest = evaluation_digest(world);
  bool latency_runs = std::ranges::any_of(world.gates, [](const GateState& gate) {
    return gate.spec.type == GateType::kLatency && gate.verdict == Verdict::kRunning;
  });
  hold_finalizer(world, evaluating.actions);
  for (const GateState& gate : world.gates) {
    if (gate.verdict == Verdict::kRunning || is_final(gate, world)) continue;
    const bool latency = gate.spec.type == GateType::kLatency;
    if (latency && (!others_ended || latency_runs)) continue;
    latency_runs = latency_runs || latency;
    evaluating.actions.emplace_back(CreateGateJob{.gate = gate.spec,
                                                  .attempt = gate.attempt + 1,
                                                  .input_digest = digest,
                                                  .candidate = requested(world),
                                                  .champion = champion(world),
                                                  .golden_row = "",
                                                  .golden_score = ""});
  }
}

/// Whose Deployment is cloned, and which GateClasses measure: what must exist before a gate can.
std::optional<Decision> gate_obstacle(const World& world, const StageSpec& stage) {
  if (!world.evaluated_on || !world.evaluated_on->deployment ||
      world.evaluated_on->target.model != world.request.model) {
    return waiting(
        world, Phase::kPending, "DeploymentMissing",
        "the gates need the serving Deployment to clone: create the ServingTarget of this model "
        "that spec.evaluation.servingTarget (or the stage's targets) names, and its Deployment",
        "Deployment");
  }
  if (const GateState* gate = without_class(world)) {
    return waiting(
        world, Phase::kPending, "GateClassMissing",
        fmt::format("gate {} needs GateClass {} of type {}; a cluster admin has to create it",
                    gate->spec.name, gate->spec.gate_class, name(gate->spec.type)),
        "GateClass " + gate->spec.gate_class);
  }
  if (!std::ranges::equal(stage.gates, world.gates, {}, &GateSpec::name,
                          [](const GateState& gate) { return gate.spec.name; })) {
    return waiting(world, Phase::kPending, "GatesUnknown",
                   "the gates of the policy have changed this moment; looking again", "gates");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Decision> evaluate(const World& world, const StageSpec& stage) {
  if (stage.gates.empty()) return std::nullopt;
  if (auto wait = gate_obstacle(world, stage)) return wait;
  const auto ended_count = std::ranges::count_if(
      world.gates, [&](const GateState& gate) { return is_final(gate, world); });
  if (std::cmp_equal(ended_count, world.gates.size())) return std::nullopt;
  Decision evaluating = waiting(
      world, Phase::kEvaluating, "GatesRunning",
      fmt::format("{} of {} gates have ended; no action needed", ended_count, world.gates.size()),
      "gates");
  evaluating.gates = world.gates;
  evaluating.wake_at = world.now + kLookAgain;
  if (auto held = prepare_clones(world, evaluating)) return held;
  start_gates(world, evaluating);
  return evaluating;
}

}  // namespace stagekeeper::promotion::steps
