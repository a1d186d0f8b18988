#include "inference/protocol.h"
#include "tests/inference/rows.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper::gates;      // NOLINT(google-build-using-namespace)
using namespace stagekeeper::inference;  // NOLINT(google-build-using-namespace)
using stagekeeper::testing::typed_table;

namespace {

const Inference kMlflow{.protocol = "MLflow"};

Batch request(const Table& table, std::size_t begin, const BatchLimits& limits) {
  return find_protocol("MLflow")->request(table, begin, limits, kMlflow).value();
}

std::string code_of(const char* body, std::size_t rows, const Scoring& scoring = {}) {
  const auto scores = read_scores(body, rows, kMlflow, scoring);
  return scores ? "" : scores.error().code;
}

std::vector<double> scores_of(const char* body, std::size_t rows, const Scoring& scoring) {
  return read_scores(body, rows, kMlflow, scoring).value();
}

}  // namespace

TEST_CASE("mlflow: each type is written so that it is read back as the same type") {
  const Batch batch = request(typed_table(), 0, {});
  CHECK(batch.rows == 3);
  CHECK(batch.body == R"({"dataframe_split":{"columns":["d","f","l","i","s","b"],"data":[)"
                      R"([1000.0,0.5,7,-3,"a\"b\n\u00e4",true],)"
                      R"([null,null,null,null,null,null],)"
                      R"([1e-300,1e+20,0,0,"",false]]}})");
}

TEST_CASE("mlflow: batches end at a limit of rows or bytes, and always make progress") {
  const Table table = typed_table();
  CHECK(request(table, 0, {.rows = 2}).rows == 2);
  CHECK(request(table, 2, {.rows = 2}).rows == 1);
  CHECK(request(table, 0, {.rows = 500, .bytes = 1}).rows == 1);
  CHECK(request(table, 0, {.rows = 500, .bytes = 130}).rows == 2);
}

TEST_CASE("mlflow: scores come from where scoring says, and have its direction") {
  Scoring scoring;
  CHECK(scores_of(R"({"predictions":[0.1,1]})", 2, scoring) == std::vector<double>{0.1, 1});
  scoring.higher_means_positive = false;
  CHECK(scores_of(R"({"predictions":[0.1]})", 1, scoring) == std::vector<double>{-0.1});
  scoring.positive_index = 0;
  CHECK(scores_of(R"({"predictions":[[3,4]]})", 1, scoring) == std::vector<double>{-3});
  scoring = Scoring{};
  scoring.path = "/a/b~1c/1";
  CHECK(scores_of(R"({"predictions":[{"a":{"b/c":[1,2]}}]})", 1, scoring) ==
        std::vector<double>{2});
}

TEST_CASE("mlflow: where no score is needed, one prediction a row is all that is asked") {
  CHECK(check_predictions(R"({"predictions":["a",[1]]})", 2, kMlflow));
  CHECK(check_predictions(R"({"predictions":[null]})", 2, kMlflow).error().code ==
        "PredictionsMismatch");
  CHECK(check_predictions(R"({"scores":[]})", 0, kMlflow).error().code == "BadPredictions");
}

TEST_CASE("mlflow: any other answer has its own reason") {
  CHECK(code_of("", 1) == "BadPredictions");
  CHECK(code_of("[0.1]", 1) == "BadPredictions");
  CHECK(code_of(R"({"predictions":0.1})", 1) == "BadPredictions");
  CHECK(code_of(R"({"predictions":[0.1],"predictions":[0.2]})", 1) == "BadPredictions");
  CHECK(code_of(R"({"predictions":[0.1]})", 2) == "PredictionsMismatch");
  CHECK(code_of(R"({"predictions":[]})", 1) == "PredictionsMismatch");
  CHECK(code_of(R"({"predictions":[null]})", 1) == "NotFinite");
  CHECK(code_of(R"({"predictions":[NaN]})", 1) == "NotFinite");
  CHECK(code_of(R"({"predictions":[-Infinity]})", 1) == "NotFinite");
  CHECK(code_of(R"({"predictions":[true]})", 1) == "BadPredictions");
  CHECK(code_of(R"({"predictions":["0.1"]})", 1) == "BadPredictions");
  CHECK(code_of(R"({"predictions":[[0.1]]})", 1) == "BadPredictions");
  Scoring scoring;
  scoring.positive_index = 1;
  CHECK(code_of(R"({"predictions":[[0.1]]})", 1, scoring) == "BadPredictions");
  CHECK(code_of(R"({"predictions":[0.1]})", 1, scoring) == "BadPredictions");
  scoring = Scoring{};
  for (const char* path : {"/a/b", "/c", "/l/2", "/l/-", "/l/x", "/l/99999999999999999999999"}) {
    CAPTURE(path);
    scoring.path = path;
    CHECK(code_of(R"({"predictions":[{"a":1,"l":[1,2]}]})", 1, scoring) == "BadPredictions");
  }
}
