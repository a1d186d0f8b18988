#pragma once

#include "gates/reason.h"

#include <cstddef>
#include <span>

namespace stagekeeper::gates {

/// Below this the 99th percentile would be extrapolated beyond the largest sample.
inline constexpr std::size_t kMinLatencySamples = 100;

/// Percentiles of call times, in the unit of the samples (milliseconds here).
struct LatencyStats {
  double p50 = 0;
  double p95 = 0;
  double p99 = 0;
  std::size_t samples = 0;
};

/// The `index`-th of `parts` − 1 cut points (1-based) by the exclusive method: rank
/// index·(n+1)/parts, linear interpolation, clamped to the first and last pair. What Python's
/// `statistics.quantiles(data, n=parts)[index - 1]` computes, operation by operation.
/// Assumptions: at least 2 values, ascending.
double exclusive_quantile(std::span<const double> ascending, std::size_t index, std::size_t parts);

/// p50 is the median, p95 the 19th 20-quantile, p99 the 99th 100-quantile.
/// Reasons: TooFewSamples below kMinLatencySamples, NotFinite (also for a negative sample).
Reasoned<LatencyStats> latency_stats(std::span<const double> samples);

}  // namespace stagekeeper::gates
