#include "gates/kinds/accuracy.h"
#include "gates/kinds/fairness.h"
#include "gates/kinds/latency.h"
#include "gates/kinds/smoke.h"
#include "tests/gates/helpers.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;         // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)

namespace {

Report accuracy(const char* auc, const char* champion) {
  AccuracyMetrics m;
  m.auc = decimal(auc);
  if (champion != nullptr) m.champion_auc = decimal(champion);
  m.rows = 5000;
  m.positives = 167;
  m.golden = {{.row = 0, .score = "0.5"}};
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
  return GroupMetrics{.column = 0,
                      .value = value,
                      .auc = auc == nullptr ? std::optional<Decimal>() : decimal(auc),
                      .positives = positives,
                      .negatives = negatives};
}

Judgement judge_fairness(const Report& report) {
  return kFairness.judge(kFairnessLimits, report, {});
}

Report fairness(const char* auc, std::vector<GroupMetrics> groups) {
  FairnessMetrics m;
  m.auc = decimal(auc);
  m.columns = {"demographic_group"};
  m.groups = std::move(groups);
  return measured(m);
}

}  // namespace

TEST_CASE("accuracy: the article's sentences, and equality passes") {
  struct Row {
    const char* auc;
    const char* champion;
    Verdict verdict;
    const char* message;
  };

  const Row rows[] = {
      {"0.8901", "0.86", Verdict::kPassed, "AUC 0.8901 (+0.0301 vs production)"},
      {"0.81", "0.5", Verdict::kFailed, "AUC 0.8100 below minimum threshold 0.82"},
      {"0.819999999999", "0.5", Verdict::kFailed, "AUC 0.8200 below minimum threshold 0.82"},
      {"0.82", "0.815", Verdict::kPassed, "AUC 0.8200 (+0.0050 vs production)"},
      {"0.864999999999", "0.86", Verdict::kFailed, "Improvement 0.0050 below required delta 0.005"},
      {"0.865", "0.86", Verdict::kPassed, "AUC 0.8650 (+0.0050 vs production)"},
      {"0.85", "0.86", Verdict::kFailed, "Improvement -0.0100 below required delta 0.005"},
      {"0.86", nullptr, Verdict::kPassed, "AUC 0.8600 (+0.8600 vs production)"},
      {"0.8199", nullptr, Verdict::kFailed, "AUC 0.8199 below minimum threshold 0.82"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.auc);
    const Judgement judged = kAccuracy.judge(kAccuracyLimits, accuracy(row.auc, row.champion), {});
    CHECK(judged.verdict == row.verdict);
    CHECK(judged.message == row.message);
    CHECK(judged.observed == row.auc);
    CHECK(judged.champion == (row.champion == nullptr ? "" : row.champion));
    CHECK(judged.threshold == "0.82; +0.005");
    CHECK(judged.samples == "5000");
  }
}

TEST_CASE("accuracy: a policy may allow a loss, which is shown with its sign") {
  const Judgement judged = kAccuracy.judge(R"({"minAbsolute":"0.82","minImprovement":"-0.01"})",
                                           accuracy("0.855", "0.86"), {});
  CHECK(judged.verdict == Verdict::kPassed);
  CHECK(judged.message == "AUC 0.8550 (-0.0050 vs production)");
  CHECK(judged.threshold == "0.82; -0.01");
}

TEST_CASE("accuracy: without a required improvement none is judged, and it is shown all the same") {
  const Judgement judged =
      kAccuracy.judge(R"({"minAbsolute":"0.82"})", accuracy("0.83", "0.9"), {});
  CHECK(judged.verdict == Verdict::kPassed);
  CHECK(judged.message == "AUC 0.8300 (-0.0700 vs production)");
  CHECK(judged.threshold == "0.82");
  CHECK(judged.champion == "0.9");
}

TEST_CASE("accuracy: the interval of the improvement is shown with the verdict") {
  AccuracyMetrics numbers;
  numbers.auc = decimal("0.89");
  numbers.champion_auc = decimal("0.86");
  numbers.rows = 5000;
  numbers.positives = 167;
  numbers.golden = {{.row = 0, .score = "0.5"}};
  CHECK(kAccuracy.judge(kAccuracyLimits, measured(numbers), {}).interval.empty());
  numbers.improvement_low = decimal("-0.00124");
  numbers.improvement_high = decimal("0.041");
  CHECK(kAccuracy.judge(kAccuracyLimits, measured(numbers), {}).interval == "[-0.0012, 0.0410]");
}

