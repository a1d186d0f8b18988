#include "gates/verdict.h"

#include "gates/latency.h"
#include "gates/score.h"
#include "gates/text.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>

namespace stagekeeper::gates {
namespace {

constexpr std::size_t kMaxGroupName = 60;

/// Causes that another attempt may not meet again.
constexpr std::array<std::string_view, 12> kPassing{
    "CandidateNotReady", "ChampionNotReady", "ScoringFailed",    "FetchFailed",
    "ImageUnavailable",  "PodLost",          "DeadlineExceeded", "NoReport",
    "Truncated",         "ContainerFailed",  "NoResult",         "PodReplaced"};

Verdict verdict(Outcome outcome, std::string reason, std::string message) {
  Verdict out;
  out.outcome = outcome;
  out.reason = std::move(reason);
  out.message = std::move(message);
  return out;
}

/// The verdict when there are no metrics to judge; nothing when the report has metrics.
template <typename T>
std::optional<Verdict> without_metrics(const Report& report) {
  if (report.outcome == ReportOutcome::kInconclusive) {
    return verdict(Outcome::kInconclusive, report.code, report.message);
  }
  if (report.outcome == ReportOutcome::kErrored)
    return errored(Reason{.code = report.code, .message = report.message});
  if (!std::holds_alternative<T>(report.metrics)) {
    return errored(Reason{.code = "MissingMetric",
                          .message = "the report does not hold what this type of gate measures"});
  }
  return std::nullopt;
}

/// A difference with its sign: "+0.0301".
std::string with_sign(const std::string& number) {
  return number.starts_with('-') ? number : "+" + number;
}

bool too_small(const FairnessPolicy& policy, const GroupMetrics& group) {
  return group.positives < policy.min_positives_per_group ||
         group.negatives < policy.min_negatives_per_group;
}

/// The group's value; with its column where there are several.
std::string label(const GroupMetrics& group, bool with_column) {
  const std::string value = printable(group.value, kMaxGroupName);
  return with_column ? printable(group.column, kMaxGroupName) + "=" + value : value;
}

}  // namespace

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "Passed";
    case Outcome::kFailed:
      return "Failed";
    case Outcome::kInconclusive:
      return "Inconclusive";
    case Outcome::kErrored:
      return "Errored";
  }
  return "Errored";
}

Verdict errored(const Reason& reason) {
  return verdict(Outcome::kErrored, reason.code.empty() ? "NoReason" : reason.code, reason.message);
}

bool worth_retrying(const Verdict& verdict) {
  return verdict.outcome == Outcome::kErrored &&
         std::find(kPassing.begin(), kPassing.end(), verdict.reason) != kPassing.end();
}

Verdict judge(const AccuracyPolicy& policy, const Report& report) {
  if (auto given = without_metrics<AccuracyMetrics>(report)) return *given;
  const auto& measured = std::get<AccuracyMetrics>(report.metrics);
  const Decimal improvement = measured.auc - measured.champion_auc.value_or(Decimal());
  const std::string delta = policy.min_improvement.str();
  Verdict out;
  out.observed = measured.auc.str();
  out.threshold = fmt::format("{}; {}", policy.min_absolute.str(), with_sign(delta));
  out.champion = measured.champion_auc ? measured.champion_auc->str() : "";
  out.samples = fmt::to_string(measured.rows);
  if (measured.auc < policy.min_absolute) {
    out.outcome = Outcome::kFailed;
    out.reason = "BelowMinimum";
    out.message = fmt::format("AUC {} below minimum threshold {}", measured.auc.fixed(4),
                              policy.min_absolute.str());
  } else if (improvement < policy.min_improvement) {
    out.outcome = Outcome::kFailed;
    out.reason = "ImprovementTooSmall";
    out.message =
        fmt::format("Improvement {} below required delta {}", improvement.fixed(4), delta);
  } else {
    out.outcome = Outcome::kPassed;
    out.reason = "Passed";
    out.message = fmt::format("AUC {} ({} vs production)", measured.auc.fixed(4),
                              with_sign(improvement.fixed(4)));
  }
  return out;
}

Verdict judge(const LatencyPolicy& policy, const Report& report) {
  if (auto given = without_metrics<LatencyMetrics>(report)) return *given;
  const auto& measured = std::get<LatencyMetrics>(report.metrics);
  const std::string budget = fmt::to_string(policy.p95_budget.count());
  Verdict out;
  out.observed = measured.p95.str() + "ms";
  out.threshold = budget + "ms";
  out.samples = fmt::to_string(measured.samples);
  const Result<Decimal> limit = Decimal::parse(budget);
  if (!limit) {
    // Beyond 76 minutes: no percentile that a report can hold exceeds it.
    return errored(
        Reason{.code = "BadPolicy", .message = "p95Budget is too large to compare with"});
  }
  if (measured.samples < kMinLatencySamples) {
    out.outcome = Outcome::kInconclusive;
    out.reason = "TooFewSamples";
    out.message =
        fmt::format("{} samples, at least {} are needed", measured.samples, kMinLatencySamples);
  } else if (measured.p95 > *limit) {
    out.outcome = Outcome::kFailed;
    out.reason = "LatencyBudgetExceeded";
    out.message =
        fmt::format("p95 latency {}ms exceeds budget {}ms", measured.p95.fixed(1), budget);
  } else {
    out.outcome = Outcome::kPassed;
    out.reason = "Passed";
    out.message = fmt::format("Latency OK - p50={}ms, p95={}ms, p99={}ms", measured.p50.fixed(1),
                              measured.p95.fixed(1), measured.p99.fixed(1));
  }
  return out;
}

