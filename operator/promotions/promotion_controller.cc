#include "operator/promotions/promotion_controller.h"

#include "promotion/wait.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace stagekeeper {
namespace {

using promotion::Decision;
using promotion::WaitCode;

/// decide() asks for what one answer leads to: rights, then a trial of each pin.
constexpr int kMaxQuestionTurns = 8;
/// Decided, Intents, and the pins themselves; a way back needs one more. What is left is for the
/// next round.
constexpr int kMaxTurns = 5;

/// Without ledgers nothing is known of a request, and what it shows is more than that: an end stays
/// as it is shown.
bool stays_as_shown(const promotion::World& world) {
  return world.ledger_fault && promotion::shown_end(world.subject.request);
}

/// How far a request got is not forgotten while the store does not answer.
void keep_phase(const promotion::World& world, Decision& decision) {
  if (!world.ledger_fault || world.ledger_fault->broken) return;
  decision.phase = promotion::phase_of(world.subject.request.phase).value_or(decision.phase);
}

bool is_record(const promotion::Action& action) {
  return std::holds_alternative<promotion::AppendRecord>(action);
}

/// Whether what was just done is watched: the round that it wakes shows what has come of it, and
/// two writes of a status within milliseconds tell nobody more than one.
bool wakes_us(const Decision& decision) {
  return std::ranges::any_of(decision.actions, [](const promotion::Action& action) {
    return std::holds_alternative<promotion::CreateClone>(action) ||
           std::holds_alternative<promotion::CreateGateJob>(action) ||
           std::holds_alternative<promotion::PatchPin>(action);
  });
}

/// Whether what other requests do can end this wait.
bool waits_for_others(const Decision& decision) {
  if (!decision.wait) return false;
  const WaitCode code = decision.wait->code;
  return code == WaitCode::kWaitingForStage || code == WaitCode::kTargetBusy ||
         code == WaitCode::kCandidateBusy || code == WaitCode::kRecordQuota ||
         code == WaitCode::kSequenceAhead;
}

/// What a failed action means to people: what the store did not take waits, the rest is said as it
/// is.
Decision explain(Decision decision, const promotion::Action& action, const Error& error) {
  const bool waits = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kThrottled;
  const bool refused = error.code == ErrorCode::kMisconfigured;
  if (is_record(action) && (waits || refused)) {
    decision.phase = promotion::Phase::kRecording;
    decision.wait = promotion::Wait{
        .code = waits ? WaitCode::kAuditStoreUnavailable : WaitCode::kAuditStoreRefused,
        .about = "audit store",
        .what = fmt::format("the audit store did not take a record, so nothing is changed: {}",
                            error.message)};
    if (refused) {
      decision.wait->who_can = "whoever runs the audit store or the operator";
      decision.wait->command = "mend that; this goes on by itself then";
    }
    decision.reason = name(decision.wait->code);
    decision.message = promotion::message_of(*decision.wait);
    return decision;
  }
  decision.wait.reset();
  decision.reason = is_record(action) && error.code == ErrorCode::kCorrupt
                        ? std::string(name(WaitCode::kAuditBroken))
                        : "ActionFailed";
  decision.message = fmt::format("{} failed: {}", promotion::describe(action), error.message);
  return decision;
}

}  // namespace

PromotionController::PromotionController(Environment environment, runtime::EventRecorder& events,
                                         runtime::Metrics& metrics, Decide decide)
    : env_(std::move(environment)),
      decide_(std::move(decide)),
      reader_(env_),
      doer_(env_),
      publisher_({.environment = env_, .events = events, .metrics = metrics}) {}

Result<runtime::Next> PromotionController::reconcile(const runtime::Key& key) {
  const kube::ObjectKey request{key.ns, key.name};
  Result<std::optional<Observation>> seen = reader_.observe(request);
  if (!seen) {
    if (!is_transient(seen.error()))
      show_failure(request, "ObservationFailed", seen.error().message);
    return fail(seen.error(), "observe");
  }
  if (!*seen || (*seen)->settled) {  // gone: what it owned is collected with it
    env_.waker.waiters().forget(request);
    return runtime::Next::await_change();
  }
  const promotion::World& world = (*seen)->world;
  if (stays_as_shown(world)) {
    return fail(world.ledger_fault->broken ? ErrorCode::kCorrupt : ErrorCode::kUnavailable,
                "observe: " + world.ledger_fault->message);
  }
  return round(**seen);
}

Result<runtime::Next> PromotionController::round(Observation& seen) const {
  // Which approvals counted is said only by the decision that they complete, and nobody who waits
  // for a pin waits for that to be shown.
  Decision counted;
  Result<runtime::Next> next = turns(seen, counted);
  const Status told = publisher_.publish_approvals(seen, counted);
  if (next && !told) return fail(told.error(), "publish");
  return next;
}

