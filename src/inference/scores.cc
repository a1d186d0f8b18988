#include "base/json_access.h"
#include "inference/answer.h"
#include "inference/protocol.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <fmt/format.h>

namespace stagekeeper::inference {
namespace {

using gates::because;
using gates::Reasoned;
using nlohmann::json;

/// The value that holds the score of one prediction.
Reasoned<const json*> locate(const json& prediction, const gates::Scoring& scoring) {
  if (scoring.path) {
    const json* found = follow(prediction, *scoring.path);
    if (found == nullptr) {
      return because("BadPredictions", fmt::format("a prediction is {}, without a value at {} "
                                                   "(scoring.path)",
                                                   shape_of(prediction), *scoring.path));
    }
    return found;
  }
  if (scoring.positive_index) {
    if (!prediction.is_array() || prediction.size() <= *scoring.positive_index) {
      return because("BadPredictions",
                     fmt::format("a prediction is {}, not an array with an element {} "
                                 "(scoring.positiveIndex)",
                                 shape_of(prediction), *scoring.positive_index));
    }
    return &prediction[*scoring.positive_index];
  }
  return &prediction;
}

Reasoned<double> score_of(const json& prediction, const gates::Scoring& scoring) {
  SK_TRY(const json* found, locate(prediction, scoring));
  const json& value = *found;
  if (value.is_null()) return because("NotFinite", "a prediction is null");
  if (!value.is_number()) {
    return because("BadPredictions", fmt::format("a prediction is {}, not a number: set "
                                                 "scoring.positiveIndex or scoring.path",
                                                 shape_of(value)));
  }
  const auto score = value.get<double>();
  if (!std::isfinite(score)) return because("NotFinite", "a prediction is not finite");
  return scoring.higher_means_positive ? score : -score;
}

Reasoned<json> predictions_of(std::string_view body, std::size_t rows,
                              const gates::Inference& inference) {
  const Protocol* protocol = find_protocol(inference.protocol);
  if (protocol == nullptr)
    return because("InvalidInput", "no protocol is called " + inference.protocol);
  SK_TRY(json answer, parse_answer(body));
  return protocol->predictions(std::move(answer), rows, inference);
}

}  // namespace

Reasoned<std::vector<double>> read_scores(std::string_view body, std::size_t rows,
                                          const gates::Inference& inference,
                                          const gates::Scoring& scoring) {
  SK_TRY(const json predictions, predictions_of(body, rows, inference));
  std::vector<double> out;
  out.reserve(rows);
  for (const json& prediction : predictions) {
    SK_TRY(const double score, score_of(prediction, scoring));
    out.push_back(score);
  }
  return out;
}

Reasoned<void> check_predictions(std::string_view body, std::size_t rows,
                                 const gates::Inference& inference) {
  SK_CHECK_OK(predictions_of(body, rows, inference));
  return {};
}

}  // namespace stagekeeper::inference
