#include "gates/kinds/accuracy.h"

#include "gates/parameters.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper::gates {
namespace {

using nlohmann::json;

constexpr const char* kMember = "accuracy";

/// The policy's limits. Equality passes both.
struct Limits {
  Decimal min_absolute;                    ///< AUC, passes when >=
  std::optional<Decimal> min_improvement;  ///< candidate − champion, passes when >=; absent: not
                                           ///< judged
};

Reasoned<Limits> read_limits(std::string_view text) {
  Limits out;
  SK_CHECK_OK(read_members(text, kMaxParameterBytes, kMember, [&](ObjectReader& reader) {
    only(reader, "metric", "auc_roc");
    out.min_absolute = required_limit(reader, "minAbsolute", "0.82");
    out.min_improvement = optional_limit(reader, "minImprovement", "-1", "0.005");
  }));
  return out;
}

Status check(std::string_view parameters) {
  const Reasoned<Limits> limits = read_limits(parameters);
  if (!limits) return invalid(limits.error());
  return {};
}

Result<std::string> job_parameters(std::string_view parameters, const Carries& /*unused*/) {
  SK_CHECK_OK(check(parameters));
  return "{}";
}

Reasoned<void> check_metrics(std::string_view metrics, const Expected& expected) {
  SK_TRY(const AccuracyMetrics read, read_accuracy_metrics(metrics));
  if (expected.has_champion && !read.champion_auc)
    return because("MissingMetric", "the serving version was not measured");
  if (!expected.has_champion && read.champion_auc)
    return because("UnexpectedMetric", "a champion's AUC, but nothing serves");
  return {};
}

/// A difference with its sign: "+0.0301".
std::string with_sign(const std::string& number) {
  return number.starts_with('-') ? number : "+" + number;
}

std::string interval_of(const AccuracyMetrics& measured) {
  if (!measured.improvement_low || !measured.improvement_high) return "";
  return fmt::format("[{}, {}]", measured.improvement_low->fixed(4),
                     measured.improvement_high->fixed(4));
}

Judgement judge_limits(const Limits& limits, const AccuracyMetrics& measured) {
  // Without a champion its AUC counts as 0.
  const Decimal improvement = measured.auc - measured.champion_auc.value_or(Decimal());
  Judgement out;
  out.observed = measured.auc.str();
  out.threshold = limits.min_absolute.str();
  if (limits.min_improvement) out.threshold += "; " + with_sign(limits.min_improvement->str());
  out.champion = measured.champion_auc ? measured.champion_auc->str() : "";
  out.samples = fmt::to_string(measured.rows);
  out.interval = interval_of(measured);
  out.verdict = Verdict::kFailed;
  if (measured.auc < limits.min_absolute) {
    out.reason = "BelowMinimum";
    out.message = fmt::format("AUC {} below minimum threshold {}", measured.auc.fixed(4),
                              limits.min_absolute.str());
  } else if (limits.min_improvement && improvement < *limits.min_improvement) {
    out.reason = "ImprovementTooSmall";
    out.message = fmt::format("Improvement {} below required delta {}", improvement.fixed(4),
                              limits.min_improvement->str());
  } else {
    out.verdict = Verdict::kPassed;
    out.reason = "Passed";
    out.message = fmt::format("AUC {} ({} vs production)", measured.auc.fixed(4),
                              with_sign(improvement.fixed(4)));
  }
  return out;
}

Judgement judge(std::string_view parameters, const Report& report, const Carries& /*unused*/) {
  const Reasoned<Limits> limits = read_limits(parameters);
  if (!limits) return errored({.code = "BadPolicy", .message = limits.error().message});
  const Reasoned<AccuracyMetrics> measured = read_accuracy_metrics(report.metrics);
  if (!measured) return errored(measured.error());
  return judge_limits(*limits, *measured);
}

Carries carries(const Report& report) {
  const Reasoned<AccuracyMetrics> measured = read_accuracy_metrics(report.metrics);
  if (!measured) return {};
  return {{kGolden, golden_text(measured->golden)}};
}

/// An AUC, so 0…1.
void check_auc(ObjectReader& reader, const std::optional<Decimal>& auc) {
  if (auc && (*auc < Decimal() || *auc > Decimal::parse("1").value()))
    reader.problem("BadValue", "accuracy: an AUC is not between 0 and 1");
}

}  // namespace

const Kind kAccuracy{
    .name = "Accuracy",
    .member = kMember,
    .in_policies = true,
    .needs = {.clones = true, .champion = true, .rows = true, .artifact = true, .labels = true},
    .check = check,
    .job_parameters = job_parameters,
    .check_metrics = check_metrics,
    .judge = judge,
    .carries = carries};

std::string metrics_text(const AccuracyMetrics& metrics) {
  json out{{"auc", metrics.auc.str()},
           {"rows", fmt::to_string(metrics.rows)},
           {"positives", fmt::to_string(metrics.positives)},
           {kGolden, golden_text(metrics.golden)}};
  if (metrics.champion_auc) out["championAuc"] = metrics.champion_auc->str();
  if (metrics.improvement_low) out["improvementLow"] = metrics.improvement_low->str();
  if (metrics.improvement_high) out["improvementHigh"] = metrics.improvement_high->str();
  return out.dump();
}

Reasoned<AccuracyMetrics> read_accuracy_metrics(std::string_view text) {
  AccuracyMetrics out;
  SK_CHECK_OK(read_members(text, kMaxReportBytes, kMember, [&](ObjectReader& reader) {
    out.auc = reader.decimal("auc");
    out.champion_auc = reader.optional_decimal("championAuc");
    out.rows = reader.count("rows");
    out.positives = reader.count("positives");
    out.improvement_low = reader.optional_decimal("improvementLow");
    out.improvement_high = reader.optional_decimal("improvementHigh");
    out.golden = golden_member(reader);
    check_auc(reader, out.auc);
    check_auc(reader, out.champion_auc);
    if (out.positives == 0 || out.positives >= out.rows)
      reader.problem("BadValue", "accuracy: rows of one class have no AUC");
    if (!out.golden.empty() && out.golden.back().row >= out.rows)
      reader.problem("BadValue", "accuracy.golden has a row beyond the rows");
  }));
  return out;
}

}  // namespace stagekeeper::gates
