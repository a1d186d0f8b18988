#include "gates/kind.h"

#include "gates/kinds/accuracy.h"
#include "gates/kinds/latency.h"
#include "gates/kinds/smoke.h"
#include "tests/gates/helpers.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace stagekeeper;         // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)

namespace {

/// The kinds of gates that a CRD offers, without those that it only reserves and refuses.
std::set<std::string> offered(const std::string& crd) {
  const std::size_t begin = crd.find("enum: [Accuracy");
  REQUIRE(begin != std::string::npos);
  const std::size_t open = crd.find('[', begin) + 1;
  std::istringstream list(crd.substr(open, crd.find(']', open) - open));
  std::set<std::string> out;
  std::string word;
  while (std::getline(list, word, ','))
    out.insert(word.substr(word.find_first_not_of(' ')));
  for (const char* reserved : {"Drift", "Schema", "Custom"})
    out.erase(reserved);
  return out;
}

std::string file(const char* path) {
  std::ifstream in(path);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("kind: every kind that a policy's CRD offers has a descriptor, and the other way round") {
  std::set<std::string> policies;
  std::set<std::string> classes;
  for (const Kind* kind : kinds()) {
    CHECK(find_kind(kind->name) == kind);
    if (kind->in_policies) policies.emplace(kind->name);
    classes.emplace(kind->name);
  }
  CHECK(find_kind("Drift") == nullptr);
  CHECK(find_kind("accuracy") == nullptr);
  CHECK(offered(file("crds/promotionpolicies.yaml")) == policies);
  CHECK(offered(file("crds/gateclasses.yaml")) == classes);
}

TEST_CASE("kind: the member is the name with a small letter, and no two share one") {
  std::set<std::string_view> members;
  for (const Kind* kind : kinds()) {
    std::string member(kind->name);
    member[0] = static_cast<char>(member[0] - 'A' + 'a');
    CHECK(kind->member == member);
    CHECK(members.insert(kind->member).second);
  }
}

TEST_CASE("kind: a limit that nobody wrote is nobody's, and the message says what to write") {
  struct Row {
    const char* kind;
    const char* parameters;
    const char* says;
  };

  const Row rows[] = {
      {"Accuracy", "{}", "accuracy.minAbsolute is missing and has no default"},
      {"Accuracy", R"({"minImprovement":"0.005"})", "accuracy.minAbsolute is missing"},
      {"Accuracy", R"({"minAbsolute":0.82})", "accuracy.minAbsolute"},
      {"Accuracy", R"({"minAbsolute":"0,82"})", "accuracy.minAbsolute"},
      {"Accuracy", R"({"minAbsolute":"1.01"})", "such as \"0.82\""},
      {"Accuracy", R"({"minAbsolute":"-0.1"})", "from 0 to 1"},
      {"Accuracy", R"({"minAbsolute":"0.8","minImprovement":"-1.1"})", "from -1 to 1"},
      {"Accuracy", R"({"minAbsolute":"0.8","metric":"f1"})", "accuracy.metric is not auc_roc"},
      {"Accuracy", R"({"minAbsolute":"0.8","maxLoss":"0.1"})", "accuracy.maxLoss is not known"},
      {"Accuracy", "[]", "accuracy is not an object"},
      {"Accuracy", "", "accuracy"},
      {"Latency", "{}", "latency.p95Budget has no default: write a number with its unit"},
      {"Latency", R"({"p95Budget":"50"})", "such as 50ms"},
      {"Latency", R"({"p95Budget":"0ms"})", "latency.p95Budget"},
      {"Latency", R"({"p95Budget":"50ms","samples":99})", "latency.samples"},
      {"Latency", R"({"p95Budget":"50ms","samples":5001})", "latency.samples"},
      {"Latency", R"({"p95Budget":"50ms","warmup":1001})", "latency.warmup"},
      {"Latency", R"({"p95Budget":"50ms","mode":"Parallel"})", "latency.mode is not Sequential"},
      {"Fairness", "{}", "fairness.maxDisparity is missing and has no default"},
      {"Fairness", R"({"maxDisparity":"0.05","minNegativesPerGroup":30})",
       "fairness.minPositivesPerGroup is missing and has no default: write a whole number"},
      {"Fairness", R"({"maxDisparity":"0.05","minPositivesPerGroup":30})",
       "fairness.minNegativesPerGroup is missing"},
      {"Fairness", R"({"maxDisparity":"0.05","minPositivesPerGroup":0,"minNegativesPerGroup":1})",
       "fairness.minPositivesPerGroup is not at least 1"},
      {"Smoke", "{}", "smoke.version is missing"},
      {"Smoke", R"({"version":""})", "smoke.version is empty"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.kind);
    CAPTURE(row.parameters);
    const Kind& kind = *find_kind(row.kind);
    const Status checked = kind.check(row.parameters);
    REQUIRE_FALSE(checked);
    CAPTURE(checked.error().message);
    CHECK(checked.error().code == ErrorCode::kInvalid);
    CHECK(checked.error().message.find(row.says) != std::string::npos);
    CHECK_FALSE(kind.job_parameters(row.parameters, {}));
    const Judgement judged = kind.judge(row.parameters, Report{}, {});
    CHECK(judged.verdict == Verdict::kErrored);
    CHECK(judged.reason == "BadPolicy");
  }
}

TEST_CASE("kind: the gate program is told how to measure, and no threshold") {
  CHECK(kAccuracy.job_parameters(kAccuracyLimits, {}).value() == "{}");
  CHECK(find_kind("Fairness")->job_parameters(kFairnessLimits, {}).value() == "{}");
  const std::string calls =
      kLatency.job_parameters(R"({"p95Budget":"50ms","samples":200,"warmup":0})", {}).value();
  CHECK(read_latency_job(calls)->samples == 200);
  CHECK(read_latency_job(calls)->warmup == 0);
  CHECK(calls.find("50") == std::string::npos);
  CHECK(read_latency_job(kLatency.job_parameters(kLatencyLimits, {}).value())->samples == 500);
}

TEST_CASE("kind: what an accuracy gate carries is what the smoke test is told") {
  AccuracyMetrics numbers;
  numbers.auc = decimal("0.9");
  numbers.rows = 5000;
  numbers.positives = 167;
  numbers.golden = {{.row = 17, .score = "0.5"}, {.row = 4711, .score = "0.0123"}};
  const Carries carried = kAccuracy.carries(measured(numbers));
  CHECK(carried == Carries{{"golden", "17=0.5 4711=0.0123"}});
  CHECK(kAccuracy.carries(Report{}).empty());
  const std::string told = kSmoke.job_parameters(smoke_parameters("2"), carried).value();
  CHECK(read_smoke_job(told)->golden == numbers.golden);
  CHECK(kSmoke.job_parameters(smoke_parameters("2"), {}).value() == "{}");
  CHECK_FALSE(kSmoke.job_parameters(smoke_parameters("2"), {{"golden", "first=1"}}));
}
