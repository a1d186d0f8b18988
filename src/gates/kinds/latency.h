#pragma once

#include "base/decimal.h"
#include "gates/kind.h"

#include <cstdint>
#include <string>

namespace stagekeeper::gates {

/// Latency: percentiles of one-row calls, one after the other.
extern const Kind kLatency;

/// What its gate program is told.
struct LatencyJob {
  std::uint64_t samples = 500;
  std::uint64_t warmup = 10;
};

/// Reads GateInput::parameters. Reasons: those of read_members.
Reasoned<LatencyJob> read_latency_job(std::string_view parameters);

/// What it measures, in milliseconds.
struct LatencyMetrics {
  Decimal p50;
  Decimal p95;
  Decimal p99;
  std::uint64_t samples = 0;
};

/// Their JSON text, as Report::metrics holds it.
std::string metrics_text(const LatencyMetrics& metrics);

/// Reads it back. Reasons: those of read_members.
Reasoned<LatencyMetrics> read_latency_metrics(std::string_view text);

}  // namespace stagekeeper::gates
