#include "inference/answer.h"

#include "base/canonical_json.h"
#include "base/text.h"
#include "inference/protocol.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper::inference {
namespace {

using gates::because;
using gates::Reasoned;
using nlohmann::json;

constexpr std::size_t kMaxFirst = 48;
constexpr std::size_t kMaxName = 32;
constexpr int kMaxNames = 6;

}  // namespace

Reasoned<json> parse_answer(std::string_view body) {
  Result<json> parsed = parse_strict_json(body, kMaxAnswerBytes);
  if (parsed) return *std::move(parsed);
  const bool python =
      body.find("NaN") != std::string_view::npos || body.find("Infinity") != std::string_view::npos;
  if (python) return because("NotFinite", "the answer holds NaN or Infinity");
  const bool braces = body.starts_with('{') || body.starts_with('[');
  // What begins like JSON may have a row among its first bytes.
  const std::string begins = braces ? "" : ", it begins with " + first_bytes(body);
  return because("BadPredictions",
                 fmt::format("the answer is not JSON: {}{}", parsed.error().message, begins));
}

std::string shape_of(const json& answer) {
  if (answer.is_array()) return fmt::format("a list of {}", answer.size());
  if (!answer.is_object()) return std::string("a ") + answer.type_name();
  if (answer.empty()) return "an empty object";
  std::string names;
  int shown = 0;
  for (const auto& member : answer.items()) {
    if (shown++ == kMaxNames) {
      names += ", …";
      break;
    }
    if (shown > 1) names += ", ";
    names += printable(member.key(), kMaxName, CutMark::kEllipsis);
  }
  return "an object with " + names;
}

std::string first_bytes(std::string_view body) {
  if (body.empty()) return "nothing";
  return fmt::format("\"{}\"", printable(body, kMaxFirst, CutMark::kEllipsis));
}

Reasoned<void> check_list(const json& list, std::size_t rows, std::string_view what) {
  if (!list.is_array())
    return because("BadPredictions", fmt::format("{} is {}, not a list", what, shape_of(list)));
  if (list.size() == rows) return {};
  return because("PredictionsMismatch",
                 fmt::format("{} predictions for {} rows", list.size(), rows));
}

}  // namespace stagekeeper::inference
