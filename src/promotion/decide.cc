#include "promotion/decide.h"

#include "promotion/belongings.h"
#include "promotion/conclusion/conclusion.h"
#include "promotion/promote.h"
#include "promotion/rollout/all.h"
#include "promotion/rollout/rollout.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

/// The store announces nothing.
constexpr std::chrono::seconds kLookAgain{15};

/// Without its ledgers nothing is known of a request, not even whether it has ended.
Decision unread(const World& world, const LedgerFault& fault) {
  Wait wait{.code = WaitCode::kAuditStoreUnavailable,
            .about = "audit store",
            .what = fmt::format("the ledgers cannot be read ({}), so nothing is done; this goes on "
                                "by itself when they can",
                                fault.message)};
  if (fault.refused) {
    wait = {
        .code = WaitCode::kAuditStoreRefused,
        .about = "audit store",
        .what = fmt::format("the ledgers cannot be read, so nothing is done: {}", fault.message),
        .who_can = "whoever runs the audit store or the operator",
        .command = "mend that; this goes on by itself within a minute"};
  }
  if (fault.broken) {
    wait = {
        .code = WaitCode::kAuditBroken,
        .about = "audit store",
        .what = fmt::format("a ledger cannot be believed, so nothing is done: {}", fault.message),
        .who_can = "whoever runs the audit store",
        .command = "kubectl stagekeeper audit verify --bucket … --endpoint … --public-key …"};
  }
  Decision out = waiting(Phase::kPending, std::move(wait));
  out.wake_at = world.now + kLookAgain;
  return out;
}

/// The request is being deleted, and nothing of it was decided: nothing keeps it but what it owns.
Decision leave(const World& world) {
  const PromotionRequest& request = world.subject.request;
  Decision out = waiting(Phase::kAborted, {.code = WaitCode::kDeleted,
                                           .about = "PromotionRequest " + request.meta.name,
                                           .what = "the request was deleted; cleaning up"});
  out.actions = clean_up(request, world.owned, Finalizer::kRelease);
  return out;
}

/// An Intent of this request without the Decided that it carries out is no work of ours.
std::optional<Decision> undecided_intent(const World& world) {
  const auto ledgers = ledgers_of(world);
  const bool open = std::ranges::any_of(ledgers, [&](const History* ledger) {
    const RecordFact* intent = ledger->open_intent();
    return intent != nullptr && intent->request.uid == world.subject.request.meta.uid;
  });
  if (!open) return std::nullopt;
  return unread(world, {.broken = true,
                        .message = "an Intent of this request is open, and the model's ledger has "
                                   "no Decided record for it"});
}

/// The request was deleted while its decision was carried out, and created again: it is the same
/// request, and it has ended. Nobody else has recorded that.
Decision end_lost(const World& world, const RecordFact& decided) {
  Decision out = conclusion::conclude(
      {.subject = world.subject, .model_ledger = world.model_ledger, .approvals = world.approvals},
      {.code = EndCode::kRequestGone,
       .text =
           fmt::format("the request was deleted while its decision (record {}) was carried out; "
                       "it does not act again. Ask under another name for what is left of it",
                       decided.sequence),
       .decision_digest = decided.decision_digest,
       .from = decided.from,
       .to = decided.to});
  for (Action& action : out.actions) {
    auto* record = std::get_if<AppendRecord>(&action);
    if (record == nullptr) continue;
    record->content.request = decided.request;
    record->content.requester = decided.requester;
  }
  return out;
}

/// Somebody who may has asked that this request ends, and nothing of it was decided.
Decision end_aborted(const World& world, const RecordFact& stop) {
  return conclusion::conclude(
      {.subject = world.subject, .model_ledger = world.model_ledger, .approvals = world.approvals},
      {.code = EndCode::kAborted,
       .text = rollout::abort_text(stop),
       .to = requested(world.subject)});
}

intake::Case case_of(const World& world) {
  return {.now = world.now,
          .cluster_uid = world.cluster_uid,
          .store = world.store,
          .subject = world.subject,
          .model_ledger = world.model_ledger,
          .targets = world.targets,
          .others = world.other_targets,
          .rights = world.rights,
          .admission = world.admission,
          .owned = world.owned,
          .aborted = world.aborted};
}

Decision take_in(const World& world) {
  const intake::Case facts = case_of(world);
  switch (world.subject.request.action) {
    case RequestAction::kPromote:
      return promote(
          {.intake = facts, .evaluation = world.evaluation, .approvals = world.approvals});
    case RequestAction::kRollback:
      return intake::roll_back(facts);
    case RequestAction::kAdopt:
      return intake::adopt(facts);
    case RequestAction::kAbort:
      return intake::abort(facts);
    case RequestAction::kArchive:
      break;
  }
  return intake::archive(facts);
}

