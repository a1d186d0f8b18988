#include "gates/kinds/latency.h"

#include "base/time.h"
#include "gates/latency.h"
#include "gates/parameters.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <fmt/format.h>

namespace stagekeeper::gates {
namespace {

using nlohmann::json;

constexpr const char* kMember = "latency";
constexpr std::uint64_t kMaxSamples = 5000;
constexpr std::uint64_t kMaxWarmup = 1000;
constexpr std::size_t kMaxDuration = 8;

/// What the policy says. p95 passes when <= budget.
struct Policy {
  std::chrono::milliseconds p95_budget{};
  LatencyJob job;
};

/// How many calls; both have defaults, since neither can make a slow model pass.
void read_job(ObjectReader& reader, LatencyJob& out) {
  out.samples = reader.optional_number("samples", kMaxSamples).value_or(out.samples);
  out.warmup = reader.optional_number("warmup", kMaxWarmup).value_or(out.warmup);
  if (out.samples < kMinLatencySamples) {
    reader.problem("BadValue", fmt::format("{} is not from {} to {}", reader.path("samples"),
                                           kMinLatencySamples, kMaxSamples));
  }
}

Reasoned<Policy> read_policy(std::string_view text) {
  Policy out;
  SK_CHECK_OK(read_members(text, kMaxParameterBytes, kMember, [&](ObjectReader& reader) {
    only(reader, "mode", "Sequential");
    const auto budget =
        parse_duration(reader.optional_text("p95Budget", kMaxDuration).value_or(""));
    if (!budget || budget->count() == 0) {
      reader.problem(
          reader.has("p95Budget") ? "BadValue" : "MissingField",
          "latency.p95Budget has no default: write a number with its unit, such as 50ms");
    } else {
      out.p95_budget = *budget;
    }
    read_job(reader, out.job);
  }));
  return out;
}

Status check(std::string_view parameters) {
  const Reasoned<Policy> policy = read_policy(parameters);
  if (!policy) return invalid(policy.error());
  return {};
}

Result<std::string> job_parameters(std::string_view parameters, const Carries& /*unused*/) {
  const Reasoned<Policy> policy = read_policy(parameters);
  if (!policy) return invalid(policy.error());
  return json{{"samples", policy->job.samples}, {"warmup", policy->job.warmup}}.dump();
}

Reasoned<void> check_metrics(std::string_view metrics, const Expected& /*unused*/) {
  SK_CHECK_OK(read_latency_metrics(metrics));
  return {};
}

Judgement judge_budget(std::chrono::milliseconds p95_budget, const LatencyMetrics& measured) {
  const std::string budget = fmt::to_string(p95_budget.count());
  const Result<Decimal> limit = Decimal::parse(budget);
  if (!limit) {
    // Beyond 76 minutes: no percentile that a report can hold exceeds it.
    return errored({.code = "BadPolicy", .message = "p95Budget is too large to compare with"});
  }
  Judgement out;
  out.observed = measured.p95.str() + "ms";
  out.threshold = budget + "ms";
  out.samples = fmt::to_string(measured.samples);
  if (measured.samples < kMinLatencySamples) {
    out.verdict = Verdict::kInconclusive;
    out.reason = "TooFewSamples";
    out.message =
        fmt::format("{} samples, at least {} are needed", measured.samples, kMinLatencySamples);
  } else if (measured.p95 > *limit) {
    out.verdict = Verdict::kFailed;
    out.reason = "LatencyBudgetExceeded";
    out.message =
        fmt::format("p95 latency {}ms exceeds budget {}ms", measured.p95.fixed(1), budget);
  } else {
    out.verdict = Verdict::kPassed;
    out.reason = "Passed";
    out.message = fmt::format("Latency OK - p50={}ms, p95={}ms, p99={}ms", measured.p50.fixed(1),
                              measured.p95.fixed(1), measured.p99.fixed(1));
  }
  return out;
}

Judgement judge(std::string_view parameters, const Report& report, const Carries& /*unused*/) {
  const Reasoned<Policy> policy = read_policy(parameters);
  if (!policy) return errored({.code = "BadPolicy", .message = policy.error().message});
  const Reasoned<LatencyMetrics> measured = read_latency_metrics(report.metrics);
  if (!measured) return errored(measured.error());
  return judge_budget(policy->p95_budget, *measured);
}

Carries carries(const Report& /*unused*/) {
  return {};
}

}  // namespace

// Alone, because whoever shares the candidate would be in the times. Rows, because a call without
// real rows says nothing about real calls; no labels, because no answer is compared with one.
const Kind kLatency{.name = "Latency",
                    .member = kMember,
                    .in_policies = true,
                    .needs = {.clones = true, .rows = true, .alone = true},
                    .check = check,
                    .job_parameters = job_parameters,
                    .check_metrics = check_metrics,
                    .judge = judge,
                    .carries = carries};

Reasoned<LatencyJob> read_latency_job(std::string_view parameters) {
  LatencyJob out;
  SK_CHECK_OK(read_members(parameters, kMaxParameterBytes, "parameters",
                           [&](ObjectReader& reader) { read_job(reader, out); }));
  return out;
}

std::string metrics_text(const LatencyMetrics& metrics) {
  return json{{"p50", metrics.p50.str()},
              {"p95", metrics.p95.str()},
              {"p99", metrics.p99.str()},
              {"samples", fmt::to_string(metrics.samples)}}
      .dump();
}

Reasoned<LatencyMetrics> read_latency_metrics(std::string_view text) {
  LatencyMetrics out;
  SK_CHECK_OK(read_members(text, kMaxReportBytes, kMember, [&](ObjectReader& reader) {
    out.p50 = reader.decimal("p50");
    out.p95 = reader.decimal("p95");
    out.p99 = reader.decimal("p99");
    out.samples = reader.count("samples");
    if (out.p50 < Decimal() || out.p95 < out.p50 || out.p99 < out.p95)
      reader.problem("BadValue", "latency: percentiles do not ascend from 0");
  }));
  return out;
}

}  // namespace stagekeeper::gates
