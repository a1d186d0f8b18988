#include "promotion/promote.h"

#include "base/text.h"
#include "promotion/belongings.h"
#include "promotion/commit.h"
#include "promotion/conclusion/conclusion.h"
#include "promotion/contents.h"
#include "promotion/digests.h"
#include "promotion/evaluation/evaluate.h"
#include "promotion/queries.h"
#include "promotion/records/records.h"
#include "promotion/review/review.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

constexpr std::chrono::hours kResultsValid{168};
constexpr std::chrono::seconds kAskAgain{60};

/// Waits before anything runs. Nothing of the request may hold a target meanwhile: others would
/// wait for what may never end. A store that is away for a moment is no reason to measure again.
Decision idle(const PromoteCase& facts, Wait wait) {
  const bool store = wait.code == WaitCode::kAuditStoreNotTrusted;
  Decision out = waiting(Phase::kPending, std::move(wait));
  if (!store) {
    out.actions = clean_up(facts.intake.subject.request, facts.intake.owned, Finalizer::kRelease);
  }
  return out;
}

conclusion::Place place_of(const PromoteCase& facts) {
  return {.subject = facts.intake.subject,
          .model_ledger = facts.intake.model_ledger,
          .approvals = facts.approvals};
}

Decision show_history(const PromoteCase& facts, const intake::HistoryEnd& end) {
  return {
      .phase = phase_of(end.code),
      .reason = std::string(name(end.code)),
      .message = end.text,
      .to = requested(facts.intake.subject),
      .actions = clean_up(facts.intake.subject.request, facts.intake.owned, Finalizer::kRelease)};
}

/// Which gates stop the promotion. Counted from the policy, so that a gate without a result
/// stops it too.
std::vector<std::string> failed_gates(const StageSpec& stage, const std::vector<GateState>& gates) {
  std::vector<std::string> names;
  for (const GateSpec& spec : stage.gates) {
    const bool passed = std::ranges::any_of(gates, [&](const GateState& gate) {
      return gate.spec.name == spec.name && gate.verdict == Verdict::kPassed;
    });
    if (spec.blocking && !passed) names.push_back(spec.name);
  }
  return names;
}

std::string blocked_text(const std::vector<std::string>& failed) {
  return "Promotion blocked. Failed gates: " + join(failed, ", ");
}

/// Which gates passed, and no more than that: an Advisory gate may have failed.
std::string passed_text(const StageSpec& stage, const std::vector<GateState>& gates) {
  if (stage.gates.empty()) return "";
  std::vector<std::string> advisory;
  for (const GateSpec& spec : stage.gates) {
    const bool passed = std::ranges::any_of(gates, [&](const GateState& gate) {
      return gate.spec.name == spec.name && gate.verdict == Verdict::kPassed;
    });
    if (!passed) advisory.push_back(spec.name);
  }
  if (advisory.empty()) return "All automated gates passed. ";
  return fmt::format("All blocking gates passed (advisory gates that did not: {}). ",
                     join(advisory, ", "));
}

/// What was passed, and which stage asks people next.
std::string staged_text(const Subject& subject, const std::vector<GateState>& gates,
                        bool reviewed) {
  const StageSpec& stage = *subject.stage();
  const std::string out = passed_text(stage, gates) + (reviewed ? "Approved by people. " : "");
  for (const StageSpec& next : subject.policy->stages) {
    const bool follows = std::ranges::find(next.from, stage.name) != next.from.end();
    if (follows && next.review)
      return out + fmt::format("Awaiting human review for {} promotion.", next.name);
  }
  return out + fmt::format("The version is in {}.", stage.name);
}

CommitCase commit_case(const PromoteCase& facts, const std::string& digest) {
  return {.now = facts.intake.now,
          .decision_digest = digest,
          .subject = facts.intake.subject,
          .model_ledger = facts.intake.model_ledger,
          .targets = facts.intake.targets,
          .approvals = facts.approvals};
}

/// What is decided about every target, from the world as it is.
DecidedFacts proposal(const PromoteCase& facts, const GateResults& results) {
  const intake::Case& intake = facts.intake;
  DecidedFacts out{.basis_digest = basis_digest(intake.subject), .gates = results.gates};
  for (const std::string& name : asked_targets(intake.subject)) {
    if (const RolloutFacts* target = find_target(intake.targets, name))
      out.targets.push_back(decided_target(target->state, requested(intake.subject)));
  }
  out.dataset = intake.subject.policy->evaluation.dataset;
  out.binary = intake.subject.policy->evaluation.binary;
  out.inputs = intake.subject.version->inputs;
  for (const GateState& gate : results.gates)
    out.carries.insert(gate.carries.begin(), gate.carries.end());
  return out;
}

