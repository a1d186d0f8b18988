#pragma once

#include "gates/reason.h"

#include <cstdint>
#include <span>

namespace stagekeeper::gates {

/// Area under the ROC curve and what it was computed from.
struct Auc {
  double value = 0;  ///< 0…1
  std::uint64_t positives = 0;
  std::uint64_t negatives = 0;
};

/// The probability that a random positive scores above a random negative, ties counting one half
/// (Mann and Whitney's U over P·N), exact up to the last division. -0.0 ties with 0.0.
///
/// `labels` holds 1 for a positive row and 0 otherwise. O(n log n), and O(n) above a few thousand
/// rows.
/// Reasons: PredictionsMismatch (lengths differ), NoRows, NotFinite (a NaN or infinite score),
/// OneClass.
Reasoned<Auc> auc_roc(std::span<const double> scores, std::span<const std::uint8_t> labels);

/// Whether these can be the scores of a whole evaluation set: what auc_roc would compute without
/// complaint and would still mean nothing.
/// Reasons: ConstantScores; ClassLabels (2 distinct values on 10 rows or more; up to 5 distinct
/// whole numbers on 5 rows each or more).
Reasoned<void> check_scores(std::span<const double> scores);

}  // namespace stagekeeper::gates
