#pragma once

#include "base/decimal.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace stagekeeper::gates {

/// A decimal from a literal of this source.
inline Decimal decimal(const char* literal) {
  return Decimal::parse(literal).value();
}

/// Thresholds of an Accuracy gate (requirements R9, R10). Equality passes both.
struct AccuracyPolicy {
  Decimal min_absolute = decimal("0.82");      ///< AUC, passes when >=
  Decimal min_improvement = decimal("0.005");  ///< candidate − champion in AUC, passes when >=
};

/// Thresholds of a Latency gate (R15). Equality passes.
struct LatencyPolicy {
  std::chrono::milliseconds p95_budget{50};  ///< passes when p95 <= budget
};

/// Thresholds of a Fairness gate (R17). Equality passes.
struct FairnessPolicy {
  Decimal max_disparity = decimal("0.05");     ///< |overall AUC − group AUC|, passes when <=
  std::uint64_t min_positives_per_group = 30;  ///< fewer: Inconclusive
  std::uint64_t min_negatives_per_group = 30;  ///< fewer: Inconclusive
};

/// What must be true after a rollout (R60).
struct SmokePolicy {
  std::string version;  ///< the pinned version; every answer must name it
  std::optional<std::string>
      golden_score;  ///< of the accuracy gate's golden row; absent: not compared
};

using Policy = std::variant<AccuracyPolicy, LatencyPolicy, FairnessPolicy, SmokePolicy>;

}  // namespace stagekeeper::gates
