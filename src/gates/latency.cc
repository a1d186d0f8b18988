#include "gates/latency.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <fmt/format.h>
#include <vector>

namespace stagekeeper::gates {

double exclusive_quantile(std::span<const double> ascending, std::size_t index, std::size_t parts) {
  const std::size_t count = ascending.size();
  assert(count >= 2 && index >= 1 && index < parts);
  const std::size_t rank = index * (count + 1);  // in units of 1/parts
  const std::size_t j = std::clamp<std::size_t>(rank / parts, 1, count - 1);
  // Negative below the first value: Python extrapolates there, and so must we to agree with it.
  const double delta = static_cast<double>(rank) - static_cast<double>(j * parts);
  const auto n = static_cast<double>(parts);
  return (ascending[j - 1] * (n - delta) + ascending[j] * delta) / n;
}

Reasoned<LatencyStats> latency_stats(std::span<const double> samples) {
  if (samples.size() < kMinLatencySamples) {
    return because("TooFewSamples", fmt::format("{} samples, at least {} are needed",
                                                samples.size(), kMinLatencySamples));
  }
  std::vector<double> sorted(samples.begin(), samples.end());
  for (const double sample : sorted) {
    if (!std::isfinite(sample) || sample < 0)
      return because("NotFinite", "a latency sample is not a finite number of at least 0");
  }
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  const double median =
      sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return LatencyStats{.p50 = median,
                      .p95 = exclusive_quantile(sorted, 19, 20),
                      .p99 = exclusive_quantile(sorted, 99, 100),
                      .samples = sorted.size()};
}

}  // namespace stagekeeper::gates
