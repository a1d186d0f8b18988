#include "gates/verdict.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;         // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)

namespace {

Report measured(Metrics metrics) {
  Report out;
  out.outcome = ReportOutcome::kMeasured;
  out.metrics = std::move(metrics);
  return out;
}

Report accuracy(const char* auc, const char* champion) {
  AccuracyMetrics m;
  m.auc = decimal(auc);
  if (champion != nullptr) m.champion_auc = decimal(champion);
  m.rows = 5000;
  m.positives = 167;
  return measured(m);
}

Report latency(const char* p50, const char* p95, const char* p99, std::uint64_t samples = 500) {
  LatencyMetrics m;
  m.p50 = decimal(p50);
  m.p95 = decimal(p95);
  m.p99 = decimal(p99);
  m.samples = samples;
  return measured(m);
}

GroupMetrics group(const char* value, const char* auc, std::uint64_t positives = 64,
                   std::uint64_t negatives = 1401) {
  return GroupMetrics{.column = "demographic_group",
                      .value = value,
                      .auc = auc == nullptr ? std::optional<Decimal>() : decimal(auc),
                      .positives = positives,
                      .negatives = negatives};
}

Report fairness(const char* auc, std::vector<GroupMetrics> groups) {
  FairnessMetrics m;
  m.auc = decimal(auc);
  m.groups = std::move(groups);
  return measured(m);
}

}  // namespace

TEST_CASE("accuracy: the article's sentences, and equality passes") {
  struct Row {
    const char* auc;
    const char* champion;
    Outcome outcome;
    const char* message;
  };

  const Row rows[] = {
      {"0.8901", "0.86", Outcome::kPassed, "AUC 0.8901 (+0.0301 vs production)"},
      {"0.81", "0.5", Outcome::kFailed, "AUC 0.8100 below minimum threshold 0.82"},
      {"0.819999999999", "0.5", Outcome::kFailed, "AUC 0.8200 below minimum threshold 0.82"},
      {"0.82", "0.815", Outcome::kPassed, "AUC 0.8200 (+0.0050 vs production)"},
      {"0.864999999999", "0.86", Outcome::kFailed, "Improvement 0.0050 below required delta 0.005"},
      {"0.865", "0.86", Outcome::kPassed, "AUC 0.8650 (+0.0050 vs production)"},
      {"0.85", "0.86", Outcome::kFailed, "Improvement -0.0100 below required delta 0.005"},
      {"0.86", nullptr, Outcome::kPassed, "AUC 0.8600 (+0.8600 vs production)"},
      {"0.8199", nullptr, Outcome::kFailed, "AUC 0.8199 below minimum threshold 0.82"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.auc);
    const Verdict verdict = judge(AccuracyPolicy{}, accuracy(row.auc, row.champion));
    CHECK(verdict.outcome == row.outcome);
    CHECK(verdict.message == row.message);
    CHECK(verdict.observed == row.auc);
    CHECK(verdict.champion == (row.champion == nullptr ? "" : row.champion));
    CHECK(verdict.threshold == "0.82; +0.005");
    CHECK(verdict.samples == "5000");
  }
}

TEST_CASE("accuracy: a policy may allow a loss, which is shown with its sign") {
  AccuracyPolicy policy;
  policy.min_improvement = decimal("-0.01");
  const Verdict verdict = judge(policy, accuracy("0.855", "0.86"));
  CHECK(verdict.outcome == Outcome::kPassed);
  CHECK(verdict.message == "AUC 0.8550 (-0.0050 vs production)");
  CHECK(verdict.threshold == "0.82; -0.01");
}

TEST_CASE("latency: the article's sentences, equality passes, few samples cannot tell") {
  const Verdict ok = judge(LatencyPolicy{}, latency("1.24", "50", "61.25"));
  CHECK(ok.outcome == Outcome::kPassed);
  CHECK(ok.message == "Latency OK - p50=1.2ms, p95=50.0ms, p99=61.2ms");
  CHECK(ok.observed == "50ms");
  CHECK(ok.threshold == "50ms");
  const Verdict slow = judge(LatencyPolicy{}, latency("1.2", "50.000000000001", "61"));
  CHECK(slow.outcome == Outcome::kFailed);
  CHECK(slow.message == "p95 latency 50.0ms exceeds budget 50ms");
  const Verdict much_slower = judge(LatencyPolicy{}, latency("1.2", "73.66", "99"));
  CHECK(much_slower.message == "p95 latency 73.7ms exceeds budget 50ms");
  CHECK(judge(LatencyPolicy{}, latency("1", "2", "3", 99)).outcome == Outcome::kInconclusive);
  CHECK(judge(LatencyPolicy{}, latency("1", "2", "3", 100)).outcome == Outcome::kPassed);
}