/// A stage that serves nobody is entered by the record alone.
Decision enter_stage(const PromoteCase& facts, const DecidedFacts& decided,
                     const std::string& digest) {
  const Subject& subject = facts.intake.subject;
  StageMove move{.version = requested(subject)};
  move.from = stage_of(facts.intake.model_ledger, move.version);
  return conclusion::conclude(
      place_of(facts), {.code = EndCode::kStaged,
                        .text = staged_text(subject, decided.gates, decided.review.has_value()),
                        .decision_digest = digest,
                        .to = move.version,
                        .moves = {move},
                        .gates = decided.gates,
                        .review = decided.review,
                        .approvals = decided.approvals});
}

/// What a wait does not change.
void show(const DecidedFacts& proposed, Decision& out) {
  out.gates = proposed.gates;
  out.approvals = proposed.approvals;
  out.review = proposed.review;
}

/// Every gate has passed and every approval is there.
Decision decided(const PromoteCase& facts, const DecidedFacts& decided, const std::string& digest) {
  const intake::Case& intake = facts.intake;
  if (auto asking = intake::missing_right(intake)) return *asking;
  if (auto wait = intake::missing_admission(intake, Phase::kPending, intake::Requester::kProven)) {
    if (wait->wait) show(decided, *wait);
    return *wait;
  }
  if (!serves(*intake.subject.stage())) return enter_stage(facts, decided, digest);
  if (!intake.subject.gate_classes.contains(kSmokeClass)) {
    return waiting(Phase::kPending,
                   {.code = WaitCode::kGateClassMissing,
                    .about = fmt::format("GateClass {}", kSmokeClass),
                    .what = fmt::format("the smoke test needs GateClass {}", kSmokeClass),
                    .who_can = "a cluster admin",
                    .command = "create it"});
  }
  return commit(commit_case(facts, digest), decided);
}

/// What people are shown while their answers are awaited.
Decision asking_people(const PromoteCase& facts, const DecidedFacts& proposed,
                       const ReviewOutcome& outcome) {
  const PromotionRequest& request = facts.intake.subject.request;
  const StageSpec& stage = *facts.intake.subject.stage();
  const std::string missing =
      outcome.missing.empty() ? "nothing; an author's right has to be confirmed" : outcome.missing;
  Decision out = waiting(
      Phase::kAwaitingApproval,
      {.code = WaitCode::kAwaitingApproval,
       .about = outcome.missing,
       .what = fmt::format("{}Awaiting human review for {} promotion. Missing: {}",
                           passed_text(stage, proposed.gates), request.stage, missing),
       .who_can = outcome.missing.empty() ? "a cluster admin" : "whoever may fill a seat",
       .command = fmt::format("kubectl -n {} get promreq {} -o "
                              "jsonpath='{{.status.review.approvalManifest}}' > approval.yaml; "
                              "read it, then kubectl create -f approval.yaml",
                              request.meta.ns, request.meta.name)});
  out.gates = proposed.gates;
  out.approvals = proposed.approvals;
  out.review = proposed.review;
  out.to = requested(facts.intake.subject);
  const TimePoint expires = proposed.review->expires_at;
  out.wake_at = outcome.ask_again ? std::min(expires, facts.intake.now + kAskAgain) : expires;
  // People take their time: nothing of this request should run meanwhile. The finalizer stays: what
  // follows the last approval needs it at once.
  out.actions = clean_up(request, facts.intake.owned, Finalizer::kKeep);
  return out;
}

Decision end_review(const PromoteCase& facts, const DecidedFacts& proposed, EndCode code,
                    std::string text) {
  return conclusion::conclude(place_of(facts), {.code = code,
                                                .text = std::move(text),
                                                .decision_digest = proposed.review->decision_digest,
                                                .to = requested(facts.intake.subject),
                                                .gates = proposed.gates,
                                                .review = proposed.review,
                                                .approvals = proposed.approvals});
}

