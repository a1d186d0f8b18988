#pragma once

#include "gates/gate_input.h"
#include "gates/reason.h"
#include "gates/table.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::gate {

/// MLflow's scoring protocol, pure: request bodies from rows, scores from answers.
/// Source: MLflow 3 documentation, "Local inference server specification".

/// The largest answer that is read.
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{4} << 20U;

/// What one request may carry.
struct BatchLimits {
  std::size_t rows = 500;
  std::size_t bytes = std::size_t{1} << 20U;
};

/// A request body and how many rows stand in it.
struct Batch {
  std::string body;
  std::size_t rows = 0;
};

/// `{"dataframe_split": {"columns": […], "data": [[…], …]}}` with the rows from `begin` on, at
/// least one and until a limit is reached. Missing values are null; columns of type double and
/// float always have a point or an exponent, or a reader would take a batch of whole amounts for
/// integers. Assumptions: begin < table.rows; texts are UTF-8 (read_table has checked).
Batch dataframe_split(const gates::Table& table, std::size_t begin, const BatchLimits& limits);

/// One score per row out of `{"predictions": […]}`, negated where higher means negative.
/// Reasons: BadPredictions (not that form, or not what `scoring` says), PredictionsMismatch (not
/// `rows` of them), NotFinite (NaN, infinity or null). No values are repeated.
gates::Reasoned<std::vector<double>> read_predictions(std::string_view body, std::size_t rows,
                                                      const gates::Scoring& scoring);

/// Whether the answer has `rows` predictions, whatever they are.
/// Reasons: BadPredictions, PredictionsMismatch.
gates::Reasoned<void> check_predictions(std::string_view body, std::size_t rows);

}  // namespace stagekeeper::gate
