#include "promotion/digests.h"
#include "promotion/ledger_view.h"
#include "promotion/records.h"
#include "promotion/review.h"
#include "promotion/steps.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::steps {
namespace {

constexpr std::chrono::hours kResultsValid{168};
constexpr std::chrono::seconds kAskAgain{60};

/// R28: which gates stop the promotion. Counted from the policy, so that a gate without a result
/// stops it too.
std::vector<std::string> failed_gates(const StageSpec& stage, const std::vector<GateState>& gates) {
  std::vector<std::string> names;
  for (const GateSpec& spec : stage.gates) {
    const GateState* gate = find_gate(gates, spec.name);
    const bool passed = gate != nullptr && gate->verdict == Verdict::kPassed;
    if (spec.blocking && !passed) names.push_back(spec.name);
  }
  return names;
}

/// Stage order (R5): from where the version stands, may it enter the requested stage? Serving users
/// is never entered from None, and from Archived by a rollback only, whatever a policy says.
std::optional<Decision> stage_order(const World& world, const StageSpec& stage) {
  const std::string now = current_stage(world);
  if (now == stage.name) {
    return nothing_to_do(
        world, fmt::format("version {} is in {} already", world.request.version, stage.name));
  }
  const bool outside = now == kStageNone || now == kStageArchived;
  if (std::ranges::find(stage.from, now) != stage.from.end() && !(serves(stage) && outside)) {
    return std::nullopt;
  }
  const auto before = std::ranges::find_if(stage.from, [](const std::string& each) {
    return each != kStageNone && each != kStageArchived;
  });
  std::string next = "It takes a new version";
  if (now == kStageArchived) {
    next = "An archived version comes back by action Rollback only";
  } else if (before != stage.from.end()) {
    next = fmt::format("Create a PromotionRequest for {} first", *before);
  }
  return blocked(world, "StageOrder",
                 fmt::format("version {} is in {}; {} is entered from {} only. {}",
                             world.request.version, now, stage.name, join(stage.from), next));
}

Decision blocked_by_gates(const World& world, const std::vector<std::string>& failed,
                          const std::vector<GateState>& gates) {
  const std::string message = "Promotion blocked. Failed gates: " + join(failed);
  Decision out = end_by(world, model_record(world, "Blocked", message, gates), message);
  out.gates = gates;
  return out;
}

/// Every approval is there: the last checks of the world, then the record that allows the effect.
Decision commit(const World& world, const StageSpec& stage, Decision decision) {
  decision.actions.clear();
  decision.wake_at.reset();
  decision.phase = Phase::kRecording;
  decision.reason = "RecordingDecision";
  decision.waiting_for = "audit record";
  const std::string& digest = decision.review->decision_digest;
  std::string body = record_body(world, decision.gates, decision.approvals, decision.review);
  if (stage.targets.empty()) {
    AppendRecord record = model_record(world, "Staged", "", {}, digest);
    record.body = std::move(body);
    decision.actions.emplace_back(std::move(record));
    decision.message = "approved; recording the new stage";
    return decision;
  }
  if (!world.target->pin_conflict.empty()) return field_conflict(world, std::move(decision));
  const auto smoke = world.smoke ? world.gate_classes.find(world.smoke->spec.gate_class)
                                 : world.gate_classes.end();
  if (smoke == world.gate_classes.end() || smoke->second.type != GateType::kSmoke) {
    decision.reason = "GateClassMissing";
    decision.message =
        "the smoke test needs GateClass stagekeeper-smoke of type Smoke; a cluster admin has to "
        "create it";
    decision.waiting_for = "GateClass stagekeeper-smoke";
    return decision;
  }
  hold_finalizer(world, decision.actions);
  decision.actions.emplace_back(intent_record(world, requested(world), digest, std::move(body)));
  decision.message = "approved; recording the decision before anything changes";
  return decision;
}

/// What people are shown while their answers are awaited.
Decision asking(const World& world, const StageSpec& stage, const ReviewOutcome& outcome,
                const ReviewView& view) {
  Decision out = waiting(world, Phase::kAwaitingApproval, "AwaitingApproval", "", outcome.missing);
  out.gates = world.results->gates;
  out.approvals = outcome.approvals;
  out.review = view;
  // No event tells that a right was granted or that the API server answers again.
  const bool ask_again = std::ranges::any_of(outcome.approvals, [](const ApprovalView& approval) {
    return approval.reason == "NotAuthorized" || approval.reason == "AuthorizationUnknown";
  });
  out.wake_at = ask_again ? std::min(view.expires_at, world.now + kAskAgain) : view.expires_at;
  out.message = fmt::format(
      "{} Awaiting human review for {} promotion. Missing: {}. Print the manifest to approve with "
      "`kubectl get promreq {} -n {} -o jsonpath='{{.status.review.approvalManifest}}'`",
      passed_text(stage, world.results->gates), world.request.stage,
      outcome.missing.empty() ? "nothing; an author's right has to be confirmed" : outcome.missing,
      world.request.meta.name, world.request.meta.ns);
  return out;
}

Decision review_step(const World& world, const StageSpec& stage) {
  const GateResults& results = *world.results;
  if (const auto failed = failed_gates(stage, results.gates); !failed.empty()) {
    return blocked_by_gates(world, failed, results.gates);
  }
  const std::string digest = decision_digest(world, results);
  const auto valid_for =
      std::min<std::chrono::milliseconds>(stage.review->expires_after, kResultsValid);
  const TimePoint opened = results.record.time;
  const TimePoint expires = opened + std::chrono::duration_cast<std::chrono::seconds>(valid_for);
  const ReviewOutcome outcome = count_approvals(world, *stage.review, digest, expires);
  Decision out = asking(world, stage, outcome,
                        ReviewView{.decision_digest = digest,
                                   .opened_at = opened,
                                   .expires_at = expires,
                                   .needed = outcome.needed,
                                   .counted = outcome.counted,
                                   .missing = outcome.missing});
  const auto end = [&](const char* kind, std::string reason) {
    AppendRecord record = model_record(world, kind, reason, {}, digest);
    record.body = record_body(world, results.gates, outcome.approvals, out.review);
    out.actions = {std::move(record)};
    out.phase = Phase::kRecording;
    out.reason = "RecordingOutcome";
    out.message = std::move(reason);
    out.waiting_for = "audit record";
    out.wake_at.reset();
    return out;
  };
  if (outcome.rejection) {
    return end("Rejected", fmt::format("rejected by {}: {}", outcome.rejection->approver,
                                       outcome.rejection->message));
  }
  if (world.now >= expires) return end("Expired", "the review ended without enough approvals");
  if (outcome.complete()) return commit(world, stage, std::move(out));
  // People take their time: nothing of this request should run meanwhile.
  out.actions = clean_up(world);
  return out;
}

Decision after_gates(const World& world, const StageSpec& stage) {
  if (const auto failed = failed_gates(stage, world.gates); !failed.empty()) {
    return blocked_by_gates(world, failed, world.gates);
  }
  const std::string digest = evaluation_digest(world);
  if (stage.review) {
    return end_by(world, model_record(world, "GateResult", "", world.gates, digest),
                  "all gates passed; recording their results");
  }
  return end_by(world, model_record(world, "Staged", "", world.gates, digest),
                "all gates passed; recording the new stage");
}

/// The results are of this request and of the world as it is.
bool results_hold(const World& world) {
  if (!world.results) return false;
  const RecordFact& record = world.results->record;
  return record.kind == "GateResult" && record.request_uid == world.request.meta.uid &&
         !record.decision_digest.empty() && record.decision_digest == evaluation_digest(world);
}

}  // namespace

Decision promote(const World& world) {
  if (auto wait = preconditions(world)) return *wait;
  if (auto wait = version_missing(world)) return *wait;
  const StageSpec* stage = world.policy->stage(world.request.stage);
  if (stage == nullptr) {
    return blocked(
        world, "StageUnknown",
        fmt::format("PromotionPolicy {} has no stage {}; add it or create a request for another",
                    world.request.model, world.request.stage));
  }
  if (auto wait = unsafe_policy(world, *stage)) return *wait;
  if (auto end = stage_order(world, *stage)) return *end;
  if (!stage->targets.empty()) {
    if (auto wait = target_obstacle(world)) return *wait;
  }
  if (stage->review && results_hold(world)) return review_step(world, *stage);
  if (auto running = evaluate(world, *stage)) return *running;
  return after_gates(world, *stage);
}

}  // namespace stagekeeper::promotion::steps
