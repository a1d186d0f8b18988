#include "inference/protocols/json.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "inference/answer.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>
#include <utility>

namespace stagekeeper::inference {
namespace {

using gates::because;
using gates::Reasoned;
using nlohmann::json;

constexpr std::size_t kMaxTemplateBytes = std::size_t{16} << 10U;
constexpr std::string_view kRows = "${rows}";
constexpr std::string_view kRecords = "${records}";
constexpr std::string_view kColumns = "${columns}";

bool is(const json& value, std::string_view placeholder) {
  return value.is_string() && value.get_ref<const std::string&>() == placeholder;
}

std::size_t count(const json& value, std::string_view placeholder) {
  if (!value.is_structured()) return is(value, placeholder) ? 1 : 0;
  std::size_t out = 0;
  for (const json& each : value)
    out += count(each, placeholder);
  return out;
}

Status check_template(const gates::Inference& inference) {
  const Result<json> parsed = parse_strict_json(inference.request_template, kMaxTemplateBytes);
  if (!parsed) return fail(parsed.error(), "inference.json.template is no JSON");
  if (count(*parsed, kRows) + count(*parsed, kRecords) != 1) {
    return fail(ErrorCode::kInvalid,
                "inference.json.template must have exactly one string \"${rows}\" or "
                "\"${records}\", such as {\"instances\": \"${rows}\"}");
  }
  if (!is_json_pointer(inference.predictions_pointer)) {
    return fail(ErrorCode::kInvalid,
                "inference.json.predictions is no JSON Pointer such as /predictions");
  }
  return {};
}

/// The template's text with the placeholders replaced.
class Writer {
 public:
  Writer(const gates::Table& table, std::string rows) : table_(table), rows_(std::move(rows)) {}

  void write(const json& value) {
    if (is(value, kRows) || is(value, kRecords)) {
      out_ += rows_;
    } else if (is(value, kColumns)) {
      append_names(out_, table_);
    } else if (value.is_object()) {
      write_object(value);
    } else if (value.is_array()) {
      write_array(value);
    } else {
      out_ += value.dump();
    }
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void write_object(const json& value) {
    char before = '{';
    for (const auto& member : value.items()) {
      out_ += before;
      before = ',';
      append_string(out_, member.key());
      out_ += ':';
      write(member.value());
    }
    out_ += before == '{' ? "{}" : "}";
  }

  void write_array(const json& value) {
    out_ += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out_ += ',';
      write(value[i]);
    }
    out_ += ']';
  }

  const gates::Table& table_;
  std::string rows_;
  std::string out_;
};

Reasoned<Batch> request(const gates::Table& table, std::size_t begin, const BatchLimits& limits,
                        const gates::Inference& inference) {
  const Result<json> parsed = parse_strict_json(inference.request_template, kMaxTemplateBytes);
  if (!parsed) return because("InvalidInput", parsed.error().message);
  const bool records = count(*parsed, kRecords) > 0;
  Batch out;
  std::string rows = "[";
  out.rows = append_rows(rows, table, begin, limits, records ? append_record : append_row);
  rows += ']';
  Writer writer(table, std::move(rows));
  writer.write(*parsed);
  out.body = writer.take();
  return out;
}

Reasoned<json> predictions(json answer, std::size_t rows, const gates::Inference& inference) {
  const std::string& pointer = inference.predictions_pointer;
  const json* found = follow(answer, pointer);
  if (found == nullptr) {
    return because("BadPredictions", fmt::format("the answer is {}, without a value at {} "
                                                 "(inference.json.predictions)",
                                                 shape_of(answer), pointer));
  }
  SK_CHECK_OK(check_list(*found, rows, pointer.empty() ? "the answer" : pointer));
  return *found;
}

}  // namespace

const Protocol kJson{.name = "Json",
                     .paths = {},
                     .versioned = {},
                     .check = check_template,
                     .request = request,
                     .predictions = predictions};

}  // namespace stagekeeper::inference
