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

/// What was decided on, not what policy and ModelVersion say by now. The bytes of a version that no
/// gate has seen are verified with it.
MeasuredFacts measured(const Case& facts, const GateSpec& spec) {
  const bool adopts = facts.subject.request.action == RequestAction::kAdopt;
  return {.request = facts.subject.request,
          .version = facts.target.to,
          .artifact_uri = facts.target.to.artifact_uri,
          .dataset = facts.decided.dataset,
          .binary = facts.decided.binary,
          .inputs = facts.decided.inputs,
          .verified_by = adopts ? spec.name : std::string()};
}

void start(const Case& facts, const RecordFact& intent, const GateState& gate, Step& out) {
  auto input = smoke_input(measured(facts, gate.spec), gate.spec, gate.attempt + 1,
                           *facts.facts.state.target, facts.decided);
  if (!input) {
    out.wait->code = WaitCode::kSmokeTestErrored;
    out.wait->what = "the smoke test cannot be described: " + input.error().message;
    out.wait->who_can = "whoever may roll back";
    out.wait->command = "create a PromotionRequest with action Rollback";
    return;
  }
  CreateGateJob job{.gate = gate.spec,
                    .attempt = gate.attempt + 1,
                    .input_digest = intent.digest,
                    .input = std::move(*input),
                    .access = access_of(*facts.facts.state.target)};
  if (const auto& serving = facts.facts.serving) {
    if (!serving->attested) {
      out.wait->what +=
          "; the test waits until every pod behind the Service serves it: " + serving->problem;
      out.wake_at = facts.now + kLookAgain;
      return;
    }
    job.pods = serving->pods;
  }
  out.actions.emplace_back(std::move(job));
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

/// No technical trouble, but a fact about the artifact: another attempt would read the same.
bool has_other_bytes(const GateState& gate) {
  return gate.verdict == Verdict::kErrored && gate.judgement.reason == "ArtifactDigestMismatch";
}

}  // namespace

std::optional<Step> smoke(const Case& facts, const RecordFact& intent) {
  GateState gate = facts.facts.smoke.value_or(GateState{});
  gate.spec = smoke_spec(facts.target.name, facts.target.to.version,
                         proved_by_answers(facts.facts.state, facts.decided));
  if (gate.verdict == Verdict::kPassed) return std::nullopt;
  if (gate.verdict == Verdict::kFailed || gate.verdict == Verdict::kInconclusive ||
      has_other_bytes(gate)) {
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
