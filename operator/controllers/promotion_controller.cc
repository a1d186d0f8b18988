#include "operator/controllers/promotion_controller.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

using promotion::Decision;

/// The version whose pin a decision leads to in this round: by an Intent or by the patch itself.
const promotion::VersionRef* about_to_pin(const Decision& decision) {
  for (const promotion::Action& action : decision.actions) {
    if (const auto* pin = std::get_if<promotion::PatchPin>(&action)) return &pin->version;
    const auto* record = std::get_if<promotion::AppendRecord>(&action);
    if (record != nullptr && record->kind == "Intent") return &record->to;
  }
  return nullptr;
}

/// When the store is silent, what a request shows is more than "nothing is known". A broken ledger
/// is said, except where a request had ended before.
bool stays_as_shown(const promotion::World& world) {
  if (!world.ledger_fault) return false;
  const auto shown = promotion::phase_of(world.request.phase);
  return shown && (!world.ledger_fault->broken || promotion::is_terminal(*shown));
}

bool records(const Decision& decision) {
  return std::ranges::any_of(decision.actions, [](const promotion::Action& action) {
    return std::holds_alternative<promotion::AppendRecord>(action);
  });
}

/// What a failed action means to people: the store waits, the rest is said as it is.
Decision explain(Decision decision, const promotion::Action& action, const Error& error) {
  const bool store = std::holds_alternative<promotion::AppendRecord>(action);
  const bool waits = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kThrottled;
  if (store && waits) {
    decision.phase = promotion::Phase::kRecording;
    decision.reason = "AuditStoreUnavailable";
    decision.message =
        "the audit store does not answer, so nothing is changed; this goes on by itself when it is "
        "back";
    decision.waiting_for = "audit store";
  } else {
    decision.reason = store && error.code == ErrorCode::kCorrupt ? "AuditBroken" : "ActionFailed";
    decision.message = fmt::format("{} failed: {}", promotion::describe(action), error.message);
  }
  return decision;
}

}  // namespace

Result<runtime::Next> PromotionController::reconcile(const runtime::Key& key) {
  Result<std::optional<Observation>> seen = observer_.observe({key.ns, key.name});
  if (!seen) {
    if (!is_transient(seen.error()))
      show_failure({key.ns, key.name}, "ObservationFailed", seen.error().message);
    return fail(seen.error(), "observe");
  }
  if (!*seen) return runtime::Next::await_change();  // gone: what it owned is collected with it
  Observation& observation = **seen;
  if (stays_as_shown(observation.world)) {
    return fail(
        observation.world.ledger_fault->broken ? ErrorCode::kCorrupt : ErrorCode::kUnavailable,
        "observe: " + observation.world.ledger_fault->message);
  }

  Result<Decision> decision = consider(observation);
  if (!decision) return fail(decision.error(), "consider");
  const bool recorded = records(*decision);
  std::string did;
  // A record that gets written at once needs no "about to be written" in the status: the next round
  // shows what it led to, and one that cannot be written shows why (see act). But which approvals
  // counted is said only by the decision that they complete.
  if (!recorded || decision->review) {
    Result<std::string> diff = publisher_.publish(observation, *decision);
    if (!diff) return fail(diff.error(), "publish");
    did = std::move(*diff);
  }
  if (Status s = act(observation, *decision); !s) return fail(s.error(), "act");
  runtime::Next next = recorded            ? runtime::Next::after(std::chrono::milliseconds(10))
                       : decision->wake_at ? runtime::Next::at(*decision->wake_at)
                                           : runtime::Next::await_change();
  for (const promotion::Action& action : decision->actions) {
    did += (did.empty() ? "" : "; ") + promotion::describe(action);
  }
  return std::move(next).because(decision->reason, std::move(did));
}

void PromotionController::broken(const runtime::Key& key, const std::string& what) {
  show_failure({key.ns, key.name}, "InternalError",
               fmt::format("this is a bug of the operator, which goes on trying: {}. Please report "
                           "it with the operator's log",
                           what));
}

void PromotionController::show_failure(const kube::ObjectKey& key, const std::string& reason,
                                       const std::string& message) const {
  auto seen = observer_.observe_request(key);
  if (!seen || !*seen) return;
  const PromotionRequest& request = (*seen)->world.request;
  Decision decision;
  decision.phase = promotion::phase_of(request.phase).value_or(promotion::Phase::kPending);
  if (promotion::is_terminal(decision.phase)) return;
  decision.reason = reason;
  decision.message = message;
  static_cast<void>(publisher_.publish(**seen, decision));
}

/// Decides, and where the decision leads to a pin, first tries it: a field that somebody else owns
/// is better found before a record than after it.
Result<Decision> PromotionController::consider(Observation& seen) const {
  Decision decision = promotion::decide(seen.world);
  const promotion::VersionRef* version = about_to_pin(decision);
  if (version == nullptr || !seen.world.target || !seen.world.target->deployment) return decision;
  Result<std::string> conflict = actor_.trial_pin(seen.world, *version);
  if (!conflict) return tl::unexpected(conflict.error());
  if (conflict->empty()) return decision;
  seen.world.target->pin_conflict = std::move(*conflict);
  return promotion::decide(seen.world);
}

Status PromotionController::act(Observation& seen, const Decision& decision) const {
  for (const promotion::Action& action : decision.actions) {
    Status done = actor_.run(seen.world, action);
    if (done) continue;
    // A lost compare-and-swap is no news, and who owns a pin has been said already.
    const bool said = done.error().code == ErrorCode::kConflict;
    // The error that stopped the round is what is returned; a failure to show it changes nothing.
    if (!said) static_cast<void>(publisher_.publish(seen, explain(decision, action, done.error())));
    return done;
  }
  return {};
}

}  // namespace stagekeeper
