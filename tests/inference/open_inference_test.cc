#include "inference/protocol.h"
#include "tests/inference/rows.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace stagekeeper::gates;      // NOLINT(google-build-using-namespace)
using namespace stagekeeper::inference;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using stagekeeper::testing::typed_table;

namespace {

const Inference kPlain{.protocol = "OpenInference"};
const Inference kNamed{.protocol = "OpenInference", .output = "predict_proba"};
const Protocol& kProtocol = *find_protocol("OpenInference");

Scoring second() {
  Scoring out;
  out.positive_index = 1;
  return out;
}

std::string reason(const std::string& body, std::size_t rows, const Inference& how = kPlain,
                   const Scoring& scoring = {}) {
  const auto scores = read_scores(body, rows, how, scoring);
  return scores ? "" : scores.error().code + ": " + scores.error().message;
}

std::string code(const std::string& body, std::size_t rows, const Inference& how = kPlain) {
  const std::string text = reason(body, rows, how);
  return text.substr(0, text.find(':'));
}

/// An answer with one output.
std::string one(const std::string& shape, const std::string& data) {
  return R"({"model_name":"m","model_version":"2","outputs":[{"name":"o","shape":)" + shape +
         R"(,"datatype":"FP64","data":)" + data + "}]}";
}

}  // namespace

TEST_CASE("open inference: a column is a tensor of its own, strings are BYTES") {
  const Table table = typed_table();
  const Batch first = kProtocol.request(table, 0, {.rows = 1}, kNamed).value();
  CHECK(first.rows == 1);
  const json body = json::parse(first.body);
  CHECK(body["parameters"]["content_type"] == "pd");
  CHECK(body["outputs"] == json::array({{{"name", "predict_proba"}}}));
  std::vector<std::string> types;
  for (const json& input : body["inputs"]) {
    CHECK(input["shape"] == json::array({1, 1}));
    types.push_back(input["datatype"]);
  }
  CHECK(types == std::vector<std::string>{"FP64", "FP32", "INT64", "INT32", "BYTES", "BOOL"});
  CHECK(body["inputs"][0]["data"].dump() == "[1000.0]");
  CHECK(body["inputs"][4]["data"][0] == "a\"b\n\xC3\xA4");
  CHECK(body["inputs"][4]["parameters"]["content_type"] == "str");
  CHECK(body["inputs"][5]["data"] == json::array({true}));
  CHECK_FALSE(
      json::parse(kProtocol.request(table, 0, {.rows = 1}, kPlain)->body).contains("outputs"));
}

TEST_CASE("open inference: a batch is rows from any place on, and a gap is refused by its place") {
  const Table table =
      read_table("x,y\n1,2\n3,4\n5,6\n,8\n", {{.name = "x"}, {.name = "y"}}).value();
  const Batch batch = kProtocol.request(table, 1, {.rows = 2}, kPlain).value();
  CHECK(batch.rows == 2);
  const json body = json::parse(batch.body);
  CHECK(body["inputs"][0]["shape"] == json::array({2, 1}));
  CHECK(body["inputs"][0]["data"] == json::array({3.0, 5.0}));
  CHECK(body["inputs"][1]["data"] == json::array({4.0, 6.0}));
  CHECK(kProtocol.request(table, 0, {.rows = 500, .bytes = 1}, kPlain)->rows == 1);
  const auto gap = kProtocol.request(table, 2, {.rows = 2}, kPlain);
  REQUIRE_FALSE(gap);
  CHECK(gap.error().code == "MissingValue");
  CHECK(gap.error().message.starts_with("row 4 has no value in column x"));
}

TEST_CASE("open inference: scores come from flat and from nested tensors of one or more a row") {
  using Scores = std::vector<double>;
  CHECK(read_scores(one("[2]", "[0.1,0.2]"), 2, kPlain, {}).value() == Scores{0.1, 0.2});
  CHECK(read_scores(one("[2,1]", "[0.1,0.2]"), 2, kPlain, {}).value() == Scores{0.1, 0.2});
  CHECK(read_scores(one("[2,1]", "[[0.1],[0.2]]"), 2, kPlain, {}).value() == Scores{0.1, 0.2});
  CHECK(read_scores(one("[2,2]", "[0.9,0.1,0.8,0.2]"), 2, kPlain, second()).value() ==
        Scores{0.1, 0.2});
  CHECK(read_scores(one("[2,2]", "[[0.9,0.1],[0.8,0.2]]"), 2, kPlain, second()).value() ==
        Scores{0.1, 0.2});
  const std::string both = R"({"outputs":[{"name":"predict","shape":[1],"data":[1]},)"
                           R"({"name":"predict_proba","shape":[1],"data":[0.7]}]})";
  CHECK(read_scores(both, 1, kNamed, {}).value() == Scores{0.7});
  CHECK(reason(both, 1).find("predict, predict_proba") != std::string::npos);
  CHECK(reason(one("[1]", "[0.1]"), 1, kNamed).find("no output predict_proba") !=
        std::string::npos);
}

TEST_CASE("open inference: any other answer has its own reason") {
  CHECK(code(one("[1]", "[0.1]"), 2) == "PredictionsMismatch");
  CHECK(code(one("[2]", "[0.1]"), 2) == "PredictionsMismatch");
  CHECK(code(one("[2,2]", "[0.1,0.2,0.3]"), 2) == "PredictionsMismatch");
  CHECK(code(one("[1]", "[NaN]"), 1) == "NotFinite");
  CHECK(code(one("[1]", "[null]"), 1) == "NotFinite");
  CHECK(code(one("[1]", "[\"0.1\"]"), 1) == "BadPredictions");
  CHECK(code(one("[1,2]", "[0.1,0.2]"), 1) == "BadPredictions");
  CHECK(code(one("[]", "[0.1]"), 1) == "BadPredictions");
  CHECK(code(one("[-1]", "[0.1]"), 1) == "BadPredictions");
  CHECK(code(one("[1,0]", "[]"), 1) == "BadPredictions");
  CHECK(code(one("[1,4294967296,4294967296]", "[]"), 1) == "BadPredictions");
  CHECK(code(one("\"x\"", "[0.1]"), 1) == "BadPredictions");
  CHECK(code(R"({"outputs":[{"name":"o","shape":[1],"datatype":"FP64"}]})", 1) == "BadPredictions");
  CHECK(code(R"({"outputs":[7]})", 1) == "BadPredictions");
  CHECK(code(R"({"outputs":[]})", 1) == "BadPredictions");
  CHECK(code(R"({"predictions":[0.1]})", 1) == "BadPredictions");
  CHECK(code("[]", 1) == "BadPredictions");
  CHECK(code("", 1) == "BadPredictions");
}
