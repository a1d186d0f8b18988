#pragma once

#include "base/decimal.h"
#include "gates/golden.h"
#include "gates/kind.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::gates {

/// Accuracy: the AUC of the candidate on the evaluation set, absolutely and against what
/// serves.
extern const Kind kAccuracy;

/// What it measures.
struct AccuracyMetrics {
  Decimal auc;
  std::optional<Decimal> champion_auc;  ///< absent when nothing serves
  std::uint64_t rows = 0;
  std::uint64_t positives = 0;
  std::optional<Decimal> improvement_low;  ///< paired 95 % interval of candidate − champion
  std::optional<Decimal> improvement_high;
  std::vector<GoldenRow> golden;  ///< that the smoke test scores again
};

/// Their JSON text, as Report::metrics holds it.
std::string metrics_text(const AccuracyMetrics& metrics);

/// Reads it back. Reasons: those of read_members.
Reasoned<AccuracyMetrics> read_accuracy_metrics(std::string_view text);

}  // namespace stagekeeper::gates
