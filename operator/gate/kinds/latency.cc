#include "gates/kinds/latency.h"

#include "gates/latency.h"
#include "operator/gate/measurers.h"

#include <chrono>
#include <memory>
#include <vector>

namespace stagekeeper::gate {

using gates::Reasoned;

Reasoned<std::string> measure_latency(const gates::GateInput& input,
                                      const gates::EvaluationSet& rows,
                                      const Surroundings& around) {
  SK_TRY(const gates::LatencyJob job, gates::read_latency_job(input.parameters));
  SK_TRY(const std::unique_ptr<ModelServer> candidate,
         open_ready(input, input.candidate, "candidate", around));
  const inference::BatchLimits one_row{.rows = 1};
  std::vector<double> samples;
  for (std::uint64_t call = 0; call < job.warmup + job.samples; ++call) {
    const bool warm_up = call < job.warmup;
    const std::size_t row = (warm_up ? call : call - job.warmup) % rows.features.rows;
    SK_TRY(const inference::Batch batch, candidate->batch(rows.features, row, one_row));
    SK_TRY(const Timer::Duration elapsed, candidate->call(batch));
    if (!warm_up) samples.push_back(std::chrono::duration<double, std::milli>(elapsed).count());
  }
  SK_TRY(const gates::LatencyStats stats, gates::latency_stats(samples));
  gates::LatencyMetrics out;
  SK_TRY(out.p50, to_decimal(stats.p50));
  SK_TRY(out.p95, to_decimal(stats.p95));
  SK_TRY(out.p99, to_decimal(stats.p99));
  out.samples = stats.samples;
  return gates::metrics_text(out);
}

}  // namespace stagekeeper::gate
