#include "inference/protocols/open_inference.h"

#include "base/json_access.h"
#include "base/text.h"
#include "inference/answer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::inference {
namespace {

using gates::because;
using gates::Column;
using gates::ColumnType;
using gates::Reasoned;
using nlohmann::json;

constexpr std::size_t kMaxShown = 64;

std::string_view datatype(ColumnType type) {
  switch (type) {
    case ColumnType::kDouble:
      return "FP64";
    case ColumnType::kFloat:
      return "FP32";
    case ColumnType::kLong:
      return "INT64";
    case ColumnType::kInteger:
      return "INT32";
    case ColumnType::kBoolean:
      return "BOOL";
    case ColumnType::kString:
      break;
  }
  return "BYTES";
}

Status needs_nothing(const gates::Inference& /*unused*/) {
  return {};
}

/// How many rows from `begin` on fit, by what they would take as rows: tensors take no more.
std::size_t rows_that_fit(const gates::Table& table, std::size_t begin, const BatchLimits& limits) {
  std::string scratch;
  return append_rows(scratch, table, begin, limits, append_row);
}

Reasoned<void> append_tensor(std::string& out, const Column& column, std::size_t begin,
                             std::size_t rows) {
  out += R"({"name":)";
  append_string(out, column.name);
  out += fmt::format(R"(,"shape":[{},1],"datatype":"{}")", rows, datatype(column.type));
  // Without it MLServer would hand bytes to the model where it has learnt texts.
  if (column.type == ColumnType::kString) out += R"(,"parameters":{"content_type":"str"})";
  out += R"(,"data":[)";
  for (std::size_t row = begin; row < begin + rows; ++row) {
    if (column.missing[row] != 0) {
      return because("MissingValue",
                     fmt::format("row {} has no value in column {}, and a tensor of the Open "
                                 "Inference Protocol must be full: evaluate on rows without gaps, "
                                 "or serve the model by another protocol",
                                 row + 1, printable(column.name, kMaxShown)));
    }
    if (row > begin) out += ',';
    append_value(out, column, row);
  }
  out += "]}";
  return {};
}

Reasoned<Batch> request(const gates::Table& table, std::size_t begin, const BatchLimits& limits,
                        const gates::Inference& inference) {
  Batch out;
  out.rows = rows_that_fit(table, begin, limits);
  out.body = R"({"parameters":{"content_type":"pd"},"inputs":[)";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out.body += ',';
    SK_CHECK_OK(append_tensor(out.body, table.columns[i], begin, out.rows));
  }
  out.body += ']';
  if (!inference.output.empty()) {
    out.body += R"(,"outputs":[{"name":)";
    append_string(out.body, inference.output);
    out.body += "}]";
  }
  out.body += '}';
  return out;
}

/// The output that is meant. Points into `outputs`.
Reasoned<json*> choose(json& outputs, const std::string& wanted) {
  std::string names;
  json* found = nullptr;
  for (json& output : outputs) {
    const std::string name = text_at(output, {"name"});
    names += (names.empty() ? "" : ", ") + printable(name, kMaxShown);
    if (wanted.empty() || name == wanted) found = found == nullptr ? &output : found;
  }
  if (wanted.empty() && outputs.size() != 1) {
    return because("BadPredictions", fmt::format("the answer has {} outputs ({}): name one in "
                                                 "inference.openInference.output",
                                                 outputs.size(), cut_utf8(names, 4 * kMaxShown)));
  }
  if (found == nullptr) {
    return because("BadPredictions", fmt::format("the answer has no output {}, only {}", wanted,
                                                 cut_utf8(names, 4 * kMaxShown)));
  }
  return found;
}

/// Appends the values of a tensor that may be nested, in order. The parser has bounded the depth.
void flatten(json& from, json& into) {
  if (!from.is_array()) {
    into.push_back(std::move(from));
    return;
  }
  for (json& each : from)
    flatten(each, into);
}

/// Values a row by the shape [rows], [rows, n] or [rows, n, 1, …]; 0: not such a shape.
std::size_t values_per_row(const json& shape, std::size_t rows) {
  std::size_t out = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!shape[i].is_number_unsigned()) return 0;
    const auto size = shape[i].get<std::uint64_t>();
    if (i == 0 && size != rows) return 0;
    if (i == 0) continue;
    if (size == 0 || size > kMaxAnswerBytes / out) return 0;
    out *= size;
  }
  return shape.empty() ? 0 : out;
}

Reasoned<json> split(json& output, std::size_t rows) {
  const json& shape = list_at(output, {"shape"});
  if (!shape.empty() && shape[0].is_number_unsigned() && shape[0].get<std::uint64_t>() != rows) {
    return because("PredictionsMismatch",
                   fmt::format("{} predictions for {} rows", shape[0].get<std::uint64_t>(), rows));
  }
  const std::size_t each = values_per_row(shape, rows);
  if (each == 0) {
    return because("BadPredictions", "the output has no shape that begins with the number of rows");
  }
  json flat = json::array();
  flatten(output["data"], flat);
  if (flat.size() != each * rows) {
    return because("PredictionsMismatch",
                   fmt::format("{} values for {} rows of {}", flat.size(), rows, each));
  }
  // [rows] and [rows, 1] are both how servers write one number a row.
  if (each == 1) return flat;
  json out = json::array();
  for (std::size_t row = 0; row < rows; ++row) {
    json prediction = json::array();
    for (std::size_t i = 0; i < each; ++i)
      prediction.push_back(std::move(flat[row * each + i]));
    out.push_back(std::move(prediction));
  }
  return out;
}

Reasoned<json> predictions(json answer, std::size_t rows, const gates::Inference& inference) {
  const bool has = answer.is_object() && answer.contains("outputs") &&
                   answer["outputs"].is_array() && !answer["outputs"].empty();
  if (!has) {
    return because("BadPredictions",
                   "the answer is " + shape_of(answer) + ", without a list of outputs");
  }
  SK_TRY(json* const output, choose(answer["outputs"], inference.output));
  if (!output->is_object() || !output->contains("data")) {
    return because("BadPredictions", "the output is " + shape_of(*output) +
                                         ", without data in JSON (binary tensors are not read)");
  }
  return split(*output, rows);
}

}  // namespace

const Protocol kOpenInference{
    .name = "OpenInference",
    .paths = {.scoring = "/v2/models/${model}/infer", .health = "/v2/models/${model}/ready"},
    .versioned = {.scoring = "/v2/models/${model}/versions/${version}/infer",
                  .health = "/v2/models/${model}/versions/${version}/ready"},
    .check = needs_nothing,
    .request = request,
    .predictions = predictions};

}  // namespace stagekeeper::inference