Decision choose(const World& world) {
  const PromotionRequest& request = world.subject.request;
  if (world.conclusion) return conclusion::show(*world.conclusion, request, world.owned);
  if (world.decided) {
    return rollout::roll_out(
        {.now = world.now,
         .subject = world.subject,
         .decided = *world.decided,
         .model_ledger = world.model_ledger,
         .targets = world.targets,
         .ledgers = ledgers_of(world),
         .all_read = std::ranges::none_of(world.other_targets, &TargetState::unreadable),
         .approvals = world.approvals,
         .rights = world.rights});
  }
  if (auto broken = undecided_intent(world)) return *broken;
  if (const RecordFact* stop = world.model_ledger.stop_of(request.meta.uid))
    return end_aborted(world, *stop);
  if (request.meta.deleting) return leave(world);
  if (const RecordFact* lost = world.model_ledger.decided_before(world.subject.ref()))
    return end_lost(world, *lost);
  return take_in(world);
}

Decision without_ledgers(const World& world, const LedgerFault& fault) {
  const bool may_act = world.remembered && !fault.broken && !world.decided && !world.conclusion &&
                       world.subject.request.action == RequestAction::kRollback;
  if (may_act) {
    if (auto back = intake::put_back(case_of(world), fault.message)) return *back;
  }
  Decision out = unread(world, fault);
  if (world.subject.request.action == RequestAction::kRollback && !fault.broken)
    out.wait->what += "; who cannot wait goes by the runbook \"Break glass\"";
  return out;
}

bool removes(const Action& action) {
  const auto* finalizer = std::get_if<SetFinalizer>(&action);
  return std::holds_alternative<DeleteOwned>(action) ||
         (finalizer != nullptr && !finalizer->present);
}

bool records_or_pins(const Action& action) {
  return std::holds_alternative<AppendRecord>(action) || std::holds_alternative<PatchPin>(action) ||
         std::holds_alternative<RaiseFence>(action);
}

bool of_model(const Action& action) {
  const auto* record = std::get_if<AppendRecord>(&action);
  return record != nullptr && record->ledger.kind == LedgerKind::kModel;
}

/// Fail closed: nothing is recorded in a store that cannot be believed, and nothing is pinned while
/// it cannot be. A record of the model's ledger needs the policy, whose status carries it, unless
/// it is of a rollback or ends what was decided: a namespace that goes away must be able to go.
/// Cleaning up goes on.
void hold_back(const World& world, Decision& decision) {
  const bool effect = std::ranges::any_of(decision.actions, records_or_pins);
  const bool model = std::ranges::any_of(decision.actions, of_model);
  const bool store = !world.store.trusted;
  const bool rollback = std::ranges::any_of(decision.actions, [](const Action& action) {
    const auto* record = std::get_if<AppendRecord>(&action);
    return record != nullptr && record->content.kind == RecordKind::kDecided &&
           record->content.action == name(RequestAction::kRollback);
  });
  const bool recordable = world.subject.policy || world.decided || rollback || !model;
  if (!effect || (!store && recordable)) return;
  std::erase_if(decision.actions, [](const Action& action) { return !removes(action); });
  decision.wait =
      store ? Wait{.code = WaitCode::kAuditStoreNotTrusted,
                   .about = "audit store",
                   .what = world.store.message,
                   .who_can = "whoever runs the audit store"}
            : Wait{.code = WaitCode::kPolicyMissing,
                   .about = "PromotionPolicy " + world.subject.request.model,
                   .what = "the PromotionPolicy is gone, and no record can be written without it",
                   .who_can = "whoever writes policies",
                   .command = "create it again"};
}

/// The records of this request, or of the one that it was created again from. Those of the targets'
/// ledgers are not read any more once it has ended, and what it shows must not change with that.
void add_records(const World& world, Decision& decision) {
  const std::string& uid =
      world.conclusion ? world.conclusion->record.request.uid : world.subject.request.meta.uid;
  for (const RecordFact* record : world.model_ledger.of_request(uid))
    decision.records.push_back(*record);
}

}  // namespace

Decision waiting(Phase phase, Wait wait) {
  return {.phase = phase, .wait = std::move(wait)};
}

Decision decide(const World& world) {
  if (world.ledger_fault) {
    Decision out = without_ledgers(world, *world.ledger_fault);
    if (!out.wait) return out;
    out.reason = name(out.wait->code);
    out.message = message_of(*out.wait);
    return out;
  }
  Decision decision = choose(world);
  if (!decision.questions.empty()) return decision;
  hold_back(world, decision);
  if (decision.wait) {
    decision.reason = name(decision.wait->code);
    decision.message = message_of(*decision.wait);
  }
  add_records(world, decision);
  return decision;
}

}  // namespace stagekeeper::promotion
