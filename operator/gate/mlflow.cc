#include "operator/gate/mlflow.h"

#include "base/canonical_json.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <fmt/format.h>
#include <iterator>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Column;
using gates::ColumnType;
using gates::Reason;
using gates::Reasoned;
using nlohmann::json;

/// A JSON string; bytes that are no UTF-8 cannot get here, and would be replaced.
void append_string(std::string& out, const std::string& text) {
  out += json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

void append_double(std::string& out, double value) {
  const std::size_t begin = out.size();
  fmt::format_to(std::back_inserter(out), "{}", value);
  if (out.find_first_of(".e", begin) == std::string::npos) out += ".0";
}

void append_value(std::string& out, const Column& column, std::size_t row) {
  if (column.missing[row] != 0) {
    out += "null";
  } else if (const auto* doubles = std::get_if<std::vector<double>>(&column.values)) {
    append_double(out, (*doubles)[row]);
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&column.values)) {
    append_string(out, (*texts)[row]);
  } else {
    const std::int64_t value = std::get<std::vector<std::int64_t>>(column.values)[row];
    if (column.type == ColumnType::kBoolean) {
      out += value != 0 ? "true" : "false";
    } else {
      fmt::format_to(std::back_inserter(out), "{}", value);
    }
  }
}

void append_row(std::string& out, const gates::Table& table, std::size_t row) {
  out += '[';
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ',';
    append_value(out, table.columns[i], row);
  }
  out += ']';
}

/// What a JSON Pointer names, or null. An index too large for any array is one that is not there.
const json* follow(const json& value, const std::string& pointer) {
  try {
    return &value.at(json::json_pointer(pointer));
  } catch (const json::exception&) {
    return nullptr;
  }
}

/// The value that holds the score of one prediction.
Reasoned<const json*> locate(const json& prediction, const gates::Scoring& scoring) {
  if (scoring.path) {
    const json* found = follow(prediction, *scoring.path);
    if (found == nullptr) {
      return because("BadPredictions",
                     fmt::format("a prediction has no value at {} (scoring.path)", *scoring.path));
    }
    return found;
  }
  if (scoring.positive_index) {
    if (!prediction.is_array() || prediction.size() <= *scoring.positive_index) {
      return because("BadPredictions",
                     fmt::format("a prediction is not an array with an element {} "
                                 "(scoring.positiveIndex)",
                                 *scoring.positive_index));
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
    return because("BadPredictions", fmt::format("a prediction is {} {}, not a number: set "
                                                 "scoring.positiveIndex or scoring.path",
                                                 value.is_object() || value.is_array() ? "an" : "a",
                                                 value.type_name()));
  }
  const auto score = value.get<double>();
  if (!std::isfinite(score)) return because("NotFinite", "a prediction is not finite");
  return scoring.higher_means_positive ? score : -score;
}

/// Python writes NaN and Infinity into JSON, where they do not belong; better named than
/// "malformed".
Reason not_json(std::string_view body, const Error& error) {
  if (body.find("NaN") != std::string_view::npos || body.find("Infinity") != std::string_view::npos)
    return {.code = "NotFinite", .message = "the answer holds NaN or Infinity"};
  return {.code = "BadPredictions", .message = "the answer is not JSON: " + error.message};
}

Reasoned<json> parse_answer(std::string_view body) {
  Result<json> parsed = parse_strict_json(body, kMaxAnswerBytes);
  if (!parsed) return tl::unexpected(not_json(body, parsed.error()));
  return *std::move(parsed);
}

/// The list of predictions, of the right length. Points into `answer`.
Reasoned<const json*> predictions_of(const json& answer, std::size_t rows) {
  const json* predictions = follow(answer, "/predictions");
  if (predictions == nullptr || !predictions->is_array())
    return because("BadPredictions", "the answer has no list of predictions");
  if (predictions->size() != rows) {
    return because("PredictionsMismatch",
                   fmt::format("{} predictions for {} rows", predictions->size(), rows));
  }
  return predictions;
}

}  // namespace

Batch dataframe_split(const gates::Table& table, std::size_t begin, const BatchLimits& limits) {
  Batch out;
  out.body = R"({"dataframe_split":{"columns":[)";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out.body += ',';
    append_string(out.body, table.columns[i].name);
  }
  out.body += R"(],"data":[)";
  while (begin + out.rows < table.rows && out.rows < limits.rows &&
         (out.rows == 0 || out.body.size() < limits.bytes)) {
    if (out.rows > 0) out.body += ',';
    append_row(out.body, table, begin + out.rows);
    ++out.rows;
  }
  out.body += "]}}";
  return out;
}

Reasoned<std::vector<double>> read_predictions(std::string_view body, std::size_t rows,
                                               const gates::Scoring& scoring) {
  SK_TRY(const json answer, parse_answer(body));
  SK_TRY(const json* const predictions, predictions_of(answer, rows));
  std::vector<double> out;
  out.reserve(rows);
  for (const json& prediction : *predictions) {
    SK_TRY(const double score, score_of(prediction, scoring));
    out.push_back(score);
  }
  return out;
}

Reasoned<void> check_predictions(std::string_view body, std::size_t rows) {
  SK_TRY(const json answer, parse_answer(body));
  SK_CHECK_OK(predictions_of(answer, rows));
  return {};
}

}  // namespace stagekeeper::gate
