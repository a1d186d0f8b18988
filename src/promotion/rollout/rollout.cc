#include "promotion/rollout/rollout.h"

#include "promotion/contents.h"
#include "promotion/queries.h"
#include "promotion/rollout/deployment.h"
#include "promotion/rollout/parts.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::rollout {
namespace {

TargetEnd end_of_first(const RecordFact& end) {
  return {.from = end.from,
          .to = end.to,
          .code = end.kind == RecordKind::kApplied ? EndCode::kApplied : end.code,
          .text = end.text,
          .record = end.sequence};
}

/// The first Intent failed, after the pins were changed.
Step after_failure(const Case& facts, const RecordFact& failed) {
  if (owed_way_back(facts.facts.state.ledger) == &failed) return go_back(facts, failed);
  return ended(facts, {.from = failed.from,
                       .to = failed.to,
                       .code = EndCode::kSuperseded,
                       .text = fmt::format("{}; another request has taken the target over since",
                                           failed.text),
                       .record = failed.sequence});
}

/// The way back has ended, too.
Step after_way_back(const Case& facts, const RecordFact& failed, const RecordFact& end) {
  TargetEnd out{.from = failed.from, .to = failed.to, .record = end.sequence};
  if (end.kind == RecordKind::kApplied) {
    out.code = EndCode::kRolledBack;
    out.text = fmt::format("{}; {} was taken back, {} is pinned again", failed.text,
                           version_text(failed.to), version_text(failed.from));
  } else if (end.code == EndCode::kSuperseded) {
    out.code = EndCode::kSuperseded;
    out.text = end.text;
  } else {
    out.code = EndCode::kRollbackFailed;
    out.text = fmt::format("{}, and the way back failed as well: {}", failed.text, end.text);
  }
  return ended(facts, std::move(out));
}

Step dispatch(const Case& facts) {
  const History& ledger = facts.facts.state.ledger;
  const auto attempts = attempts_of(ledger, facts.subject.request.meta.uid);
  if (attempts.empty()) return begin(facts);
  const Attempt& first = attempts.front();
  if (first.end == nullptr) return carry_out(facts, *first.intent, false);
  if (attempts.size() == 1) {
    const bool failed = left_pins_changed(first.end) && first.end->code != EndCode::kSuperseded;
    return failed ? after_failure(facts, *first.end) : ended(facts, end_of_first(*first.end));
  }
  const Attempt& back = attempts[1];
  if (back.end == nullptr) return carry_out(facts, *back.intent, true);
  return after_way_back(facts, *first.end, *back.end);
}

std::string phase_text(const Step& step, const std::vector<Attempt>& attempts) {
  if (step.end) return std::string(stagekeeper::name(step.end->code));
  if (attempts.empty()) return "Pending";
  const bool back = attempts.size() > 1 || attempts.front().end != nullptr;
  return back ? "RollingBack" : "RollingOut";
}

}  // namespace

std::string abort_text(const RecordFact& stop) {
  return fmt::format("aborted by {} (request {}): {}", stop.requester.username, stop.request.name,
                     stop.text);
}

Step step(const Case& facts) {
  Step out = dispatch(facts);
  const std::string& uid = facts.subject.request.meta.uid;
  const auto records = facts.facts.state.ledger.of_request(uid);
  out.view = {.name = facts.target.name,
              .from = facts.target.from,
              .to = facts.target.to,
              .phase = phase_text(out, attempts_of(facts.facts.state.ledger, uid)),
              .message = out.end ? out.end->text : (out.wait ? message_of(*out.wait) : ""),
              .record = records.empty() ? 0 : records.back()->sequence};
  return out;
}

bool can_be_stopped(const std::string& request_uid, const DecidedFacts& decided,
                    const std::vector<RolloutFacts>& targets) {
  return std::ranges::any_of(decided.targets, [&](const DecidedFacts::Target& target) {
    const RolloutFacts* facts = find_target(targets, target.name);
    if (facts == nullptr) return false;
    const auto attempts = attempts_of(facts->state.ledger, request_uid);
    if (attempts.empty()) return true;
    const RecordFact* open =
        attempts.size() == 1 && attempts.front().end == nullptr ? attempts.front().intent : nullptr;
    return open != nullptr && facts->state.deployment &&
           pin_state(*facts->state.deployment, *open) != PinState::kPinned;
  });
}

}  // namespace stagekeeper::promotion::rollout
