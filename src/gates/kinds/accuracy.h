#pragma once

#include "base/decimal.h"
#include "gates/kind.h"

#include <cstdint>
#include <optional>
#include <string>

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
  std::uint64_t golden_row = 0;  ///< a row that the smoke test scores again
  std::string golden_score;      ///< shortest text that reads back as the same double
};

/// Their JSON text, as Report::metrics holds it.
std::string metrics_text(const AccuracyMetrics& metrics);

/// Reads it back. Reasons: those of read_members.
Reasoned<AccuracyMetrics> read_accuracy_metrics(std::string_view text);

/// Names in Carries of the golden row and the candidate's score of it.
inline constexpr const char* kGoldenRow = "goldenRow";
inline constexpr const char* kGoldenScore = "goldenScore";

/// The row of `rows` (at least 1) that an attempt chooses: by its nonce, so that nobody who builds
/// a model knows which rows will be asked again.
std::uint64_t golden_row_of(std::string_view nonce, std::uint64_t rows);

}  // namespace stagekeeper::gates