TEST_CASE("fairness: all failing groups, one a line; equality passes") {
  const Verdict failed =
      judge(FairnessPolicy{}, fairness("0.9182", {group("No", "0.9671"), group("Yes", "0.8091"),
                                                  group("Other", "0.8681")}));
  CHECK(failed.outcome == Outcome::kFailed);
  CHECK(failed.message ==
        "Fairness check FAILED:\n"
        " Group 'Yes': AUC=0.8091, gap=0.1091\n"
        " Group 'Other': AUC=0.8681, gap=0.0501");
  CHECK(failed.observed == "0.1091");
  CHECK(failed.samples == "4395");
  const Verdict passed =
      judge(FairnessPolicy{}, fairness("0.9", {group("No", "0.95"), group("Yes", "0.85")}));
  CHECK(passed.outcome == Outcome::kPassed);
  CHECK(passed.message == "Fairness OK - overall AUC=0.9000, max group gap within threshold");
}

TEST_CASE("fairness: groups that cannot be judged never pass") {
  struct Row {
    const char* what;
    GroupMetrics odd;
  };

  const Row rows[] = {{"few positives", group("x", "0.9", 29, 500)},
                      {"few negatives", group("x", "0.9", 500, 29)},
                      {"one class", group("x", nullptr, 0, 500)}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Verdict verdict = judge(FairnessPolicy{}, fairness("0.9", {group("No", "0.9"), row.odd}));
    CHECK(verdict.outcome == Outcome::kInconclusive);
    CHECK(verdict.reason == "GroupTooSmall");
    CHECK(verdict.message.find("Group 'x'") != std::string::npos);
    const Verdict both = judge(FairnessPolicy{}, fairness("0.9", {group("No", "0.8"), row.odd}));
    CHECK(both.outcome == Outcome::kFailed);
    CHECK(both.message.find("Group 'x'") != std::string::npos);
  }
  CHECK(judge(FairnessPolicy{}, fairness("0.9", {})).reason == "NoGroups");
  CHECK(judge(FairnessPolicy{}, fairness("0.9", {group("x", "0.9", 30, 30)})).outcome ==
        Outcome::kPassed);
}

TEST_CASE("fairness: columns are named where there are several, and names cannot forge lines") {
  GroupMetrics forged = group("a\n Group 'b': AUC=0.9000", "0.5");
  GroupMetrics other = group("eu", "0.5");
  other.column = "region";
  const Verdict verdict = judge(FairnessPolicy{}, fairness("0.9", {forged, other}));
  CHECK(verdict.message ==
        "Fairness check FAILED:\n"
        " Group 'demographic_group=a? Group 'b': AUC=0.9000': AUC=0.5000, gap=0.4000\n"
        " Group 'region=eu': AUC=0.5000, gap=0.4000");
  CHECK(verdict.samples == "1465");
}

TEST_CASE("smoke: the pinned version, healthy, and the golden row scores the same") {
  const SmokePolicy policy{.version = "2", .golden_score = "0.0123"};

  struct Row {
    SmokeMetrics seen;
    Outcome outcome;
    const char* reason;
  };

  const Row rows[] = {
      {{.served_version = "2", .golden_score = "0.0123", .healthy = true},
       Outcome::kPassed,
       "Passed"},
      {{.served_version = "2", .golden_score = "0.01230000000001", .healthy = true},
       Outcome::kPassed,
       "Passed"},
      {{.served_version = "2", .golden_score = "0.0123001", .healthy = true},
       Outcome::kFailed,
       "GoldenScoreDiffers"},
      {{.served_version = "1", .golden_score = "0.0123", .healthy = true},
       Outcome::kFailed,
       "WrongVersion"},
      {{.served_version = "2", .golden_score = "0.0123", .healthy = false},
       Outcome::kFailed,
       "NotHealthy"},
      {{.served_version = "2", .golden_score = {}, .healthy = true},
       Outcome::kErrored,
       "MissingMetric"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    const Verdict verdict = judge(policy, measured(row.seen));
    CHECK(verdict.outcome == row.outcome);
    CHECK(verdict.reason == row.reason);
  }
  const SmokeMetrics unscored{.served_version = "2", .golden_score = {}, .healthy = true};
  CHECK(judge(SmokePolicy{.version = "2", .golden_score = {}}, measured(unscored)).outcome ==
        Outcome::kPassed);
  const SmokeMetrics nameless{.served_version = "", .golden_score = {}, .healthy = true};
  CHECK(judge(SmokePolicy{}, measured(nameless)).outcome == Outcome::kFailed);
}

TEST_CASE("judge: what was not measured, or measured something else, never passes") {
  const Policy policies[] = {AccuracyPolicy{}, LatencyPolicy{}, FairnessPolicy{},
                             SmokePolicy{.version = "2", .golden_score = {}}};
  const Report good[] = {
      accuracy("0.9", nullptr), latency("1", "2", "3"), fairness("0.9", {group("a", "0.9")}),
      measured(SmokeMetrics{.served_version = "2", .golden_score = {}, .healthy = true})};
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t r = 0; r < 4; ++r) {
      CAPTURE(p);
      CAPTURE(r);
      Report report = good[r];
      CHECK((judge(policies[p], report).outcome == Outcome::kPassed) == (p == r));
      for (const ReportOutcome outcome : {ReportOutcome::kInconclusive, ReportOutcome::kErrored}) {
        report.outcome = outcome;
        CHECK(judge(policies[p], report).outcome ==
              (outcome == ReportOutcome::kErrored ? Outcome::kErrored : Outcome::kInconclusive));
      }
    }
  }
}
