#pragma once

#include "base/decimal.h"
#include "gates/kind.h"
#include "gates/report.h"

#include <string>

namespace stagekeeper::gates {

inline Decimal decimal(const char* literal) {
  return Decimal::parse(literal).value();
}

/// A report with numbers, of no run in particular.
template <typename Metrics>
Report measured(const Metrics& metrics) {
  Report out;
  out.outcome = ReportOutcome::kMeasured;
  out.metrics = metrics_text(metrics);
  return out;
}

/// Parameters of each kind with the article's numbers.
inline constexpr const char* kAccuracyLimits = R"({"minAbsolute":"0.82","minImprovement":"0.005"})";
inline constexpr const char* kLatencyLimits = R"({"p95Budget":"50ms"})";
inline constexpr const char* kFairnessLimits =
    R"({"maxDisparity":"0.05","minPositivesPerGroup":30,"minNegativesPerGroup":30})";

}  // namespace stagekeeper::gates
