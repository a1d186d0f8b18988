#include "inference/protocols/mlflow.h"

#include "inference/answer.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace stagekeeper::inference {
namespace {

using gates::because;
using gates::Reasoned;
using nlohmann::json;

Status needs_nothing(const gates::Inference& /*unused*/) {
  return {};
}

Reasoned<Batch> request(const gates::Table& table, std::size_t begin, const BatchLimits& limits,
                        const gates::Inference& /*unused*/) {
  Batch out;
  out.body = R"({"dataframe_split":{"columns":)";
  append_names(out.body, table);
  out.body += R"(,"data":[)";
  out.rows = append_rows(out.body, table, begin, limits, append_row);
  out.body += "]}}";
  return out;
}

Reasoned<json> predictions(json answer, std::size_t rows, const gates::Inference& /*unused*/) {
  if (!answer.is_object() || !answer.contains("predictions")) {
    return because("BadPredictions",
                   "the answer is " + shape_of(answer) + ", without the member predictions");
  }
  json out = std::move(answer["predictions"]);
  SK_CHECK_OK(check_list(out, rows, "predictions"));
  return out;
}

}  // namespace

const Protocol kMlflow{.name = "MLflow",
                       .paths = {.scoring = "/invocations", .health = "/ping"},
                       .versioned = {},
                       .check = needs_nothing,
                       .request = request,
                       .predictions = predictions};

}  // namespace stagekeeper::inference
