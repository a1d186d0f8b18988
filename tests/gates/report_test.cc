#include "gates/report.h"

#include "gates/fairness.h"
#include "gates/kinds/accuracy.h"
#include "gates/kinds/fairness.h"
#include "gates/kinds/latency.h"
#include "gates/kinds/smoke.h"
#include "tests/gates/helpers.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <string>

using namespace stagekeeper;         // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

Digest digest_of(char digit) {
  return Digest("sha256:" + std::string(64, digit));
}

Expected expected() {
  return Expected{.request_uid = "uid-1",
                  .gate = "accuracy",
                  .attempt = 2,
                  .nonce = "00112233445566778899aabbccddeeff",
                  .dataset = digest_of('a'),
                  .artifact = digest_of('b'),
                  .has_champion = true};
}

json accuracy() {
  return json{
      {"auc", "0.890123456789"}, {"championAuc", "0.86"},      {"rows", "5000"},
      {"positives", "167"},      {"improvementLow", "0.0141"}, {"improvementHigh", "0.0462"},
      {"golden", "0=1.5e-12"}};
}

json report() {
  return json{{"schema", 1},
              {"requestUid", "uid-1"},
              {"gate", "accuracy"},
              {"attempt", 2},
              {"nonce", "00112233445566778899aabbccddeeff"},
              {"dataset", digest_of('a').str()},
              {"artifact", digest_of('b').str()},
              {"outcome", "Measured"},
              {"code", ""},
              {"message", ""},
              {"accuracy", accuracy()}};
}

std::string code_of(std::string_view text, const Expected& run = expected(),
                    const Kind& kind = kAccuracy) {
  const auto parsed = parse_report(text, run, kind);
  return parsed ? "" : parsed.error().code;
}

}  // namespace

TEST_CASE("report: a good one is read with all its numbers") {
  const auto parsed = parse_report(report().dump(), expected(), kAccuracy);
  REQUIRE(parsed);
  const AccuracyMetrics metrics = read_accuracy_metrics(parsed->metrics).value();
  CHECK(metrics.auc.str() == "0.890123456789");
  CHECK(metrics.champion_auc->str() == "0.86");
  CHECK(metrics.rows == 5000);
  CHECK(metrics.positives == 167);
  CHECK(metrics.improvement_high->str() == "0.0462");
  CHECK(metrics.golden == std::vector<GoldenRow>{{.row = 0, .score = "1.5e-12"}});
}

TEST_CASE("report: one thing spoiled, one reason, never a report") {
  struct Row {
    const char* spoiled;
    std::function<void(json&)> spoil;
    const char* code;
  };

  const Row rows[] = {
      {"schema of tomorrow", [](json& r) { r["schema"] = 2; }, "UnsupportedSchema"},
      {"another request", [](json& r) { r["requestUid"] = "uid-2"; }, "WrongRequest"},
      {"another gate", [](json& r) { r["gate"] = "latency"; }, "WrongGate"},
      {"another attempt", [](json& r) { r["attempt"] = 1; }, "WrongAttempt"},
      {"another nonce", [](json& r) { r["nonce"] = std::string(32, '0'); }, "NonceMismatch"},
      {"empty nonce", [](json& r) { r["nonce"] = ""; }, "NonceMismatch"},
      {"no nonce", [](json& r) { r.erase("nonce"); }, "MissingField"},
      {"another dataset", [](json& r) { r["dataset"] = digest_of('c').str(); }, "WrongDataset"},
      {"another artifact", [](json& r) { r["artifact"] = digest_of('c').str(); }, "WrongArtifact"},
      {"no outcome", [](json& r) { r.erase("outcome"); }, "MissingField"},
      {"a pass of its own", [](json& r) { r["outcome"] = "Passed"; }, "BadValue"},
      {"no metrics", [](json& r) { r.erase("accuracy"); }, "MissingMetric"},
      {"no AUC", [](json& r) { r["accuracy"].erase("auc"); }, "MissingField"},
      {"no champion", [](json& r) { r["accuracy"].erase("championAuc"); }, "MissingMetric"},
      {"AUC as a float", [](json& r) { r["accuracy"]["auc"] = 0.9; }, "BadValue"},
      {"AUC above 1", [](json& r) { r["accuracy"]["auc"] = "1.000000000001"; }, "BadValue"},
      {"AUC below 0", [](json& r) { r["accuracy"]["auc"] = "-0.1"; }, "BadValue"},
      {"AUC is NaN", [](json& r) { r["accuracy"]["auc"] = "NaN"; }, "NotFinite"},
      {"AUC is -inf", [](json& r) { r["accuracy"]["auc"] = "-inf"; }, "NotFinite"},
      {"AUC with an exponent", [](json& r) { r["accuracy"]["auc"] = "9e-1"; }, "BadValue"},
      {"golden score is nan", [](json& r) { r["accuracy"]["golden"] = "0=nan"; }, "NotFinite"},
      {"negative rows", [](json& r) { r["accuracy"]["rows"] = "-5"; }, "BadValue"},
      {"endless rows", [](json& r) { r["accuracy"]["rows"] = std::string(16, '9'); }, "BadValue"},
      {"one class", [](json& r) { r["accuracy"]["positives"] = "5000"; }, "BadValue"},
      {"no positives", [](json& r) { r["accuracy"]["positives"] = "0"; }, "BadValue"},
      {"metrics of two types", [](json& r) { r["smoke"] = json::object(); }, "UnexpectedMetric"},
      {"metrics are a list", [](json& r) { r["accuracy"] = json::array(); }, "BadValue"},
      {"an unknown member", [](json& r) { r["passed"] = true; }, "UnknownField"},
      {"an unknown metric", [](json& r) { r["accuracy"]["passed"] = "True"; }, "UnknownField"},
      {"reserved for later", [](json& r) { r["fullReport"] = "x"; }, "UnknownField"},
      {"a long message", [](json& r) { r["message"] = std::string(1001, 'm'); }, "BadValue"},
      {"a code that is a sentence", [](json& r) { r["code"] = "all is well"; }, "BadValue"},
      {"Errored with metrics", [](json& r) { r["outcome"] = "Errored"; }, "UnexpectedMetric"},
      {"Errored without a code",
       [](json& r) {
         r["outcome"] = "Errored";
         r.erase("accuracy");
       },
       "MissingField"},
      {"a number", [](json& r) { r = 1; }, "BadValue"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.spoiled);
    json spoiled = report();
    row.spoil(spoiled);
    CHECK(code_of(spoiled.dump()) == row.code);
  }
}