TEST_CASE("latency: the article's sentences, equality passes, few samples cannot tell") {
  const Judgement ok = kLatency.judge(kLatencyLimits, latency("1.24", "50", "61.25"), {});
  CHECK(ok.verdict == Verdict::kPassed);
  CHECK(ok.message == "Latency OK - p50=1.2ms, p95=50.0ms, p99=61.2ms");
  CHECK(ok.observed == "50ms");
  CHECK(ok.threshold == "50ms");
  const Judgement slow =
      kLatency.judge(kLatencyLimits, latency("1.2", "50.000000000001", "61"), {});
  CHECK(slow.verdict == Verdict::kFailed);
  CHECK(slow.message == "p95 latency 50.0ms exceeds budget 50ms");
  const Judgement much_slower = kLatency.judge(kLatencyLimits, latency("1.2", "73.66", "99"), {});
  CHECK(much_slower.message == "p95 latency 73.7ms exceeds budget 50ms");
  CHECK(kLatency.judge(kLatencyLimits, latency("1", "2", "3", 99), {}).verdict ==
        Verdict::kInconclusive);
  CHECK(kLatency.judge(kLatencyLimits, latency("1", "2", "3", 100), {}).verdict ==
        Verdict::kPassed);
}

TEST_CASE("fairness: all failing groups, one a line; equality passes") {
  const Judgement failed = judge_fairness(fairness(
      "0.9182", {group("No", "0.9671"), group("Yes", "0.8091"), group("Other", "0.8681")}));
  CHECK(failed.verdict == Verdict::kFailed);
  CHECK(failed.message ==
        "Fairness check FAILED:\n"
        " Group 'Yes': AUC=0.8091, gap=0.1091\n"
        " Group 'Other': AUC=0.8681, gap=0.0501");
  CHECK(failed.observed == "0.1091");
  CHECK(failed.samples == "4395");
  const Judgement passed =
      judge_fairness(fairness("0.9", {group("No", "0.95"), group("Yes", "0.85")}));
  CHECK(passed.verdict == Verdict::kPassed);
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
    const Judgement judged = judge_fairness(fairness("0.9", {group("No", "0.9"), row.odd}));
    CHECK(judged.verdict == Verdict::kInconclusive);
    CHECK(judged.reason == "GroupTooSmall");
    CHECK(judged.message.find("Group 'x'") != std::string::npos);
    const Judgement both = judge_fairness(fairness("0.9", {group("No", "0.8"), row.odd}));
    CHECK(both.verdict == Verdict::kFailed);
    CHECK(both.message.find("Group 'x'") != std::string::npos);
  }
  CHECK(judge_fairness(fairness("0.9", {})).reason == "NoGroups");
  CHECK(judge_fairness(fairness("0.9", {group("x", "0.9", 30, 30)})).verdict == Verdict::kPassed);
}

TEST_CASE("fairness: columns are named where there are several, and names cannot forge lines") {
  FairnessMetrics numbers;
  numbers.auc = decimal("0.9");
  numbers.columns = {"demographic_group", "region"};
  numbers.groups = {group("a\n Group 'b': AUC=0.9000", "0.5"), group("eu", "0.5")};
  numbers.groups[1].column = 1;
  const Judgement judged = judge_fairness(measured(numbers));
  CHECK(judged.message ==
        "Fairness check FAILED:\n"
        " Group 'demographic_group=a  Group 'b': AUC=0.9000': AUC=0.5000, gap=0.4000\n"
        " Group 'region=eu': AUC=0.5000, gap=0.4000");
  CHECK(judged.samples == "1465");
}

