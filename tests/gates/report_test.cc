#include "gates/report.h"

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
      {"goldenRow", "0"},        {"goldenScore", "1.5e-12"}};
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

std::string code_of(std::string_view text, const Expected& run = expected()) {
  const auto parsed = parse_report(text, run);
  return parsed ? "" : parsed.error().code;
}

}  // namespace

TEST_CASE("report: a good one is read with all its numbers") {
  const auto parsed = parse_report(report().dump(), expected());
  REQUIRE(parsed);
  const auto& metrics = std::get<AccuracyMetrics>(parsed->metrics);
  CHECK(metrics.auc.str() == "0.890123456789");
  CHECK(metrics.champion_auc->str() == "0.86");
  CHECK(metrics.rows == 5000);
  CHECK(metrics.positives == 167);
  CHECK(metrics.improvement_high->str() == "0.0462");
  CHECK(metrics.golden_score == "1.5e-12");
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
      {"golden score is nan", [](json& r) { r["accuracy"]["goldenScore"] = "nan"; }, "NotFinite"},
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
             .outcome = ReportOutcome::kMeasured,
             .code = "",
             .message = "",
             .metrics = {}};
  FairnessMetrics fairness;
  fairness.auc = Decimal::parse("0.9").value();
  fairness.groups = {
      {.column = "g",
       .value = "Yes \"1\"",
       .auc = Decimal::parse("0.875").value(),
       .positives = 64,
       .negatives = 1401},
      {.column = "g", .value = "(missing)", .auc = {}, .positives = 0, .negatives = 3}};
  LatencyMetrics latency;
  latency.p50 = Decimal::parse("1.234567890123").value();
  latency.p95 = Decimal::parse("2").value();
  latency.p99 = Decimal::parse("2").value();
  latency.samples = 500;
  const SmokeMetrics smoke{.served_version = "2", .golden_score = "0.5", .healthy = true};
  for (const Metrics& metrics : {Metrics(fairness), Metrics(latency), Metrics(smoke)}) {
    CAPTURE(metrics.index());
    out.metrics = metrics;
    const auto text = report_text(out);
    REQUIRE(text);
    const auto back = parse_report(*text, expected());
    REQUIRE(back);
    CHECK(back->metrics.index() == metrics.index());
    CHECK(report_text(*back).value() == *text);
  }
  for (const ReportOutcome outcome : {ReportOutcome::kInconclusive, ReportOutcome::kErrored}) {
    out.outcome = outcome;
    out.metrics = {};
    out.code = "OneClass";
    out.message = std::string(3000, 'm');  // cut when written
    const auto back = parse_report(report_text(out).value(), expected());
    REQUIRE(back);
    CHECK(back->outcome == outcome);
    CHECK(back->code == "OneClass");
    CHECK(back->message.size() == 1000);
  }
}

TEST_CASE("report: more groups than a termination message holds are refused when written") {
  Report out;
  out.outcome = ReportOutcome::kMeasured;
  FairnessMetrics fairness;
  for (int i = 0; i < 60; ++i)
    fairness.groups.push_back({.column = "demographic_group",
                               .value = "group " + std::to_string(i),
                               .auc = Decimal(),
                               .positives = 1,
                               .negatives = 1});
  out.metrics = fairness;
  CHECK(report_text(out).error().code == "ReportTooLarge");
}

TEST_CASE("report: percentiles must ascend from 0, and a group of both classes needs an AUC") {
  json r = report();
  r.erase("accuracy");
  r["latency"] = {{"p50", "2"}, {"p95", "1"}, {"p99", "3"}, {"samples", "500"}};
  CHECK(code_of(r.dump()) == "BadValue");
  r["latency"] = {{"p50", "-1"}, {"p95", "1"}, {"p99", "3"}, {"samples", "500"}};
  CHECK(code_of(r.dump()) == "BadValue");
  r.erase("latency");
  r["fairness"] = {
      {"auc", "0.9"},
      {"groups", {{{"column", "g"}, {"value", "a"}, {"positives", "1"}, {"negatives", "1"}}}}};
  CHECK(code_of(r.dump()) == "MissingMetric");
  r["fairness"]["groups"][0]["auc"] = "0.9";
  CHECK(code_of(r.dump()).empty());
  r["fairness"]["groups"][0]["weight"] = "0";
  CHECK(code_of(r.dump()) == "UnknownField");
}
