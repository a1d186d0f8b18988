#include "operator/gate/mlflow.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper::gate;   // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)

namespace {

Table typed_table() {
  return read_table(
             "d,f,l,i,s,b\n"
             "1000,0.5,7,-3,\"a\"\"b\n\xC3\xA4\",true\n"
             ",,,,,\n"
             "1e-300,1e20,0,0,\"\",0\n",
             {{.name = "d", .type = ColumnType::kDouble},
              {.name = "f", .type = ColumnType::kFloat},
              {.name = "l", .type = ColumnType::kLong},
              {.name = "i", .type = ColumnType::kInteger},
              {.name = "s", .type = ColumnType::kString},
              {.name = "b", .type = ColumnType::kBoolean}})
      .value();
}

std::string code_of(const char* body, std::size_t rows, const Scoring& scoring = {}) {
  const auto scores = read_predictions(body, rows, scoring);
  return scores ? "" : scores.error().code;
}

}  // namespace

TEST_CASE("mlflow: each type is written so that it is read back as the same type") {
  const Batch batch = dataframe_split(typed_table(), 0, {});
  CHECK(batch.rows == 3);
  CHECK(batch.body == R"({"dataframe_split":{"columns":["d","f","l","i","s","b"],"data":[)"
                      R"([1000.0,0.5,7,-3,"a\"b\n\u00e4",true],)"
                      R"([null,null,null,null,null,null],)"
                      R"([1e-300,1e+20,0,0,"",false]]}})");
}

TEST_CASE("mlflow: batches end at a limit of rows or bytes, and always make progress") {
  const Table table = typed_table();
  CHECK(dataframe_split(table, 0, {.rows = 2}).rows == 2);
  CHECK(dataframe_split(table, 2, {.rows = 2}).rows == 1);
  CHECK(dataframe_split(table, 0, {.rows = 500, .bytes = 1}).rows == 1);
  CHECK(dataframe_split(table, 0, {.rows = 500, .bytes = 130}).rows == 2);
}

TEST_CASE("mlflow: scores come from where scoring says, and have its direction") {
  Scoring scoring;
  CHECK(read_predictions(R"({"predictions":[0.1,1]})", 2, scoring).value() ==
        std::vector<double>{0.1, 1});
  scoring.higher_means_positive = false;
  CHECK(read_predictions(R"({"predictions":[0.1]})", 1, scoring).value() ==
        std::vector<double>{-0.1});
  scoring.positive_index = 0;
  CHECK(read_predictions(R"({"predictions":[[3,4]]})", 1, scoring).value() ==
        std::vector<double>{-3});
  scoring = Scoring{};
  scoring.path = "/a/b~1c/1";
  CHECK(read_predictions(R"({"predictions":[{"a":{"b/c":[1,2]}}]})", 1, scoring).value() ==
        std::vector<double>{2});
}

TEST_CASE("mlflow: where no score is needed, one prediction a row is all that is asked") {
  CHECK(check_predictions(R"({"predictions":["a",[1]]})", 2));
  CHECK(check_predictions(R"({"predictions":[null]})", 2).error().code == "PredictionsMismatch");
  CHECK(check_predictions(R"({"scores":[]})", 0).error().code == "BadPredictions");
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
