#include "gates/score.h"

#include "base/numbers.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace stagekeeper::gates {

std::string score_text(double score) {
  return fmt::format("{}", score);
}

std::optional<double> parse_score(std::string_view text) {
  const std::optional<double> value = parse_number<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

bool same_score(double a, double b) {
  return std::fabs(a - b) <= kGoldenToleranceRatio * std::max(std::fabs(a), std::fabs(b));
}

}  // namespace stagekeeper::gates
