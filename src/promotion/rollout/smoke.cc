#include "promotion/evaluation/questions.h"
#include "promotion/rollout/parts.h"
#include "promotion/spacing.h"
#include "promotion/targets.h"

#include <fmt/format.h>

// The smoke test after a promotion or an adoption that adds pins: none for a rollback, since
// nothing better than the version that is already known to serve could be done about its failure.
namespace stagekeeper::promotion::rollout {
namespace {

/// How soon pods are looked at again that are not what they should be: most end within their grace.
constexpr std::chrono::seconds kLookAgain{10};

void start(const Case& facts, const RecordFact& intent, const GateState& gate, Step& out) {
  auto job = smoke_job(facts.subject, facts.decided, intent, facts.facts, gate.attempt + 1);
  if (!job) {
    out.wait->code = WaitCode::kSmokeTestErrored;
    out.wait->what = "the smoke test cannot be described: " + job.error().message;
    out.wait->who_can = "whoever may roll back";
    out.wait->command = "create a PromotionRequest with action Rollback";
    return;
  }
  if (const auto& serving = facts.facts.serving; serving && !serving->attested) {
    out.wait->what +=
        "; the test waits until every pod behind the Service serves it: " + serving->problem;
    out.wake_at = facts.now + kLookAgain;
    return;
  }
  out.actions.emplace_back(std::move(*job));
}

/// Technical trouble says nothing about the version: it is tried again for as long as it takes, and
/// whoever knows better may roll back meanwhile.
Step errored(const Case& facts, const RecordFact& intent, const GateState& gate) {
  const int tries = gate.tries > 0 ? gate.tries : gate.attempt;
  const TimePoint again = gate.ended + spacing_after(tries);
  Step out = waits(facts, {.code = WaitCode::kSmokeTestErrored,
                           .about = "smoke test of " + facts.target.name,
                           .what = fmt::format(
                               "version {} is rolled out on target {}, and the smoke test "
                               "could not be run ({}); it is tried again",
                               facts.target.to.version, facts.target.name, gate.judgement.message),
                           .who_can = "whoever may roll back, if the version should not serve",
                           .command = "create a PromotionRequest with action Rollback"});
  if (facts.now >= again) {
    start(facts, intent, gate, out);
  } else {
    out.wake_at = again;
  }
  return out;
}

/// No technical trouble: a fact about the artifact, of which another attempt would read the same,
/// or a Job that somebody has deleted since it spoke against the version.
bool is_fact(const GateState& gate) {
  const std::string& reason = gate.judgement.reason;
  return gate.verdict == Verdict::kErrored &&
         (reason == "ArtifactDigestMismatch" || (reason == "JobMissing" && !gate.retryable));
}

}  // namespace

std::optional<Step> smoke(const Case& facts, const RecordFact& intent) {
  GateState gate = facts.facts.smoke.value_or(GateState{});
  gate.spec = smoke_spec(facts.target.name, facts.target.to.version,
                         proved_by_answers(facts.facts.state, facts.decided));
  if (gate.verdict == Verdict::kPassed) return std::nullopt;
  if (gate.verdict == Verdict::kFailed || gate.verdict == Verdict::kInconclusive || is_fact(gate)) {
    return abort(facts, intent,
                 {EndCode::kSmokeTestFailed, "smoke test: " + gate.judgement.message});
  }
  if (!facts.subject.gate_classes.contains(kSmokeClass) && gate.verdict != Verdict::kRunning) {
    return waits(facts, {.code = WaitCode::kGateClassMissing,
                         .about = fmt::format("GateClass {}", kSmokeClass),
                         .what = fmt::format("the smoke test needs GateClass {}", kSmokeClass),
                         .who_can = "a cluster admin",
                         .command = "create it again"});
  }
  if (gate.verdict == Verdict::kErrored) return errored(facts, intent, gate);
  Step out = waits(facts, {.code = WaitCode::kSmokeTest,
                           .about = "smoke test of " + facts.target.name,
                           .what = fmt::format("version {} is rolled out on target {}; what is "
                                               "served is tested",
                                               facts.target.to.version, facts.target.name)});
  if (gate.verdict == Verdict::kPending) start(facts, intent, gate, out);
  return out;
}

}  // namespace stagekeeper::promotion::rollout