TEST_CASE("smoke: the pinned version, healthy, and the golden rows score the same") {
  struct Row {
    SmokeMetrics seen;
    Verdict verdict;
    const char* reason;
  };

  const auto golden = [](const char* score) {
    return std::vector<GoldenRow>{{.row = 17, .score = "0.5"}, {.row = 4711, .score = score}};
  };
  const Row rows[] = {
      {{.served_version = "2", .golden = golden("0.0123"), .healthy = true},
       Verdict::kPassed,
       "Passed"},
      {{.served_version = "2", .golden = golden("0.01230000000001"), .healthy = true},
       Verdict::kPassed,
       "Passed"},
      {{.served_version = "2", .golden = golden("0.0123001"), .healthy = true},
       Verdict::kFailed,
       "GoldenScoreDiffers"},
      {{.served_version = "2", .golden = {{.row = 17, .score = "0.5"}}, .healthy = true},
       Verdict::kErrored,
       "MissingMetric"},
      {{.served_version = "2",
        .golden = {{.row = 17, .score = "0.5"}, {.row = 4712, .score = "0.0123"}},
        .healthy = true},
       Verdict::kFailed,
       "GoldenScoreDiffers"},
      {{.served_version = "1", .golden = golden("0.0123"), .healthy = true},
       Verdict::kFailed,
       "WrongVersion"},
      {{.served_version = "2", .golden = golden("0.0123"), .healthy = false},
       Verdict::kFailed,
       "NotHealthy"},
      {{.served_version = "2", .healthy = true}, Verdict::kErrored, "MissingMetric"},
  };
  const Carries carried{{"golden", "17=0.5 4711=0.0123"}};
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    const Judgement judged = kSmoke.judge(smoke_parameters("2"), measured(row.seen), carried);
    CHECK(judged.verdict == row.verdict);
    CHECK(judged.reason == row.reason);
    // Which row it is must not become known: a model could know it by heart.
    CHECK(judged.message.find("4711") == std::string::npos);
  }
  const SmokeMetrics unscored{.served_version = "2", .healthy = true};
  CHECK(kSmoke.judge(smoke_parameters("2"), measured(unscored), {}).verdict == Verdict::kPassed);
  const SmokeMetrics nameless{.served_version = "", .healthy = true};
  CHECK(kSmoke.judge(smoke_parameters("2"), measured(nameless), {}).verdict == Verdict::kFailed);
  CHECK(kSmoke.judge(smoke_parameters(""), measured(nameless), {}).verdict == Verdict::kErrored);
  // Without a word from the server only attested pods can do, and another word still counts.
  const SmokeMetrics silent{.served_version = {}, .healthy = true};
  const SmokeMetrics other{.served_version = "1", .healthy = true};
  CHECK(kSmoke.judge(smoke_parameters("2"), measured(silent), {}).verdict == Verdict::kFailed);
  CHECK(kSmoke.judge(smoke_parameters("2", false), measured(silent), {}).verdict ==
        Verdict::kPassed);
  CHECK(kSmoke.judge(smoke_parameters("2", false), measured(other), {}).verdict ==
        Verdict::kFailed);
}

TEST_CASE("judge: what was not measured, or measured something else, never passes") {
  const Report good[] = {accuracy("0.9", nullptr), latency("1", "2", "3"),
                         fairness("0.9", {group("a", "0.9")}),
                         measured(SmokeMetrics{.served_version = "2", .healthy = true})};
  const std::string limits[] = {kAccuracyLimits, kLatencyLimits, kFairnessLimits,
                                smoke_parameters("2")};
  REQUIRE(kinds().size() == std::size(good));
  for (std::size_t k = 0; k < kinds().size(); ++k) {
    CAPTURE(kinds()[k]->name);
    for (std::size_t r = 0; r < std::size(good); ++r) {
      CAPTURE(r);
      CHECK((kinds()[k]->judge(limits[k], good[r], {}).verdict == Verdict::kPassed) == (k == r));
    }
    CHECK(kinds()[k]->judge(limits[k], Report{}, {}).verdict == Verdict::kErrored);
    CHECK(kinds()[k]->carries(Report{}).empty());
  }
}

TEST_CASE("verdict: names read back, and a name of tomorrow is no pass") {
  for (const Verdict each : {Verdict::kPending, Verdict::kRunning, Verdict::kPassed,
                             Verdict::kFailed, Verdict::kInconclusive, Verdict::kErrored})
    CHECK(verdict(name(each)) == each);
  CHECK(verdict("PassedWithWarnings") == Verdict::kErrored);
  CHECK(verdict("") == Verdict::kErrored);
}