/// The gates have passed by a locked record: what people say to exactly this decision.
Decision review(const PromoteCase& facts, const ReviewSpec& spec, const GateResults& results,
                DecidedFacts proposed, const std::string& digest) {
  const intake::Case& intake = facts.intake;
  const auto valid_for = std::min<std::chrono::milliseconds>(spec.expires_after, kResultsValid);
  const TimePoint opened = results.record.time;
  const TimePoint expires = opened + std::chrono::duration_cast<std::chrono::seconds>(valid_for);
  // Nobody is asked, and nobody's answer is believed, while anybody could answer in their name.
  if (auto wait =
          intake::missing_admission(intake, Phase::kAwaitingApproval, intake::Requester::kProven)) {
    proposed.review =
        ReviewView{.decision_digest = digest, .opened_at = opened, .expires_at = expires};
    if (wait->wait) show(proposed, *wait);
    wait->to = requested(intake.subject);
    return *wait;
  }
  const ReviewOutcome outcome = count_approvals({.subject = intake.subject,
                                                 .approvals = facts.approvals,
                                                 .rights = intake.rights,
                                                 .decision_digest = digest,
                                                 .expires_at = expires,
                                                 .counts_from = intake::counts_from(intake)},
                                                spec);
  if (!outcome.questions.empty()) {
    Decision asking;
    asking.questions.assign(outcome.questions.begin(), outcome.questions.end());
    return asking;
  }
  proposed.review = ReviewView{.decision_digest = digest,
                               .opened_at = opened,
                               .expires_at = expires,
                               .needed = outcome.needed,
                               .counted = outcome.counted,
                               .missing = outcome.missing};
  proposed.approvals = outcome.approvals;
  if (outcome.rejection) {
    return end_review(facts, proposed, EndCode::kRejected,
                      fmt::format("rejected by {}: {}", outcome.rejection->approver,
                                  printable(outcome.rejection->message, kMaxTextBytes / 2)));
  }
  // What was approved in time may wait for a store or for another field manager, but not for ever.
  if (intake.now >= (outcome.complete() ? opened + kResultsValid : expires)) {
    return end_review(facts, proposed, EndCode::kReviewExpired,
                      outcome.complete()
                          ? "approved in time, but not carried out within a week of the gates"
                          : "the review ended without enough approvals");
  }
  if (!outcome.complete()) return asking_people(facts, proposed, outcome);
  return decided(facts, proposed, digest);
}

/// The results of every gate are locked, and are about the world as it is.
Decision with_results(const PromoteCase& facts, const GateResults& results) {
  const intake::Case& intake = facts.intake;
  const StageSpec& stage = *intake.subject.stage();
  if (const auto failed = failed_gates(stage, results.gates); !failed.empty()) {
    return conclusion::conclude(place_of(facts), {.code = EndCode::kGatesFailed,
                                                  .text = blocked_text(failed),
                                                  .to = requested(intake.subject),
                                                  .gates = results.gates});
  }
  DecidedFacts proposed = proposal(facts, results);
  const std::string digest = decision_digest({.cluster_uid = intake.cluster_uid,
                                              .subject = intake.subject,
                                              .on = facts.evaluation.on,
                                              .results = &results,
                                              .targets = proposed.targets});
  if (serves(stage)) {
    if (auto wait = too_large(commit_case(facts, digest), proposed))
      return idle(facts, std::move(*wait));
  }
  if (stage.review) return review(facts, *stage.review, results, std::move(proposed), digest);
  return decided(facts, proposed, digest);
}

Decision record_results(const PromoteCase& facts, const std::vector<GateState>& gates,
                        const std::string& evaluation) {
  const intake::Case& intake = facts.intake;
  Decision out =
      waiting(Phase::kRecording, {.code = WaitCode::kRecording,
                                  .about = "audit record",
                                  .what = "every gate has ended; recording the results"});
  out.gates = gates;
  out.to = requested(intake.subject);
  RecordContent content = content_of(intake.subject, RecordKind::kGateResult);
  content.decision_digest = evaluation;
  content.to = requested(intake.subject);
  content.body =
      gate_result_body({.subject = intake.subject, .model_ledger = intake.model_ledger}, gates);
  out.actions.emplace_back(
      AppendRecord{.ledger = {.kind = LedgerKind::kModel, .name = intake.subject.request.model},
                   .content = std::move(content)});
  return out;
}