Verdict judge(const FairnessPolicy& policy, const Report& report) {
  if (auto given = without_metrics<FairnessMetrics>(report)) return *given;
  const auto& measured = std::get<FairnessMetrics>(report.metrics);
  const bool columns_differ = std::any_of(
      measured.groups.begin(), measured.groups.end(),
      [&](const GroupMetrics& group) { return group.column != measured.groups.front().column; });
  Decimal largest;
  std::uint64_t rows = 0;
  std::string failures;
  std::string unjudged;
  for (const GroupMetrics& group : measured.groups) {
    if (group.column == measured.groups.front().column) rows += group.positives + group.negatives;
    if (!group.auc || too_small(policy, group)) {
      unjudged += fmt::format("\n Group '{}': {} positives and {} negatives, {} and {} are needed",
                              label(group, columns_differ), group.positives, group.negatives,
                              policy.min_positives_per_group, policy.min_negatives_per_group);
      continue;
    }
    const Decimal gap = (measured.auc - *group.auc).abs();
    largest = std::max(largest, gap);
    if (gap > policy.max_disparity) {
      failures += fmt::format("\n Group '{}': AUC={}, gap={}", label(group, columns_differ),
                              group.auc->fixed(4), gap.fixed(4));
    }
  }
  Verdict out;
  out.observed = largest.str();
  out.threshold = policy.max_disparity.str();
  out.samples = fmt::to_string(rows);
  if (!failures.empty()) {
    out.outcome = Outcome::kFailed;
    out.reason = "DisparityTooLarge";
    out.message = "Fairness check FAILED:" + failures;
    if (!unjudged.empty()) out.message += "\nToo few to judge:" + unjudged;
  } else if (measured.groups.empty()) {
    out.outcome = Outcome::kInconclusive;
    out.reason = "NoGroups";
    out.message = "no group was evaluated";
  } else if (!unjudged.empty()) {
    out.outcome = Outcome::kInconclusive;
    out.reason = "GroupTooSmall";
    out.message = "Fairness check inconclusive, too few to judge:" + unjudged;
  } else {
    out.outcome = Outcome::kPassed;
    out.reason = "Passed";
    out.message = fmt::format("Fairness OK - overall AUC={}, max group gap within threshold",
                              measured.auc.fixed(4));
  }
  return out;
}

Verdict judge(const SmokePolicy& policy, const Report& report) {
  if (auto given = without_metrics<SmokeMetrics>(report)) return *given;
  const auto& measured = std::get<SmokeMetrics>(report.metrics);
  Verdict out;
  out.outcome = Outcome::kFailed;
  out.observed = measured.served_version;
  out.threshold = policy.version;
  if (policy.version.empty() || measured.served_version != policy.version) {
    out.reason = "WrongVersion";
    out.message = fmt::format("the Service answers with version {}, the pin says {}",
                              printable(measured.served_version, kMaxGroupName), policy.version);
    return out;
  }
  if (!measured.healthy) {
    out.reason = "NotHealthy";
    out.message = "the health path did not answer 200 every time";
    return out;
  }
  if (policy.golden_score) {
    const std::optional<double> expected = parse_score(*policy.golden_score);
    const std::optional<double> observed =
        measured.golden_score ? parse_score(*measured.golden_score) : std::nullopt;
    if (!expected || !observed) {
      return errored(Reason{.code = "MissingMetric", .message = "the golden row was not scored"});
    }
    if (!same_score(*expected, *observed)) {
      out.reason = "GoldenScoreDiffers";
      out.message = fmt::format("the golden row scores {}, at the gate it scored {}",
                                *measured.golden_score, *policy.golden_score);
      return out;
    }
  }
  out.outcome = Outcome::kPassed;
  out.reason = "Passed";
  out.message = fmt::format("Smoke test OK - version {} answers, {}", policy.version,
                            policy.golden_score ? "the golden row scores the same" : "healthy");
  return out;
}

Verdict judge(const Policy& policy, const Report& report) {
  return std::visit([&](const auto& thresholds) { return judge(thresholds, report); }, policy);
}

}  // namespace stagekeeper::gates
