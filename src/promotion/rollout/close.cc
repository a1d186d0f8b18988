#include "promotion/contents.h"
#include "promotion/pins.h"
#include "promotion/records/records.h"
#include "promotion/rollout/deployment.h"
#include "promotion/rollout/parts.h"

#include <utility>

// Ends of an Intent, and the small steps.
namespace stagekeeper::promotion::rollout {
namespace {

AppendRecord closing(const Case& facts, const RecordFact& intent, RecordKind kind) {
  RecordContent content = content_of(facts.subject, kind);
  content.action = intent.action;
  content.decision_digest = intent.decision_digest;
  content.from = intent.from;
  content.to = intent.to;
  content.of = intent.sequence;
  content.body = end_body(facts.facts.smoke);
  return {.ledger = {.kind = LedgerKind::kTarget, .name = facts.target.name},
          .content = std::move(content)};
}

}  // namespace

Step waits(const Case& facts, Wait wait) {
  if (wait.about.empty()) wait.about = "ServingTarget " + facts.target.name;
  return {.wait = std::move(wait)};
}

Step ended(const Case& facts, TargetEnd end) {
  end.name = facts.target.name;
  return {.end = std::move(end)};
}

Step abort(const Case& facts, const RecordFact& intent, const Stop& stop) {
  Step out = waits(facts, {.code = WaitCode::kRecording, .what = stop.text});
  const Deployment* deployment = decided_deployment(facts);
  const bool pinned = deployment != nullptr && pin_state(*deployment, intent) == PinState::kPinned;
  if (deployment != nullptr && pin_state(*deployment, intent) == PinState::kBefore)
    out.actions.emplace_back(fence(facts.target.name, *deployment, intent,
                                   pins_of(facts.target, facts.facts.state, intent.from)));
  AppendRecord record = closing(facts, intent, RecordKind::kAborted);
  record.content.code = stop.code;
  record.content.text = stop.text;
  // An adoption changes no value, and may add some; a rollback to what serves by record has no
  // other way to go.
  const bool alike = intent.action == name(RequestAction::kAdopt) && !adds_pins(facts.target);
  record.content.pins_changed = pinned && !alike && !same_version(intent.from, intent.to);
  out.actions.emplace_back(std::move(record));
  return out;
}

Step applied(const Case& facts, const RecordFact& intent) {
  Step out = waits(
      facts, {.code = WaitCode::kRecording, .what = "the rollout is complete and is recorded"});
  out.actions.emplace_back(closing(facts, intent, RecordKind::kApplied));
  return out;
}

}  // namespace stagekeeper::promotion::rollout