TEST_CASE("report: bytes that are no report") {
  const std::string good = report().dump();
  CHECK(code_of("") == "NoReport");
  CHECK(code_of("garbage") == "NotJson");
  CHECK(code_of("[1]") == "BadValue");
  CHECK(code_of("{]}") == "NotJson");
  CHECK(code_of(good.substr(0, good.size() - 20)) == "Truncated");
  CHECK(code_of(good.substr(20)) == "Truncated");
  CHECK(code_of(good + good) == "NotJson");
  CHECK(code_of(good + " \n").empty());
  CHECK(code_of(good + std::string(5000, ' ')) == "Oversized");
  CHECK(code_of(R"({"schema":1,"schema":1})") == "DuplicateKey");
  CHECK(code_of("{\"a\":" + std::string(2000, '[') + std::string(2000, ']') + "}") == "NotJson");
  std::string two_nonces = good;
  two_nonces.insert(1, R"("nonce":"0",)");
  CHECK(code_of(two_nonces) == "DuplicateKey");
}

TEST_CASE("report: an expected run without a nonce believes nothing") {
  Expected run = expected();
  run.nonce.clear();
  json r = report();
  r["nonce"] = "";
  CHECK(code_of(r.dump(), run) == "NonceMismatch");
}

TEST_CASE("report: a champion's AUC where nothing serves is refused") {
  Expected run = expected();
  run.has_champion = false;
  CHECK(code_of(report().dump(), run) == "UnexpectedMetric");
  json r = report();
  r["accuracy"].erase("championAuc");
  CHECK(code_of(r.dump(), run).empty());
}

TEST_CASE("report: written and read again, every kind is the same") {
  Report out{.request_uid = "uid-1",
             .gate = "accuracy",
             .attempt = 2,
             .nonce = expected().nonce,
             .dataset = digest_of('a'),
             .artifact = digest_of('b'),
             .outcome = ReportOutcome::kMeasured};
  FairnessMetrics fairness;
  fairness.auc = decimal("0.9");
  fairness.columns = {"g", "h"};
  fairness.groups = {{.column = 0,
                      .value = "Yes \"1\"",
                      .auc = decimal("0.875"),
                      .positives = 64,
                      .negatives = 1401},
                     {.column = 1, .value = "(missing)", .positives = 0, .negatives = 3}};
  LatencyMetrics latency;
  latency.p50 = decimal("1.234567890123");
  latency.p95 = latency.p99 = decimal("2");
  latency.samples = 500;
  const SmokeMetrics smoke{
      .served_version = "2", .golden = {{.row = 0, .score = "0.5"}}, .healthy = true};
  const std::pair<const Kind&, std::string> rows[] = {{kFairness, metrics_text(fairness)},
                                                      {kLatency, metrics_text(latency)},
                                                      {kSmoke, metrics_text(smoke)}};
  for (const auto& [kind, metrics] : rows) {
    CAPTURE(kind.name);
    out.metrics = metrics;
    const auto text = report_text(out, kind);
    REQUIRE(text);
    const auto back = parse_report(*text, expected(), kind);
    REQUIRE(back);
    CHECK(json::parse(back->metrics) == json::parse(metrics));
    CHECK(report_text(*back, kind).value() == *text);
    CHECK(code_of(*text, expected(), kAccuracy) == "UnexpectedMetric");
  }
  for (const ReportOutcome outcome : {ReportOutcome::kInconclusive, ReportOutcome::kErrored}) {
    out.outcome = outcome;
    out.metrics = {};
    out.code = "OneClass";
    out.message = std::string(3000, 'm');  // cut when written
    const auto back = parse_report(report_text(out, kAccuracy).value(), expected(), kAccuracy);
    REQUIRE(back);
    CHECK(back->outcome == outcome);
    CHECK(back->code == "OneClass");
    CHECK(back->message.size() == 1000);
  }
}

