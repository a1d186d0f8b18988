#include "gates/gate_input.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <string>

using namespace stagekeeper;         // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

GateInput input() {
  GateInput out;
  out.request_uid = "7c1b";
  out.gate = "accuracy";
  out.nonce = "00112233445566778899aabbccddeeff";
  out.model = "credit-risk";
  out.version = "2";
  out.dataset = {.uri = "s3://models/eval.csv",
                 .version = "2026-11",
                 .digest = Digest("sha256:" + std::string(64, 'a'))};
  out.artifact = {.uri = "file:///models/2.json",
                  .version = "",
                  .digest = Digest("sha256:" + std::string(64, 'b'))};
  out.label_column = "label";
  out.positive_label = "1";
  out.group_columns = {"demographic_group"};
  out.features = {{.name = "balance"},
                  {.name = "student", .type = ColumnType::kLong, .required = false}};
  out.scoring.positive_index = 1;
  out.scoring.higher_means_positive = false;
  out.candidate = {.url = "http://c:8080", .version = "2"};
  out.champion = Endpoint{.url = "http://b:8080", .version = "1"};
  return out;
}

}  // namespace

TEST_CASE("gate input: written, read and written again it is the same text") {
  GateInput variants[] = {input(), input(), input(), input()};
  variants[1].type = GateType::kLatency;
  variants[1].latency = LatencyInput{.samples = 200, .warmup = 3};
  variants[2].type = GateType::kFairness;
  variants[2].champion.reset();
  variants[3].type = GateType::kSmoke;
  variants[3].smoke = SmokeInput{.golden_row = 7, .golden_score = "0.25"};
  variants[3].scoring = Scoring{};
  variants[3].scoring.path = "/out/score";
  for (const GateInput& variant : variants) {
    CAPTURE(name(variant.type));
    const std::string text = gate_input_text(variant).value();
    const auto back = parse_gate_input(text);
    REQUIRE(back);
    CHECK(gate_input_text(*back).value() == text);
    CHECK(back->type == variant.type);
    CHECK(back->features == variant.features);
    CHECK(back->champion.has_value() == variant.champion.has_value());
  }
}

TEST_CASE("gate input: the digest ignores the nonce and nothing else") {
  GateInput other = input();
  other.nonce = "ff";
  CHECK(gate_input_digest(other).value() == gate_input_digest(input()).value());
  other.dataset.digest = Digest("sha256:" + std::string(64, 'c'));
  CHECK(gate_input_digest(other).value() != gate_input_digest(input()).value());
}

TEST_CASE("gate input: unknown members are ignored, spoiled ones are named") {
  const json good = json::parse(gate_input_text(input()).value());
  json newer = good;
  newer["tomorrow"] = 1;
  CHECK(parse_gate_input(newer.dump()));

  struct Row {
    const char* says;
    std::function<void(json&)> spoil;
  };

  const Row rows[] = {
      {"schema", [](json& i) { i["schema"] = 2; }},
      {"requestUid is missing", [](json& i) { i.erase("requestUid"); }},
      {"type is none", [](json& i) { i["type"] = "Drift"; }},
      {"attempt", [](json& i) { i["attempt"] = -1; }},
      {"dataset is missing", [](json& i) { i.erase("dataset"); }},
      {"dataset.digest", [](json& i) { i["dataset"]["digest"] = "sha256:abc"; }},
      {"features is not a list", [](json& i) { i["features"] = json::array(); }},
      {"features: a type", [](json& i) { i["features"][0]["type"] = "datetime"; }},
      {"label column is an input", [](json& i) { i["features"][0]["name"] = "label"; }},
      {"features.required", [](json& i) { i["features"][0]["required"] = "yes"; }},
      {"groupColumns", [](json& i) { i["groupColumns"] = json::array({1}); }},
      {"groupColumns",
       [](json& i) {
         i["type"] = "Fairness";
         i["groupColumns"] = json::array();
       }},
      {"higherMeans", [](json& i) { i["scoring"]["higherMeans"] = "Sideways"; }},
      {"both", [](json& i) { i["scoring"]["path"] = "/a"; }},
      {"no JSON Pointer", [](json& i) { i["scoring"] = {{"path", "a.b"}}; }},
      {"no JSON Pointer", [](json& i) { i["scoring"] = {{"path", "/a~2"}}; }},
      {"no JSON Pointer", [](json& i) { i["scoring"] = {{"path", "/a~"}}; }},
      {"protocol", [](json& i) { i["inference"]["protocol"] = "KServeV2"; }},
      {"path does not begin", [](json& i) { i["inference"]["scoringPath"] = "invocations"; }},
      {"candidate.url is missing", [](json& i) { i["candidate"].erase("url"); }},
      {"nonce is empty", [](json& i) { i["nonce"] = ""; }},
      {"candidate.version is empty", [](json& i) { i["candidate"]["version"] = ""; }},
      {"champion.version is empty", [](json& i) { i["champion"]["version"] = ""; }},
      {"champion.version is missing", [](json& i) { i["champion"].erase("version"); }},
      {"latency is missing", [](json& i) { i["type"] = "Latency"; }},
      {"latency.samples",
       [](json& i) {
         i["type"] = "Latency";
         i["latency"] = {{"samples", 5001}, {"warmup", 10}};
       }},
      {"smoke is missing", [](json& i) { i["type"] = "Smoke"; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.says);
    json spoiled = good;
    row.spoil(spoiled);
    const auto parsed = parse_gate_input(spoiled.dump());
    REQUIRE_FALSE(parsed);
    CAPTURE(parsed.error().message);
    CHECK(parsed.error().code == ErrorCode::kInvalid);
    CHECK(parsed.error().message.find(row.says) != std::string::npos);
  }
}

TEST_CASE("gate input: larger than an environment variable may be is refused both ways") {
  GateInput wide = input();
  wide.features.assign(200, {.name = std::string(200, 'f')});
  CHECK_FALSE(gate_input_text(wide));
  CHECK_FALSE(parse_gate_input(std::string(40000, ' ')));
}
