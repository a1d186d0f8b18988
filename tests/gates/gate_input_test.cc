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
  out.kind = "Accuracy";
  out.dataset = InputObject{.uri = "s3://models/eval.csv",
                            .version = "2026-11",
                            .digest = Digest("sha256:" + std::string(64, 'a'))};
  out.artifact = InputObject{.uri = "s3://models/2/model.json",
                             .digest = Digest("sha256:" + std::string(64, 'b'))};
  out.binary = BinaryTask{.label_column = "label",
                          .positive_label = "1",
                          .group_columns = {"demographic_group"},
                          .scoring = {.positive_index = 1, .higher_means_positive = false}};
  out.features = {{.name = "balance"},
                  {.name = "student", .type = ColumnType::kLong, .required = false}};
  out.candidate = {.url = "http://c:8080", .version = "2"};
  out.champion = Endpoint{.url = "http://b:8080", .version = "1"};
  return out;
}

}  // namespace

TEST_CASE("gate input: written, read and written again it is the same text") {
  GateInput variants[] = {input(), input(), input(), input(), input()};
  variants[1].kind = "Latency";
  variants[1].parameters = R"({"samples":200,"warmup":3})";
  variants[1].binary.reset();
  variants[2].kind = "Fairness";
  variants[2].champion.reset();
  variants[3].kind = "Smoke";
  variants[3].parameters = R"({"golden":"7=0.25"})";
  variants[3].binary->scoring = {.path = "/out/score"};
  variants[4].kind = "Smoke";
  variants[4].dataset.reset();
  variants[4].binary.reset();
  variants[4].features.clear();
  variants[4].artifact.uri.clear();
  variants[0].inference = {.protocol = "Json",
                           .scoring_path = "/${version}",
                           .health_path = "/h",
                           .proof = {.type = "Body", .header = "X", .pointer = "/v"},
                           .output = "o",
                           .request_template = R"("${rows}")",
                           .predictions_pointer = "/p",
                           .server_name = "m.example.com"};
  for (const GateInput& variant : variants) {
    CAPTURE(variant.kind);
    const std::string text = gate_input_text(variant).value();
    const auto back = parse_gate_input(text);
    REQUIRE(back);
    CHECK(gate_input_text(*back).value() == text);
    CHECK(back->kind == variant.kind);
    CHECK(back->parameters == variant.parameters);
    CHECK(back->features == variant.features);
    CHECK(back->artifact.uri == variant.artifact.uri);
    CHECK(back->artifact.digest == variant.artifact.digest);
    CHECK(back->dataset.has_value() == variant.dataset.has_value());
    CHECK(back->champion.has_value() == variant.champion.has_value());
  }
}

TEST_CASE("gate input: names as long as the CRDs take them are taken, in any script") {
  std::string longest;
  for (int i = 0; i < 256; ++i)
    longest += "\xF0\x9F\x8F\xA6";  // a character of four bytes
  GateInput wide = input();
  wide.binary->label_column = longest;
  wide.binary->group_columns = {longest};
  wide.binary->scoring = {.path = "/" + longest.substr(4)};
  wide.features[0].name = longest.substr(8);
  wide.dataset->version = longest;
  const auto text = gate_input_text(wide);
  REQUIRE(text);
  CHECK(parse_gate_input(*text)->binary->label_column == longest);
}

TEST_CASE("gate input: what the gate program would refuse is refused before a Job is made") {
  GateInput bad = input();
  bad.nonce.clear();
  CHECK(gate_input_text(bad).error().message == "gate input: nonce is empty");
  bad = input();
  bad.binary->label_column = std::string(1025, 'l');
  CHECK(gate_input_text(bad).error().message.find("labelColumn") != std::string::npos);
  bad = input();
  bad.parameters = "{";
  CHECK(gate_input_text(bad).error().message.find("parameters") != std::string::npos);
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
      {"reads schema 3", [](json& i) { i["schema"] = 2; }},
      {"requestUid is missing", [](json& i) { i.erase("requestUid"); }},
      {"kind is none", [](json& i) { i["kind"] = "Drift"; }},
      {"attempt", [](json& i) { i["attempt"] = -1; }},
      {"dataset: a gate of kind Accuracy needs rows", [](json& i) { i.erase("dataset"); }},
      {"needs labels", [](json& i) { i.erase("binaryClassification"); }},
      {"artifact.uri", [](json& i) { i["artifact"]["uri"] = 7; }},
      {"artifact.digest is missing", [](json& i) { i["artifact"].erase("digest"); }},
      {"artifact.digest is not sha256", [](json& i) { i["artifact"]["digest"] = "sha256:abc"; }},
      {"artifact", [](json& i) { i["artifact"] = "sha256:" + std::string(64, 'b'); }},
      {"dataset.digest", [](json& i) { i["dataset"]["digest"] = "sha256:abc"; }},
      {"takes nothing of the dataset", [](json& i) { i["features"] = json::array(); }},
      {"features: a type", [](json& i) { i["features"][0]["type"] = "datetime"; }},
      {"label column is an input", [](json& i) { i["features"][0]["name"] = "label"; }},
      {"features.required", [](json& i) { i["features"][0]["required"] = "yes"; }},
      {"groupColumns",
       [](json& i) { i["binaryClassification"]["groupColumns"] = json::array({1}); }},
      {"groupColumns",
       [](json& i) {
         i["kind"] = "Fairness";
         i["binaryClassification"]["groupColumns"] = json::array();
       }},
      {"higherMeans",
       [](json& i) { i["binaryClassification"]["scoring"]["higherMeans"] = "Sideways"; }},
      {"both", [](json& i) { i["binaryClassification"]["scoring"]["path"] = "/a"; }},
      {"no JSON Pointer",
       [](json& i) { i["binaryClassification"]["scoring"] = {{"path", "a.b"}}; }},
      {"no JSON Pointer",
       [](json& i) { i["binaryClassification"]["scoring"] = {{"path", "/a~2"}}; }},
      {"no JSON Pointer",
       [](json& i) { i["binaryClassification"]["scoring"] = {{"path", "/a~"}}; }},
      {"inference.protocol is missing", [](json& i) { i["inference"].erase("protocol"); }},
      {"inference.template", [](json& i) { i["inference"]["template"] = 7; }},
      {"versionProof is missing", [](json& i) { i["inference"].erase("versionProof"); }},
      {"versionProof.type is missing",
       [](json& i) { i["inference"]["versionProof"] = json::object(); }},
      {"candidate.url is missing", [](json& i) { i["candidate"].erase("url"); }},
      {"nonce is empty", [](json& i) { i["nonce"] = ""; }},
      {"candidate.version is empty", [](json& i) { i["candidate"]["version"] = ""; }},
      {"champion.version is empty", [](json& i) { i["champion"]["version"] = ""; }},
      {"champion.version is missing", [](json& i) { i["champion"].erase("version"); }},
      {"parameters is missing", [](json& i) { i.erase("parameters"); }},
      {"parameters is not an object", [](json& i) { i["parameters"] = 7; }},
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
  wide.features.assign(200, {.name = std::string(1000, 'f')});
  CHECK_FALSE(gate_input_text(wide));
  CHECK_FALSE(parse_gate_input(std::string(100'000, ' ')));
}
