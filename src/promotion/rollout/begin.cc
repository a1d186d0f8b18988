#include "promotion/contents.h"
#include "promotion/digests.h"
#include "promotion/pins.h"
#include "promotion/queries.h"
#include "promotion/records/records.h"
#include "promotion/rollout/deployment.h"
#include "promotion/rollout/parts.h"
#include "promotion/targets.h"

#include <fmt/format.h>
#include <limits>

namespace stagekeeper::promotion::rollout {
namespace {

bool promotes(const Case& facts) {
  return facts.subject.request.action == RequestAction::kPromote;
}

/// What was decided is no longer what would be decided: version, policy, target, Deployment.
bool subject_changed(const Case& facts, std::uint64_t before) {
  if (!promotes(facts)) return false;
  if (basis_digest(facts.subject) != facts.decided.basis_digest) return true;
  if (facts.stage == kStageArchived) return true;
  const DecidedFacts::Target now = decided_target(facts.facts.state, facts.target.to, before);
  const DecidedFacts::Target& then = facts.target;
  return now.uid != then.uid || now.spec_digest != then.spec_digest ||
         now.template_digest != then.template_digest || now.base_sequence != then.base_sequence ||
         !same_version(now.from, then.from);
}

/// The pins bear what an unfinished change left, which this request has taken over: it is the only
/// one to put them right.
bool took_over(const Case& facts, std::uint64_t before) {
  const RecordFact* last = facts.facts.state.ledger.last_pin(before);
  return left_pins_changed(last) && last->code == EndCode::kSuperseded &&
         last->request.uid == facts.subject.request.meta.uid;
}

AppendRecord intent_record(const Case& facts, const RecordFact* aborted) {
  const bool way_back = aborted != nullptr;
  RecordContent content = content_of(facts.subject, RecordKind::kIntent);
  content.decision_digest = facts.decided.record.decision_digest;
  content.decided = facts.decided.record.digest;
  content.from = serving_version(facts.facts.state.ledger);
  content.to = facts.target.to;
  if (way_back) {
    content.action = name(RequestAction::kRollback);
    content.from = aborted->to;
    content.to = aborted->from;
    content.text = aborted->text;
  }
  content.body = intent_body(facts.target, facts.facts.state, way_back);
  return {.ledger = {.kind = LedgerKind::kTarget, .name = facts.target.name},
          .content = std::move(content)};
}

/// Closes what another request has under way on this target.
Step supersede(const Case& facts, const RecordFact& open) {
  const std::string text = fmt::format(
      "superseded by rollback request {} while its Intent {} was "
      "open",
      facts.subject.request.meta.name, open.sequence);
  Step out = waits(facts, {.code = WaitCode::kRecording,
                           .what = fmt::format("taking over from request {}", open.request.name)});
  RecordContent content = content_of(facts.subject, RecordKind::kAborted);
  content.decision_digest = open.decision_digest;
  content.from = open.from;
  content.to = open.to;
  content.of = open.sequence;
  content.code = EndCode::kSuperseded;
  content.text = text;
  const TargetState& state = facts.facts.state;
  const VersionRef serving = serving_version(state.ledger);
  const auto right = pins_of(facts.target, state, serving);
  const auto others = state.target ? render_pins(*state.target, open.to) : facts.target.pins;
  if (const Deployment* deployment = decided_deployment(facts)) {
    content.pins_changed = !holds(*deployment, right, others);
    if (pin_state(*deployment, open) == PinState::kBefore)
      out.actions.emplace_back(fence(facts.target.name, *deployment, open, right));
  }
  out.actions.emplace_back(
      AppendRecord{.ledger = {.kind = LedgerKind::kTarget, .name = facts.target.name},
                   .content = std::move(content)});
  return out;
}

}  // namespace

const Deployment* decided_deployment(const Case& facts) {
  const TargetState& state = facts.facts.state;
  const bool target =
      state.target && !state.target->meta.deleting && state.target->meta.uid == facts.target.uid;
  if (!target || !state.deployment || state.deployment->meta.deleting) return nullptr;
  return state.deployment->meta.uid == facts.target.deployment_uid ? &*state.deployment : nullptr;
}

EndCode gone_code(const Case& facts) {
  const auto& target = facts.facts.state.target;
  const bool there = target && !target->meta.deleting && target->meta.uid == facts.target.uid;
  return there ? EndCode::kDeploymentGone : EndCode::kTargetGone;
}

std::optional<Stop> must_stop(const Case& facts, std::uint64_t before) {
  if (decided_deployment(facts) == nullptr) {
    const EndCode code = gone_code(facts);
    return Stop{code, fmt::format("the {} of target {} was deleted after the decision",
                                  code == EndCode::kTargetGone ? "ServingTarget" : "Deployment",
                                  facts.target.name)};
  }
  if (facts.subject.request.meta.deleting && !took_over(facts, before))
    return Stop{EndCode::kRequestGone, "the request was deleted before anything changed"};
  if (facts.stop != nullptr) return Stop{EndCode::kAborted, abort_text(*facts.stop)};
  if (facts.rejection)
    return Stop{EndCode::kRejected,
                fmt::format("rejected by {} before anything changed: {}", facts.rejection->approver,
                            facts.rejection->message)};
  if (subject_changed(facts, before))
    return Stop{EndCode::kSubjectChanged,
                "version, policy, target or Deployment changed after the decision was recorded"};
  const bool adopts = facts.subject.request.action == RequestAction::kAdopt;
  if (adopts &&
      !runs_version(*decided_deployment(facts), *facts.facts.state.target, facts.target.pins))
    return Stop{EndCode::kNotRunning,
                "the Deployment no longer carries the pins that were to be adopted"};
  return std::nullopt;
}

Step begin(const Case& facts) {
  const TargetState& state = facts.facts.state;
  if (const auto stop = must_stop(facts, std::numeric_limits<std::uint64_t>::max())) {
    return ended(
        facts,
        {.from = facts.target.from, .to = facts.target.to, .code = stop->code, .text = stop->text});
  }
  if (facts.hold) return waits(facts, *facts.hold);
  if (const RecordFact* open = state.ledger.open_intent()) {
    if (facts.subject.request.action == RequestAction::kRollback) return supersede(facts, *open);
    return ended(facts,
                 {.from = facts.target.from,
                  .to = facts.target.to,
                  .code = EndCode::kSubjectChanged,
                  .text = fmt::format("request {} began on the target first", open->request.name)});
  }
  Step out =
      waits(facts,
            {.code = WaitCode::kRecording,
             .what = fmt::format("recording the Intent to pin {}", version_text(facts.target.to))});
  out.actions.emplace_back(intent_record(facts, nullptr));
  return out;
}

Step go_back(const Case& facts, const RecordFact& aborted) {
  Step out = waits(facts, {.code = WaitCode::kRollingBack,
                           .what = fmt::format("{}; going back to {}", aborted.text,
                                               version_text(aborted.from))});
  out.actions.emplace_back(intent_record(facts, &aborted));
  return out;
}

}  // namespace stagekeeper::promotion::rollout
