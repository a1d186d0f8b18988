#pragma once

#include "gates/reason.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stagekeeper::gates {

/// What a row without a value counts as: a group of its own.
inline constexpr const char* kMissingGroup = "(missing)";

/// More groups than this cannot be a demographic column. So many fit into a report.
inline constexpr std::size_t kMaxGroups = 64;

/// A column of the evaluation set that divides its rows into groups.
struct GroupColumn {
  std::string name;
  std::vector<std::string> values;  ///< one per row, kMissingGroup where there is none
};

/// One group's AUC.
struct GroupAuc {
  std::size_t column = 0;  ///< index into the columns
  std::string value;
  std::optional<double> auc;  ///< absent when the group has one class only
  std::uint64_t positives = 0;
  std::uint64_t negatives = 0;
};

/// The AUC of every group of every column: columns in their order, values in byte order. Judging
/// (how many positives and negatives are enough, what gap is too much) is the operator's.
/// Reasons: NoGroups (no column, or no row), TooManyGroups, PredictionsMismatch (lengths differ),
/// NotFinite.
Reasoned<std::vector<GroupAuc>> group_aucs(std::span<const double> scores,
                                           std::span<const std::uint8_t> labels,
                                           std::span<const GroupColumn> columns);

}  // namespace stagekeeper::gates