TEST_CASE("report: measured without a dataset it says so, and nothing else") {
  json r = report();
  r.erase("dataset");
  CHECK(code_of(r.dump()) == "WrongDataset");
  Expected run = expected();
  run.dataset = Digest("");
  CHECK(code_of(r.dump(), run).empty());
  CHECK(code_of(report().dump(), run) == "WrongDataset");
}

TEST_CASE("report: as many groups as may be measured fit, whatever they are called") {
  struct Row {
    const char* what;
    std::string value;
  };

  const Row rows[] = {{"states of 8 letters", "District"},
                      {"long names", std::string(4000, 'g')},
                      {"quotes", std::string(50, '"')},
                      {"controls", std::string(50, '\x01')},
                      {"three bytes a letter",
                       "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC"
                       "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC"}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    FairnessMetrics fairness;
    fairness.auc = decimal("0.890123456789");
    fairness.columns.assign(16, row.value);
    for (std::size_t i = 0; i < kMaxGroups; ++i)
      fairness.groups.push_back({.column = i % 16,
                                 .value = std::to_string(i) + row.value,
                                 .auc = decimal("0.876543210987"),
                                 .positives = 15'000,
                                 .negatives = 999'999});
    Report out = measured(fairness);
    out.request_uid = std::string(36, 'u');
    out.gate = std::string(63, 'g');
    out.attempt = 100;
    out.nonce = std::string(32, 'n');
    out.dataset = digest_of('a');
    out.artifact = digest_of('b');
    const auto text = report_text(out, kFairness);
    REQUIRE(text);
    const Expected run{.request_uid = out.request_uid,
                       .gate = out.gate,
                       .attempt = out.attempt,
                       .nonce = out.nonce,
                       .dataset = out.dataset,
                       .artifact = out.artifact};
    const auto back = parse_report(*text, run, kFairness);
    REQUIRE(back);
    const FairnessMetrics read = read_fairness_metrics(back->metrics).value();
    CHECK(read.groups.size() == kMaxGroups);
    CHECK(read.groups[63].column == 15);
    CHECK(read.groups[63].value.starts_with("63"));
    CHECK(read.groups[63].auc == decimal("0.876543210987"));
    CHECK(read.groups[63].negatives == 999'999);
  }
}

TEST_CASE("report: percentiles must ascend from 0") {
  json r = report();
  r.erase("accuracy");
  r["latency"] = {{"p50", "2"}, {"p95", "1"}, {"p99", "3"}, {"samples", "500"}};
  CHECK(code_of(r.dump(), expected(), kLatency) == "BadValue");
  r["latency"]["p50"] = "-1";
  CHECK(code_of(r.dump(), expected(), kLatency) == "BadValue");
  r["latency"]["p50"] = "1";
  CHECK(code_of(r.dump(), expected(), kLatency).empty());
}

TEST_CASE("report: a group is five members of the right form, and one of both classes has an AUC") {
  struct Row {
    const char* group;
    const char* code;
  };

  const Row rows[] = {
      {R"([0,"a","0.9",1,1])", ""},
      {R"([0,"a",null,0,7])", ""},
      {R"([0,"a",null,1,1])", "MissingMetric"},
      {R"([1,"a","0.9",1,1])", "BadValue"},
      {R"([-1,"a","0.9",1,1])", "BadValue"},
      {R"([0,7,"0.9",1,1])", "BadValue"},
      {R"([0,"a","1.1",1,1])", "BadValue"},
      {R"([0,"a","nan",1,1])", "BadValue"},
      {R"([0,"a",0.9,1,1])", "BadValue"},
      {R"([0,"a","0.9",1,1.5])", "BadValue"},
      {R"([0,"a","0.9",1,1000001])", "BadValue"},
      {R"([0,"a","0.9",1])", "BadValue"},
      {R"([0,"a","0.9",1,1,0])", "BadValue"},
      {R"({"column":"g"})", "BadValue"},
  };
  json r = report();
  r.erase("accuracy");
  for (const Row& row : rows) {
    CAPTURE(row.group);
    r["fairness"] = {{"auc", "0.9"}, {"columns", {"g"}}, {"groups", json::array()}};
    r["fairness"]["groups"].push_back(json::parse(row.group));
    CHECK(code_of(r.dump(), expected(), kFairness) == row.code);
  }
}
