#include "inference/proof.h"

#include "inference/answer.h"
#include "inference/protocol.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace stagekeeper::gates;      // NOLINT(google-build-using-namespace)
using namespace stagekeeper::inference;  // NOLINT(google-build-using-namespace)

TEST_CASE("proof: a version in a body is a text or a whole number, and nothing else") {
  CHECK(version_in_body(R"({"model_version":"47"})", "/model_version").value() == "47");
  CHECK(version_in_body(R"({"meta":[{"v":47}]})", "/meta/0/v").value() == "47");
  for (const char* body :
       {R"({"model_version":47.0})", R"({"model_version":null})", R"({"model_version":["47"]})",
        R"({"model_version":true})", R"({"version":"47"})", "[47]", "47", "", "<html>",
        R"({"model_version":"1","model_version":"47"})", R"({"model_version":"47","x":NaN})"}) {
    CAPTURE(body);
    CHECK(version_in_body(body, "/model_version").error().code == "WrongVersion");
  }
}

TEST_CASE("proof: paths are the protocol's own unless others are named, variables are encoded") {
  Inference how{.protocol = "OpenInference"};
  CHECK(asked_paths(how, "m", "47").scoring == "/v2/models/m/infer");
  CHECK(asked_paths(how, "m", "47").health == "/v2/models/m/ready");
  how.proof.type = "Path";
  CHECK(asked_paths(how, "m", "47").scoring == "/v2/models/m/versions/47/infer");
  CHECK(asked_paths(how, "m/../x", "4 7?").health ==
        "/v2/models/m%2F..%2Fx/versions/4%207%3F/ready");
  how.scoring_path = "/${version}/${model}/${version}";
  CHECK(asked_paths(how, "m", "47").scoring == "/47/m/47");
  CHECK(asked_paths({.protocol = "MLflow"}, "m", "47").scoring == "/invocations");
  CHECK(asked_paths({.protocol = "MLflow"}, "m", "47").health == "/ping");
}

TEST_CASE("proof: what cannot prove a version is refused before anybody is asked") {
  Inference good{.protocol = "MLflow"};
  CHECK(check(good));
  good.proof = {.type = "Header", .header = "X-Model-Version"};
  CHECK(check(good));
  good.proof = {.type = "Body", .pointer = "/model_version"};
  CHECK(check(good));
  const VersionProof bad[] = {
      {.type = "Header"},   {.type = "Body"}, {.type = "Body", .pointer = "model_version"},
      {.type = "Path"},  // MLflow has no versioned paths
      {.type = "Metadata"}, {.type = ""}};
  for (const VersionProof& proof : bad) {
    CAPTURE(proof.type);
    CHECK_FALSE(check({.protocol = "MLflow", .proof = proof}));
  }
  Inference path{.protocol = "OpenInference", .proof = {.type = "Path"}};
  CHECK(check(path));
  path.health_path = "/v2/health/ready";
  CHECK_FALSE(check(path));
  path.health_path = "/ready/${version}";
  CHECK(check(path));
  path.scoring_path = "/score";
  CHECK_FALSE(check(path));
  CHECK_FALSE(check({.protocol = "Grpc"}));
}

TEST_CASE("answer: what is no JSON is told by its first bytes, what is JSON by its shape") {
  CHECK(parse_answer("<html>\n<b>x").error().message.find("\"<html> <b>x\"") != std::string::npos);
  CHECK(parse_answer("").error().message.find("nothing") != std::string::npos);
  CHECK(parse_answer(std::string(100, 'x')).error().message.size() < 200);
  // Broken JSON may begin with a row.
  CHECK(parse_answer(R"([["Ada",)").error().message.find("Ada") == std::string::npos);
  CHECK(shape_of(nlohmann::json::parse(R"({"a":"Ada","b":1})")) == "an object with a, b");
  CHECK(shape_of(nlohmann::json::parse("[1,2]")) == "a list of 2");
  CHECK(shape_of(nlohmann::json("Ada")) == "a string");
  const std::string huge = "[" + std::string(kMaxAnswerBytes, ' ') + "]";
  CHECK(parse_answer(huge).error().code == "BadPredictions");
}