Result<runtime::Next> PromotionController::turns(Observation& seen, Decision& counted) const {
  std::string did;
  for (int turn = 1;; ++turn) {
    SK_TRY(Decision decision, consider(seen));
    keep_phase(seen.world, decision);
    if (!decision.approvals.empty()) counted = decision;
    Outcome outcome = act(seen, decision);
    did += outcome.did;
    outcome.did = did;
    if (outcome.error) return failed(seen, std::move(decision), std::move(outcome));
    if (outcome.recorded && turn < kMaxTurns) {
      SK_CHECK_OK(reader_.refresh(seen));
      continue;
    }
    Result<std::string> diff;
    if (!wakes_us(decision)) diff = publisher_.publish(seen, decision);
    if (!diff) return fail(diff.error(), "publish");
    keep_waiting(seen, decision);
    runtime::Next next = outcome.recorded   ? runtime::Next::after(std::chrono::milliseconds(10))
                         : decision.wake_at ? runtime::Next::at(*decision.wake_at)
                                            : runtime::Next::await_change();
    if (!diff->empty() && !did.empty()) did += "; ";
    return std::move(next).because(decision.reason, did + *diff);
  }
}

/// A lost race is no news: the next round reads the world as it is by now. Who owns a pin is said
/// by decide(), which knows it from the trial.
Result<runtime::Next> PromotionController::failed(Observation& seen, Decision decision,
                                                  Outcome outcome) const {
  const ErrorCode code = outcome.error->code;
  if (code == ErrorCode::kFieldConflict) {
    SK_TRY(Decision again, consider(seen));
    Result<std::string> diff = publisher_.publish(seen, again);
    if (!diff) return fail(diff.error(), "publish");
    keep_waiting(seen, again);
    runtime::Next next = again.wake_at ? runtime::Next::at(*again.wake_at)
                                       : runtime::Next::after(std::chrono::seconds(60));
    return std::move(next).because(again.reason, outcome.did + *diff);
  }
  if (code != ErrorCode::kConflict && code != ErrorCode::kCancelled) {
    // The error that stopped the round is what is returned; a failure to show it changes nothing.
    static_cast<void>(
        publisher_.publish(seen, explain(std::move(decision), *outcome.failed, *outcome.error)));
  }
  return fail(std::move(*outcome.error), "act");
}

Result<Decision> PromotionController::consider(Observation& seen) const {
  for (int turn = 0; turn < kMaxQuestionTurns; ++turn) {
    Decision decision = decide_(seen.world);
    if (decision.questions.empty()) return decision;
    if (Status s = doer_.answer(seen, decision.questions); !s) return fail(s.error(), "consider");
  }
  return fail(ErrorCode::kInvalid, "bug: the decision never stops asking");
}

PromotionController::Outcome PromotionController::act(Observation& seen,
                                                      const Decision& decision) const {
  Outcome out;
  std::set<std::string, std::less<>> stopped;
  for (const promotion::Action& action : decision.actions) {
    const std::string_view target = promotion::target_of(action);
    if (stopped.contains("") || stopped.contains(target)) continue;
    Status done = doer_.run(seen, action);
    if (done) {
      out.recorded = out.recorded || is_record(action);
      out.did += promotion::describe(action) + "; ";
      continue;
    }
    stopped.emplace(target);
    const bool race = out.error && out.error->code == ErrorCode::kConflict;
    if (out.error && !race) continue;
    out.error = std::move(done.error());
    out.failed = &action;
  }
  return out;
}

void PromotionController::keep_waiting(const Observation& seen, const Decision& decision) const {
  const ObjectMeta& meta = seen.world.subject.request.meta;
  if (promotion::is_terminal(decision.phase) && decision.actions.empty()) {
    env_.waker.waiters().forget({meta.ns, meta.name});
    return;
  }
  Interests interests = seen.interests;
  if (!waits_for_others(decision)) {
    std::erase_if(interests, [](const Interest& what) { return what.kind == kProgressInterest; });
  }
  env_.waker.waiters().keep({meta.ns, meta.name}, std::move(interests));
}

void PromotionController::broken(const runtime::Key& key, const std::string& what) {
  show_failure({key.ns, key.name}, "InternalError",
               fmt::format("this is a bug of the operator, which goes on trying: {}. Please report "
                           "it with the operator's log",
                           what));
}

void PromotionController::show_failure(const kube::ObjectKey& key, const std::string& reason,
                                       const std::string& message) const {
  auto seen = reader_.observe_request(key);
  if (!seen || !*seen) return;
  const PromotionRequest& request = (*seen)->world.subject.request;
  if (promotion::shown_end(request)) return;
  Decision decision;
  decision.phase = promotion::phase_of(request.phase).value_or(promotion::Phase::kPending);
  decision.reason = reason;
  decision.message = message;
  decision.blind = true;
  static_cast<void>(publisher_.publish(**seen, decision));
}

}  // namespace stagekeeper
