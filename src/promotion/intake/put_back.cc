#include "promotion/action.h"
#include "promotion/intake/intake.h"
#include "promotion/intake/rollback.h"
#include "promotion/pins.h"
#include "promotion/queries.h"
#include "promotion/rollout/deployment.h"
#include "promotion/targets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

// A Rollback while the audit store is away. It may take back a change that is open, to the pins of
// the last Applied: those are allowed by record, so that no new one has to come first.
namespace stagekeeper::promotion::intake {
namespace {

/// The store announces nothing.
constexpr std::chrono::seconds kLookAgain{15};

/// What serves by record on a target whose open change this request may take back; null: none.
const RecordFact* way_back(const Case& facts, const RolloutFacts& target) {
  const PromotionRequest& request = facts.subject.request;
  const TargetState& state = target.state;
  // Only as they were recorded: the target's spec may say other things by now.
  if (target.recorded_pins.empty() || target_obstacle(facts.subject, target)) return nullptr;
  const RecordFact* open = state.ledger.open_intent();
  const RecordFact* serving = state.ledger.serving();
  if (open == nullptr || serving == nullptr || serving->to.version.empty()) return nullptr;
  const bool other = !request.version.empty() && request.version != serving->to.version;
  if (other || open->action == name(RequestAction::kRollback) || overtaken(state, request))
    return nullptr;
  return pinned_sequence(*state.deployment) <= open->sequence ? serving : nullptr;
}

/// Nothing: they are in place, or have nowhere to go.
std::optional<PatchPin> pins_back(const Case& facts, const RolloutFacts& target,
                                  const VersionRef& version) {
  const TargetState& state = target.state;
  const Deployment& deployment = *state.deployment;
  const bool done = taken_back_by(deployment, facts.subject.request.meta) &&
                    rollout::holds(deployment, target.recorded_pins, {});
  if (done || !rollout::lacks_container(deployment, target.recorded_pins).empty())
    return std::nullopt;
  return PatchPin{.target = state.name,
                  .deployment_uid = deployment.meta.uid,
                  .resource_version = deployment.meta.resource_version,
                  .version = version,
                  .pins = target.recorded_pins,
                  .sequence = state.ledger.open_intent()->sequence,
                  .record_digest = taken_back_mark(facts.subject.request.meta),
                  .at = facts.now};
}

}  // namespace

std::optional<Decision> put_back(const Case& facts, const std::string& fault) {
  const PromotionRequest& request = facts.subject.request;
  if (request.meta.deleting || request.requester.username.empty()) return std::nullopt;
  std::vector<std::string> told;
  std::vector<Action> actions;
  for (const RolloutFacts& target : facts.targets) {
    const RecordFact* serving = way_back(facts, target);
    if (serving == nullptr) continue;
    if (auto pin = pins_back(facts, target, serving->to)) actions.emplace_back(*pin);
    told.push_back(fmt::format("{} is back at version {}", target.state.name, serving->to.version));
  }
  if (told.empty()) return std::nullopt;
  if (auto asking = missing_right(facts)) return asking;
  Decision out = waiting(
      Phase::kRollingOut,
      {.code = WaitCode::kAuditStoreUnavailable,
       .about = "audit store",
       .what = fmt::format("{}, which its records say served before; the records of this request "
                           "are written when the ledgers can be ({})",
                           fmt::join(told, ", "), fault)});
  out.actions = std::move(actions);
  out.wake_at = facts.now + kLookAgain;
  return out;
}

}  // namespace stagekeeper::promotion::intake
