#include "promotion/decide.h"

#include "promotion/ledger_view.h"
#include "promotion/steps.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

/// How long a request that waits goes unlooked at when nothing else wakes it.
constexpr std::chrono::seconds kResync{60};

Decision dispatch(const World& world) {
  switch (world.request.action) {
    case RequestAction::kPromote:
      return steps::promote(world);
    case RequestAction::kRollback:
      return steps::roll_back(world);
    case RequestAction::kAdopt:
      return steps::adopt(world);
    case RequestAction::kArchive:
      return steps::archive(world);
  }
  return steps::waiting(world, Phase::kPending, "Unsupported",
                        "this version of Stagekeeper does not know the action");
}

/// Without its ledgers nothing is known of a request, not even whether it has ended.
Decision unread(const World& world, const LedgerFault& fault) {
  Decision out = steps::waiting(
      world, Phase::kPending, fault.broken ? "AuditBroken" : "AuditStoreUnavailable",
      fault.broken
          ? fmt::format("the ledger cannot be believed, so nothing is done: {}. Run `kubectl "
                        "stagekeeper audit verify` to see what is wrong",
                        fault.message)
          : "the audit store does not answer, so nothing is done; this goes on by itself when it "
            "is back",
      "audit store");
  out.wake_at = world.now + steps::kLookAgain;
  return out;
}

Decision choose(const World& world) {
  const RecordFact* open = world.target ? world.target->ledger.open_intent() : nullptr;
  if (open != nullptr && open->request_uid == world.request.meta.uid) {
    Decision rolling = steps::roll_out(world, *open);
    rolling.from = open->from;
    rolling.to = open->to;
    return rolling;
  }
  if (auto end = steps::ended(world)) return *end;
  if (world.request.meta.deleting) {
    Decision leaving =
        steps::waiting(world, Phase::kAborted, "Deleted", "the request was deleted; cleaning up");
    leaving.actions = steps::clean_up(world);
    return leaving;
  }
  return dispatch(world);
}

bool removes(const Action& action) {
  const auto* finalizer = std::get_if<SetFinalizer>(&action);
  return std::holds_alternative<DeleteJobs>(action) ||
         std::holds_alternative<DeleteClones>(action) ||
         (finalizer != nullptr && !finalizer->present);
}

/// Fail closed: nothing is recorded in a store that cannot be believed, and nothing is pinned while
/// it cannot be. A record of the model's ledger needs the policy, whose status carries it. Cleaning
/// up goes on.
void hold_back(const World& world, Decision& decision) {
  bool effect = false;
  bool of_model = false;
  for (const Action& action : decision.actions) {
    const auto* record = std::get_if<AppendRecord>(&action);
    effect = effect || record != nullptr || std::holds_alternative<PatchPin>(action);
    of_model = of_model || (record != nullptr && record->ledger == LedgerKind::kModel);
  }
  if (!effect || (world.store.trusted && (world.policy || !of_model))) return;
  std::erase_if(decision.actions, [](const Action& action) { return !removes(action); });
  const bool store = !world.store.trusted;
  decision.waiting_for = store ? "audit store" : "PromotionPolicy " + world.request.model;
  if (is_terminal(decision.phase)) return;  // what was asked is done, and said
  decision.reason = store ? "AuditStoreNotTrusted" : "PolicyMissing";
  decision.message =
      store ? world.store.message
            : "the PromotionPolicy is gone; create it again so that a record can be written";
}

void add_records(const LedgerView& ledger, const std::string& uid, std::vector<RecordFact>& out) {
  for (const RecordFact& record : ledger.records) {
    if (record.request_uid == uid) out.push_back(record);
  }
}

}  // namespace

Decision decide(const World& world) {
  if (world.ledger_fault) return unread(world, *world.ledger_fault);
  Decision decision = choose(world);
  if (world.past_review && !decision.review) {
    decision.review = world.past_review->review;
    decision.approvals = world.past_review->approvals;
  }
  hold_back(world, decision);
  if (world.target) decision.target = world.target->target.meta.name;
  const bool waits = !is_terminal(decision.phase) || !decision.waiting_for.empty();
  if (waits && !decision.wake_at) decision.wake_at = world.now + kResync;
  add_records(world.model_ledger, world.request.meta.uid, decision.records);
  for (const LedgerView* ledger : steps::all_targets(world))
    add_records(*ledger, world.request.meta.uid, decision.records);
  return decision;
}

}  // namespace stagekeeper::promotion
