#include "promotion/digests.h"

#include "fixtures.h"
#include "promotion/targets.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)

namespace {

Bench evaluated() {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.pass_gates();
  return bench;
}

std::string evaluation(const Bench& bench) {
  return evaluation_digest(bench.world.subject, bench.world.targets.front().state);
}

std::vector<DecidedFacts::Target> targets_of(const Bench& bench) {
  std::vector<DecidedFacts::Target> out;
  for (const RolloutFacts& each : bench.world.targets)
    out.push_back(decided_target(each.state, requested(bench.world.subject)));
  return out;
}

std::string decision(const Bench& bench) {
  return decision_digest(
      {.cluster_uid = bench.world.cluster_uid,
       .subject = bench.world.subject,
       .on = bench.world.targets.front().state,
       .results = bench.world.evaluation.results ? &*bench.world.evaluation.results : nullptr,
       .targets = targets_of(bench)});
}

struct Row {
  const char* what;
  void (*spoil)(Bench& bench);
};

}  // namespace

TEST_CASE("digests: results hold for exactly one evaluation") {
  const Row rows[] = {
      {"request", [](Bench& b) { b.world.subject.request.meta.uid += "x"; }},
      {"version", [](Bench& b) { b.world.subject.request.version = "3"; }},
      {"ModelVersion object", [](Bench& b) { b.world.subject.version->meta.uid += "x"; }},
      {"spec of the version", [](Bench& b) { b.world.subject.version_digest += "x"; }},
      {"artifact", [](Bench& b) { b.world.subject.version->artifact_digest += "x"; }},
      {"data", [](Bench& b) { b.world.subject.policy->evaluation.dataset->digest += "x"; }},
      {"policy", [](Bench& b) { b.world.subject.policy_digest += "x"; }},
      {"stage", [](Bench& b) { b.world.subject.request.stage = "Staging"; }},
      {"template", [](Bench& b) { b.facts("eu").state.template_digest += "x"; }},
      {"spec of the target", [](Bench& b) { b.facts("eu").state.spec_digest += "x"; }},
      {"rendered pins", [](Bench& b) { b.facts("eu").state.target->pin[0].value = "x"; }},
      {"object of the target", [](Bench& b) { b.facts("eu").state.target->meta.uid += "x"; }},
      {"object of the Deployment", [](Bench& b) { b.deployment("eu").meta.uid += "x"; }},
      {"champion", [](Bench& b) { b.serve("eu", "7"); }},
  };
  const std::string before = evaluation(evaluated());
  CHECK(before.starts_with("sha256:"));
  CHECK(before == evaluation(evaluated()));
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench = evaluated();
    row.spoil(bench);
    CHECK(evaluation(bench) != before);
  }
}

TEST_CASE("digests: an approval names exactly what was seen") {
  const Row rows[] = {
      {"cluster", [](Bench& b) { b.world.cluster_uid += "x"; }},
      {"policy", [](Bench& b) { b.world.subject.policy_digest += "x"; }},
      {"a verdict",
       [](Bench& b) { b.world.evaluation.results->gates[0].verdict = Verdict::kFailed; }},
      {"a value",
       [](Bench& b) { b.world.evaluation.results->gates[0].judgement.observed = "0.9"; }},
      {"an interval",
       [](Bench& b) { b.world.evaluation.results->gates[0].judgement.interval = ""; }},
      {"the pod that was measured",
       [](Bench& b) { b.world.evaluation.results->gates[0].served_by += "x"; }},
      {"the evidence", [](Bench& b) { b.world.evaluation.results->record.digest += "x"; }},
      {"spec of a target", [](Bench& b) { b.facts("us").state.spec_digest += "x"; }},
      {"pins of a target", [](Bench& b) { b.facts("us").state.target->pin[0].value = "x"; }},
      {"template of a target", [](Bench& b) { b.facts("us").state.template_digest += "x"; }},
      {"Deployment of a target", [](Bench& b) { b.deployment("us").meta.uid += "x"; }},
      {"what a target serves", [](Bench& b) { b.serve("us", "7"); }},
      {"what happened on a target since", [](Bench& b) { b.serve("us", "1"); }},
      {"a target more",
       [](Bench& b) {
         b.world.targets.push_back(b.facts("us"));
         b.world.targets.back().state.name = "ap";
       }},
  };
  const std::string before = decision(evaluated());
  CHECK(before == decision(evaluated()));
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench = evaluated();
    row.spoil(bench);
    CHECK(decision(bench) != before);
  }
  Bench turned = evaluated();
  std::vector<DecidedFacts::Target> reversed = targets_of(turned);
  std::ranges::reverse(reversed);
  CHECK(decision_digest({.cluster_uid = turned.world.cluster_uid,
                         .subject = turned.world.subject,
                         .on = turned.world.targets.front().state,
                         .results = &*turned.world.evaluation.results,
                         .targets = reversed}) == before);
}

TEST_CASE("digests: results of what was changed and changed back hold again") {
  Bench bench = evaluated();
  const std::string first = evaluation(bench);
  const std::string policy = bench.world.subject.policy_digest;
  bench.world.subject.policy_digest += "x";
  bench.pass_gates();
  bench.world.subject.policy_digest = policy;
  const RecordFact* record = results_record(bench.world.model_ledger, "uid-request", first);
  REQUIRE(record != nullptr);
  CHECK(record->decision_digest == first);
  CHECK(record->sequence < bench.world.model_ledger.head_sequence());
  CHECK(results_record(bench.world.model_ledger, "uid-other", first) == nullptr);
}
