#include "promotion/rollout/all.h"

#include "promotion/belongings.h"
#include "promotion/conclusion/conclusion.h"
#include "promotion/queries.h"
#include "promotion/review/review.h"
#include "promotion/rollout/rollout.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace stagekeeper::promotion::rollout {
namespace {

constexpr std::chrono::seconds kAskAgain{60};

/// What people have said since the decision, as far as it can still stop something.
ReviewOutcome late_rejects(const AllCase& facts) {
  const std::string& uid = facts.subject.request.meta.uid;
  if (facts.subject.request.action != RequestAction::kPromote ||
      !can_be_stopped(uid, facts.decided, facts.targets))
    return {};
  std::vector<ApprovalState> rejects;
  std::ranges::copy_if(facts.approvals, std::back_inserter(rejects),
                       [](const ApprovalState& state) { return !state.approval.approve; });
  if (rejects.empty()) return {};
  return count_approvals({.subject = facts.subject, .approvals = rejects, .rights = facts.rights},
                         ReviewSpec{});
}

Step unread(const DecidedFacts::Target& target) {
  Wait wait{.code = WaitCode::kAuditStoreUnavailable,
            .about = "ledger of " + target.name,
            .what = fmt::format("the ledger of target {} was not read", target.name)};
  return {.view = {.name = target.name, .from = target.from, .to = target.to, .phase = "Pending"},
          .wait = std::move(wait)};
}

/// The wait to show for all: one that somebody can end, else the first.
const Wait* foremost(const std::vector<Step>& steps) {
  const Wait* first = nullptr;
  for (const Step& step : steps) {
    if (!step.wait) continue;
    if (!step.wait->who_can.empty()) return &*step.wait;
    if (first == nullptr) first = &*step.wait;
  }
  return first;
}

void show_decided(const DecidedFacts& decided, Decision& out) {
  out.gates = decided.gates;
  out.review = decided.review;
  out.approvals = decided.approvals;
  out.to = decided.record.to;
}

Decision conclude_all(const AllCase& facts, std::vector<TargetEnd> ends) {
  ends.insert(ends.end(), facts.decided.left.begin(), facts.decided.left.end());
  std::ranges::sort(ends, {}, &TargetEnd::name);
  const std::string stage = facts.subject.request.stage;
  return conclusion::conclude(
      {.subject = facts.subject, .model_ledger = facts.model_ledger, .approvals = facts.approvals},
      {.code = conclusion::overall(ends),
       .text = conclusion::summary(ends),
       .decision_digest = facts.decided.record.decision_digest,
       .from = facts.decided.record.from,
       .to = facts.decided.record.to,
       .moves = conclusion::moves({.stage = stage,
                                   .model_ledger = facts.model_ledger,
                                   .ends = ends,
                                   .ledgers = facts.ledgers,
                                   .all_read = facts.all_read}),
       .gates = facts.decided.gates,
       .review = facts.decided.review,
       .approvals = facts.decided.approvals,
       .targets = ends});
}

}  // namespace

Decision roll_out(const AllCase& facts) {
  const ReviewOutcome rejects = late_rejects(facts);
  if (!rejects.questions.empty()) {
    Decision asking;
    asking.questions.assign(rejects.questions.begin(), rejects.questions.end());
    return asking;
  }
  std::optional<Wait> hold;
  if (rejects.reject_unknown) {
    hold = Wait{.code = WaitCode::kAuthorizationUnknown,
                .about = "a Reject",
                .what = "somebody rejects, and the API server could not be asked whether they may"};
  }
  std::vector<Step> steps;
  std::vector<TargetEnd> ends;
  for (const DecidedFacts::Target& target : facts.decided.targets) {
    const RolloutFacts* state = find_target(facts.targets, target.name);
    steps.push_back(state == nullptr
                        ? unread(target)
                        : step({.now = facts.now,
                                .subject = facts.subject,
                                .decided = facts.decided,
                                .target = target,
                                .facts = *state,
                                .stage = stage_of(facts.model_ledger, target.to),
                                .rejection = rejects.rejection,
                                .stop = facts.model_ledger.stop_of(facts.subject.request.meta.uid),
                                .hold = hold}));
    if (steps.back().end) ends.push_back(*steps.back().end);
  }
  const Wait* wait = foremost(steps);
  Decision out = ends.size() == steps.size() ? conclude_all(facts, ends)
                                             : waiting(Phase::kRollingOut, wait ? *wait : Wait{});
  show_decided(facts.decided, out);
  if (hold) out.wake_at = facts.now + kAskAgain;
  // Another replica may have let the request go between the decision and its record.
  if (ends.size() < steps.size() && !facts.subject.request.meta.deleting)
    hold_finalizer(facts.subject.request, out.actions);
  for (Step& each : steps) {
    out.targets.push_back(std::move(each.view));
    std::ranges::move(each.actions, std::back_inserter(out.actions));
    if (each.wake_at)
      out.wake_at = out.wake_at ? std::min(*out.wake_at, *each.wake_at) : each.wake_at;
  }
  return out;
}

}  // namespace stagekeeper::promotion::rollout
