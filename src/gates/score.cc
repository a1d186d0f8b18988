#include "gates/score.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace stagekeeper::gates {

std::string score_text(double score) {
  return fmt::format("{}", score);
}

std::optional<double> parse_score(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

bool same_score(double a, double b) {
  return std::fabs(a - b) <= kGoldenToleranceRatio * std::max(std::fabs(a), std::fabs(b));
}

}  // namespace stagekeeper::gates
