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

const Protocol& kProtocol = *find_protocol("Json");

Inference asked(std::string text, std::string pointer = "/predictions") {
  return {.protocol = "Json",
          .scoring_path = "/v1/models/${model}:predict",
          .health_path = "/v1/models/${model}",
          .request_template = std::move(text),
          .predictions_pointer = std::move(pointer)};
}

std::string code(const char* body, std::size_t rows, const Inference& how) {
  const auto scores = read_scores(body, rows, how, {});
  return scores ? "" : scores.error().code;
}

}  // namespace

TEST_CASE("json: the placeholder becomes rows or records, and the rest stays as it is") {
  const Table table = read_table("x,y\n1,2\n,4\n", {{.name = "x"}, {.name = "y"}}).value();
  const auto body = [&](const char* text) {
    return kProtocol.request(table, 0, {}, asked(text)).value().body;
  };
  CHECK(body(R"({"signature_name": "p", "instances": "${rows}"})") ==
        R"({"instances":[[1.0,2.0],[null,4.0]],"signature_name":"p"})");
  CHECK(body(R"(["${records}", {}, [], null, 1.5])") ==
        R"([[{"x":1.0,"y":2.0},{"x":null,"y":4.0}],{},[],null,1.5])");
  CHECK(body(R"({"names": "${columns}", "rows": "${rows}"})") ==
        R"({"names":["x","y"],"rows":[[1.0,2.0],[null,4.0]]})");
  CHECK(body(R"("${rows}")") == "[[1.0,2.0],[null,4.0]]");
  // Only a whole string is a placeholder; what looks like one inside a text is text.
  CHECK(body(R"({"a": "x\"${rows}", "b": "${rows}"})") ==
        R"({"a":"x\"${rows}","b":[[1.0,2.0],[null,4.0]]})");
  CHECK(kProtocol.request(table, 1, {.rows = 1}, asked(R"("${rows}")"))->body == "[[null,4.0]]");
  CHECK(json::parse(kProtocol.request(typed_table(), 0, {.rows = 1}, asked(R"("${records}")"))
                        ->body)[0]["s"] == "a\"b\n\xC3\xA4");
}

TEST_CASE("json: a template must be JSON with one place for the rows, the pointer a pointer") {
  CHECK(check(asked(R"({"instances": "${rows}"})")));
  CHECK(check(asked(R"("${records}")", "")));
  for (const char* text :
       {"", "{", "{}", R"({"a":"${rows}","b":"${rows}"})", R"({"a":"${rows}","b":"${records}"})",
        R"({"a":" ${rows}"})", R"({"instances": ${rows}})", R"({"a":1,"a":"${rows}"})"}) {
    CAPTURE(text);
    CHECK_FALSE(check(asked(text)));
  }
  CHECK_FALSE(check(asked(R"("${rows}")", "predictions")));
  Inference pathless = asked(R"("${rows}")");
  pathless.scoring_path.clear();
  CHECK_FALSE(check(pathless));
  const std::string huge = R"({"a":")" + std::string(20'000, 'x') + R"(","b":"${rows}"})";
  CHECK_FALSE(check(asked(huge)));
}

TEST_CASE("json: predictions stand where the pointer says") {
  using Scores = std::vector<double>;
  const Inference nested = asked(R"("${rows}")", "/out/0/scores");
  CHECK(read_scores(R"({"out":[{"scores":[0.1,0.2]}]})", 2, nested, {}).value() ==
        Scores{0.1, 0.2});
  const Inference whole = asked(R"("${rows}")", "");
  CHECK(read_scores("[0.1,0.2]", 2, whole, {}).value() == Scores{0.1, 0.2});
  CHECK(code("[0.1]", 2, whole) == "PredictionsMismatch");
  CHECK(code("[NaN]", 1, whole) == "NotFinite");
  CHECK(code("[1e999]", 1, whole) == "BadPredictions");
  CHECK(code("[\"a\"]", 1, whole) == "BadPredictions");
  CHECK(code("{}", 1, whole) == "BadPredictions");
  CHECK(code(R"({"out":{}})", 1, nested) == "BadPredictions");
}