/// Gates that stop the promotion before a Job was made. It costs the requester nothing to ask
/// again, so that such ends have a quota, as all have before which nothing was measured.
std::optional<Decision> nothing_measured(const PromoteCase& facts, const StageSpec& stage,
                                         const std::vector<GateState>& gates) {
  const bool ran =
      std::ranges::any_of(gates, [](const GateState& gate) { return !gate.job_name.empty(); });
  const std::vector<std::string> failed = failed_gates(stage, gates);
  if (ran || failed.empty()) return std::nullopt;
  TimePoint until;
  if (auto wait = conclusion::quota(facts.intake.model_ledger, facts.intake.subject,
                                    facts.intake.now, until)) {
    Decision out = idle(facts, std::move(*wait));
    out.gates = gates;
    out.wake_at = until;
    return out;
  }
  return conclusion::conclude(place_of(facts), {.code = EndCode::kGatesFailed,
                                                .text = blocked_text(failed),
                                                .to = requested(facts.intake.subject),
                                                .gates = gates});
}

/// Results are locked only of a request whose requester is certain. What has been measured stays
/// for when that is known.
std::optional<Decision> unproven(const PromoteCase& facts, const std::vector<GateState>& gates) {
  auto wait = intake::missing_admission(facts.intake, Phase::kPending, intake::Requester::kToProve);
  if (!wait || !wait->wait) return wait;
  wait->gates = gates;
  wait->to = requested(facts.intake.subject);
  return wait;
}

Decision run_gates(const PromoteCase& facts, const StageSpec& stage,
                   const std::string& evaluation) {
  const intake::Case& intake = facts.intake;
  const bool begins = intake.owned.jobs.empty() && intake.owned.clones.empty();
  if (begins) {
    if (auto asking = intake::missing_right(intake)) return *asking;
    if (auto wait = unproven(facts, {})) return *wait;
  }
  if (stage.gates.empty()) {
    TimePoint until;
    auto full = conclusion::review_quota(intake.model_ledger, intake.subject, intake.now, until);
    if (!full) return record_results(facts, {}, evaluation);
    Decision out = idle(facts, std::move(*full));
    out.wake_at = until;
    return out;
  }
  const auto& on = facts.evaluation.on;
  Evaluated evaluated = evaluate({.now = intake.now,
                                  .subject = intake.subject,
                                  .stage = stage,
                                  .facts = facts.evaluation,
                                  .owned = intake.owned,
                                  .candidate = requested(intake.subject),
                                  .champion = on ? serving_version(on->ledger) : VersionRef{},
                                  .digest = evaluation});
  if (evaluated.step) return *evaluated.step;
  if (auto wait = unproven(facts, evaluated.gates)) return *wait;
  if (auto end = nothing_measured(facts, stage, evaluated.gates)) return *end;
  return record_results(facts, evaluated.gates, evaluation);
}

}  // namespace

Decision promote(const PromoteCase& facts) {
  const intake::Case& intake = facts.intake;
  const Subject& subject = intake.subject;
  const StageSpec* stage = subject.stage();
  intake::StageOrder order;
  if (stage != nullptr) order = intake::stage_order(intake, *stage);
  // What history tells needs neither store nor rights.
  if (const auto* end = std::get_if<intake::HistoryEnd>(&order)) return show_history(facts, *end);
  if (auto wait = intake::precondition(intake)) return idle(facts, std::move(*wait));
  if (auto wait = intake::stage_unknown(subject)) return idle(facts, std::move(*wait));
  if (auto wait = intake::version_missing(subject)) return idle(facts, std::move(*wait));
  if (auto wait = intake::unsafe_policy(*subject.policy, *stage))
    return idle(facts, std::move(*wait));
  if (auto* wait = std::get_if<Wait>(&order)) return idle(facts, std::move(*wait));
  if (serves(*stage)) {
    if (auto wait = intake::targets_obstacle(intake)) return idle(facts, std::move(*wait));
  }
  const std::string evaluation = evaluation_digest(subject, facts.evaluation.on);
  const auto& results = facts.evaluation.results;
  const bool hold = results && results->record.kind == RecordKind::kGateResult &&
                    results->record.request.uid == subject.request.meta.uid &&
                    results->record.decision_digest == evaluation;
  return hold ? with_results(facts, *results) : run_gates(facts, *stage, evaluation);
}

}  // namespace stagekeeper::promotion
