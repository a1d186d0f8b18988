#include "promotion/contents.h"
#include "promotion/decide.h"
#include "promotion/pins.h"
#include "promotion/queries.h"
#include "promotion/rollout/deployment.h"

#include <algorithm>
#include <fmt/format.h>

// An open Intent whose request is gone: nobody else could close it, and while it is open no request
// can change the target.
namespace stagekeeper::promotion {
namespace {

/// The pins of what serves by record, as they were rendered when the change was decided.
std::vector<RenderedPin> pins_of(const OrphanFacts& facts, const VersionRef& version) {
  if (facts.decided) {
    const auto& targets = facts.decided->targets;
    const auto found = std::ranges::find(targets, facts.state.name, &DecidedFacts::Target::name);
    if (found != targets.end()) return rollout::pins_of(*found, facts.state, version);
  }
  return facts.state.target && !version.version.empty() ? render_pins(*facts.state.target, version)
                                                        : std::vector<RenderedPin>();
}

AppendRecord abandoned(const OrphanFacts& facts, EndCode code, std::string text) {
  const RecordFact& intent = facts.intent;
  return {.ledger = {.kind = LedgerKind::kTarget, .name = facts.state.name},
          .content = {.kind = RecordKind::kAbandoned,
                      .model = intent.model,
                      .request = intent.request,
                      .requester = intent.requester,
                      .action = intent.action,
                      .decision_digest = intent.decision_digest,
                      .from = intent.from,
                      .to = intent.to,
                      .of = intent.sequence,
                      .code = code,
                      .text = std::move(text)}};
}

Decision closing(const OrphanFacts& facts, std::string what) {
  return waiting(Phase::kRollingOut,
                 {.code = WaitCode::kRecording,
                  .about = "ServingTarget " + facts.state.name,
                  .what = fmt::format("request {} was deleted while its Intent {} was open: {}",
                                      facts.intent.request.name, facts.intent.sequence, what)});
}

/// Whether this Intent, or a change that it was to take back, has touched the pins.
bool touched(const OrphanFacts& facts, rollout::PinState state) {
  if (facts.intent.action == name(RequestAction::kAdopt)) return false;
  if (state != rollout::PinState::kBefore) return true;
  return left_pins_changed(facts.state.ledger.last_pin(facts.intent.sequence));
}

Decision put_back(const OrphanFacts& facts, const Deployment& deployment, const VersionRef& serving,
                  const std::vector<RenderedPin>& pins) {
  Decision out = closing(facts, fmt::format("putting {} back", version_text(serving)));
  // Under the open Intent's sequence, and not under its digest: whoever still wants to carry the
  // Intent out sees it fenced.
  out.actions.emplace_back(PatchPin{.target = facts.state.name,
                                    .deployment_uid = deployment.meta.uid,
                                    .resource_version = deployment.meta.resource_version,
                                    .version = serving,
                                    .pins = pins,
                                    .sequence = facts.intent.sequence,
                                    .record_digest = facts.intent.decided,
                                    .at = facts.now});
  return out;
}

}  // namespace

Decision decide_orphan(const OrphanFacts& facts) {
  const RecordFact* open = facts.state.ledger.open_intent();
  if (open == nullptr || open->sequence != facts.intent.sequence) return {};
  Decision out = closing(facts, "closing it");
  if (!facts.store.trusted) {
    out.wait = Wait{.code = WaitCode::kAuditStoreNotTrusted,
                    .about = "audit store",
                    .what = facts.store.message};
  } else if (!facts.state.target) {
    out.actions.emplace_back(
        abandoned(facts, EndCode::kTargetGone, "request and ServingTarget were deleted"));
  } else if (!facts.state.deployment || facts.state.deployment->meta.deleting) {
    out.actions.emplace_back(
        abandoned(facts, EndCode::kDeploymentGone, "request and Deployment were deleted"));
  } else {
    const Deployment& deployment = *facts.state.deployment;
    const rollout::PinState state = rollout::pin_state(deployment, facts.intent);
    const VersionRef serving = serving_version(facts.state.ledger);
    const auto pins = pins_of(facts, serving);
    const bool right = rollout::holds(deployment, pins, pins_of(facts, facts.intent.to));
    if (state == rollout::PinState::kOvertaken) {
      out.actions.emplace_back(
          abandoned(facts, EndCode::kOvertaken, "the Deployment bears a later sequence"));
    } else if (touched(facts, state) && !right) {
      out = put_back(facts, deployment, serving, pins);
    } else {
      if (state == rollout::PinState::kBefore)
        out.actions.emplace_back(rollout::fence(facts.state.name, deployment, facts.intent, pins));
      out.actions.emplace_back(abandoned(
          facts, EndCode::kRequestGone,
          fmt::format("the request was deleted; {} is pinned by record", version_text(serving))));
    }
  }
  if (out.wait) {
    out.reason = name(out.wait->code);
    out.message = message_of(*out.wait);
  }
  return out;
}

}  // namespace stagekeeper::promotion
