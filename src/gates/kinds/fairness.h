#pragma once

#include "base/decimal.h"
#include "gates/kind.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::gates {

/// Fairness: no group's AUC far from the overall one.
extern const Kind kFairness;

struct GroupMetrics {
  std::size_t column = 0;  ///< index into FairnessMetrics::columns
  std::string value;
  std::optional<Decimal> auc;  ///< absent when the group has one class only
  std::uint64_t positives = 0;
  std::uint64_t negatives = 0;
};

/// What it measures.
struct FairnessMetrics {
  Decimal auc;  ///< of all rows
  std::vector<std::string> columns;
  std::vector<GroupMetrics> groups;  ///< at most kMaxGroups
};

/// Their JSON text, as Report::metrics holds it: `groups` is a list of [column, value, auc or null,
/// positives, negatives], so that kMaxGroups of them fit. Names are cut, all at one length, where
/// they would not; control characters in them become '?'.
std::string metrics_text(const FairnessMetrics& metrics);

/// Reads it back. Reasons: those of read_members.
Reasoned<FairnessMetrics> read_fairness_metrics(std::string_view text);

}  // namespace stagekeeper::gates
