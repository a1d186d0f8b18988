#include "promotion/views/request_conditions.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

bool has_record(const Decision& decision, std::initializer_list<RecordKind> kinds) {
  return std::ranges::any_of(decision.records, [&](const RecordFact& record) {
    return std::ranges::find(kinds, record.kind) != kinds.end();
  });
}

void add_gates(const std::vector<GateState>& gates, Conditions& out) {
  const auto passed = std::ranges::count(gates, Verdict::kPassed, &GateState::verdict);
  const bool open = std::ranges::any_of(gates, [](const GateState& gate) {
    return gate.verdict == Verdict::kPending || gate.verdict == Verdict::kRunning;
  });
  const bool all = std::ranges::all_of(gates, [](const GateState& gate) {
    return gate.verdict == Verdict::kPassed || !gate.spec.blocking;
  });
  const std::string text = fmt::format("{} of {} gates passed", passed, gates.size());
  if (open) {
    out.add("GatesPassed", Truth::kUnknown, "GatesRunning", text);
  } else {
    out.add("GatesPassed", all, all ? "AllPassed" : "GatesFailed", text);
  }
}

void add_review(const ReviewView& review, Conditions& out) {
  const bool enough = review.counted >= review.needed;
  out.add("Approved", enough, enough ? "Approved" : "ApprovalsMissing",
          enough ? "every approval is there" : "missing: " + review.missing);
}

/// Of the targets: whether the version serves on all of them.
void add_deployed(const Decision& decision, Conditions& out) {
  const auto applied = std::ranges::count_if(decision.targets, [](const TargetView& target) {
    return target.phase == name(EndCode::kApplied) || target.phase == name(EndCode::kNoChange);
  });
  const std::string text =
      fmt::format("{} of {} targets serve the version", applied, decision.targets.size());
  if (decision.phase == Phase::kPromoted) {
    out.add("Deployed", Truth::kTrue, "Applied", text);
  } else if (is_terminal(decision.phase)) {
    out.add("Deployed", Truth::kFalse, decision.reason, text);
  } else {
    out.add("Deployed", Truth::kUnknown, "RollingOut", text);
  }
}

/// Whether it stands as asked: not yet known while something may still change by itself.
Truth readiness(Phase phase) {
  if (phase == Phase::kAwaitingApproval || is_bad_end(phase)) return Truth::kFalse;
  return is_terminal(phase) ? Truth::kTrue : Truth::kUnknown;
}

}  // namespace

Conditions request_conditions(const PromotionRequest& request, const Decision& decision) {
  Conditions out(request.meta.generation);
  const std::string& reason = decision.reason;
  const std::string& message = decision.message;
  out.add("Ready", readiness(decision.phase), reason, message);
  if (!is_terminal(decision.phase)) out.add("Reconciling", Truth::kTrue, reason, message);
  if (is_bad_end(decision.phase)) out.add("Stalled", Truth::kTrue, reason, message);
  if (!decision.gates.empty()) add_gates(decision.gates, out);
  if (decision.review) add_review(*decision.review, out);
  // Results alone decide nothing: who waits for this condition waits for the decision or the end.
  if (has_record(decision, {RecordKind::kDecided, RecordKind::kConcluded})) {
    out.add("AuditRecorded", Truth::kTrue, "Locked",
            fmt::format("records that are locked: {}", decision.records.size()));
  }
  if (!decision.targets.empty() && has_record(decision, {RecordKind::kDecided}))
    add_deployed(decision, out);
  return out;
}

}  // namespace stagekeeper::promotion
