#include "gates/kinds/fairness.h"

#include "base/text.h"
#include "gates/fairness.h"
#include "gates/parameters.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::gates {
namespace {

using nlohmann::json;

constexpr const char* kMember = "fairness";
constexpr std::size_t kMaxColumns = 16;
constexpr std::uint64_t kMaxRows = 1'000'000;
constexpr std::size_t kMaxNameShown = 60;
constexpr std::size_t kGroupMembers = 5;

/// The policy's limits. Equality passes.
struct Limits {
  Decimal max_disparity;            ///< |overall AUC − group AUC|, passes when <=
  std::uint64_t min_positives = 0;  ///< of a group; fewer: Inconclusive
  std::uint64_t min_negatives = 0;  ///< of a group; fewer: Inconclusive
};

Reasoned<Limits> read_limits(std::string_view text) {
  Limits out;
  SK_CHECK_OK(read_members(text, kMaxParameterBytes, kMember, [&](ObjectReader& reader) {
    only(reader, "metric", "auc_roc");
    out.max_disparity = required_limit(reader, "maxDisparity", "0.05");
    out.min_positives = required_count(reader, "minPositivesPerGroup", "30");
    out.min_negatives = required_count(reader, "minNegativesPerGroup", "30");
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

Reasoned<void> check_metrics(std::string_view metrics, const Expected& /*unused*/) {
  SK_CHECK_OK(read_fairness_metrics(metrics));
  return {};
}

/// The group's value; with its column where there are several.
std::string label(const FairnessMetrics& measured, const GroupMetrics& group) {
  std::string value = printable(group.value, kMaxNameShown);
  if (measured.columns.size() < 2) return value;
  return printable(measured.columns[group.column], kMaxNameShown) + "=" + value;
}

/// What a look at every group found.
struct Found {
  Decimal largest_gap;
  std::uint64_t rows = 0;
  std::string failures;  ///< a line each, with a line break before it
  std::string unjudged;  ///< the same for groups that are too small
};

Found look(const Limits& limits, const FairnessMetrics& measured) {
  Found out;
  for (const GroupMetrics& group : measured.groups) {
    if (group.column == measured.groups.front().column)
      out.rows += group.positives + group.negatives;
    if (!group.auc || group.positives < limits.min_positives ||
        group.negatives < limits.min_negatives) {
      out.unjudged +=
          fmt::format("\n Group '{}': {} positives and {} negatives, {} and {} are needed",
                      label(measured, group), group.positives, group.negatives,
                      limits.min_positives, limits.min_negatives);
      continue;
    }
    const Decimal gap = (measured.auc - *group.auc).abs();
    out.largest_gap = std::max(out.largest_gap, gap);
    if (gap > limits.max_disparity) {
      out.failures += fmt::format("\n Group '{}': AUC={}, gap={}", label(measured, group),
                                  group.auc->fixed(4), gap.fixed(4));
    }
  }
  return out;
}

Judgement judge_groups(const Limits& limits, const FairnessMetrics& measured) {
  const Found found = look(limits, measured);
  Judgement out;
  out.observed = found.largest_gap.str();
  out.threshold = limits.max_disparity.str();
  out.samples = fmt::to_string(found.rows);
  out.verdict = Verdict::kInconclusive;
  if (!found.failures.empty()) {
    out.verdict = Verdict::kFailed;
    out.reason = "DisparityTooLarge";
    out.message = "Fairness check FAILED:" + found.failures;
    if (!found.unjudged.empty()) out.message += "\nToo few to judge:" + found.unjudged;
  } else if (measured.groups.empty()) {
    out.reason = "NoGroups";
    out.message = "no group was evaluated";
  } else if (!found.unjudged.empty()) {
    out.reason = "GroupTooSmall";
    out.message = "Fairness check inconclusive, too few to judge:" + found.unjudged;
  } else {
    out.verdict = Verdict::kPassed;
    out.reason = "Passed";
    out.message = fmt::format("Fairness OK - overall AUC={}, max group gap within threshold",
                              measured.auc.fixed(4));
  }
  return out;
}

Judgement judge(std::string_view parameters, const Report& report, const Carries& /*unused*/) {
  const Reasoned<Limits> limits = read_limits(parameters);
  if (!limits) return errored({.code = "BadPolicy", .message = limits.error().message});
  const Reasoned<FairnessMetrics> measured = read_fairness_metrics(report.metrics);
  if (!measured) return errored(measured.error());
  return judge_groups(*limits, *measured);
}

Carries carries(const Report& /*unused*/) {
  return {};
}

/// The text with every name cut at `max_name` bytes.
std::string text_of(const FairnessMetrics& metrics, std::size_t max_name) {
  const auto shown = [&](const std::string& name) {
    return printable(name, max_name, CutMark::kEllipsis);
  };
  json out{{"auc", metrics.auc.str()}, {"columns", json::array()}, {"groups", json::array()}};
  for (const std::string& column : metrics.columns)
    out["columns"].push_back(shown(column));
  for (const GroupMetrics& group : metrics.groups) {
    out["groups"].push_back({group.column, shown(group.value),
                             group.auc ? json(group.auc->str()) : json(), group.positives,
                             group.negatives});
  }
  return out.dump();
}

/// An AUC, so 0…1.
bool is_auc(const Decimal& auc) {
  return auc >= Decimal() && auc <= Decimal::parse("1").value();
}

bool is_count(const json& value, std::uint64_t max) {
  return value.is_number_unsigned() && value.get<std::uint64_t>() <= max;
}

/// One [column, value, auc or null, positives, negatives].
Reasoned<GroupMetrics> read_group(const json& row, std::size_t columns) {
  const auto bad = [] {
    return because("BadValue",
                   "fairness.groups: not [column, value, auc or null, positives, negatives]");
  };
  if (!row.is_array() || row.size() != kGroupMembers || columns == 0) return bad();
  if (!is_count(row[0], columns - 1) || !row[1].is_string()) return bad();
  if (!is_count(row[3], kMaxRows) || !is_count(row[4], kMaxRows)) return bad();
  GroupMetrics out{.column = row[0].get<std::size_t>(),
                   .value = row[1].get<std::string>(),
                   .auc = std::nullopt,
                   .positives = row[3].get<std::uint64_t>(),
                   .negatives = row[4].get<std::uint64_t>()};
  if (row[2].is_null()) {
    if (out.positives > 0 && out.negatives > 0)
      return because("MissingMetric", "fairness.groups: a group of both classes has no auc");
    return out;
  }
  if (!row[2].is_string()) return bad();
  const Result<Decimal> auc = Decimal::parse(row[2].get_ref<const std::string&>());
  if (!auc || !is_auc(*auc))
    return because("BadValue", "fairness.groups: an AUC is not between 0 and 1");
  out.auc = *auc;
  return out;
}

void read_columns(ObjectReader& reader, FairnessMetrics& out) {
  const json* columns = reader.member("columns");
  if (columns == nullptr) return;
  const bool names =
      columns->is_array() && columns->size() <= kMaxColumns &&
      std::ranges::all_of(*columns, [](const json& name) { return name.is_string(); });
  if (!names) {
    reader.problem("BadValue", "fairness.columns is not a list of at most 16 names");
    return;
  }
  for (const json& name : *columns)
    out.columns.push_back(name.get<std::string>());
}

void read_groups(ObjectReader& reader, FairnessMetrics& out) {
  const json* groups = reader.member("groups");
  if (groups == nullptr) return;
  if (!groups->is_array() || groups->size() > kMaxGroups) {
    reader.problem("BadValue",
                   fmt::format("fairness.groups is not a list of at most {}", kMaxGroups));
    return;
  }
  for (const json& row : *groups) {
    Reasoned<GroupMetrics> group = read_group(row, out.columns.size());
    if (!group) {
      reader.problem(group.error().code, group.error().message);
      return;
    }
    out.groups.push_back(*std::move(group));
  }
}

}  // namespace

const Kind kFairness{.name = "Fairness",
                     .member = kMember,
                     .in_policies = true,
                     .needs = {.clones = true, .rows = true, .labels = true, .groups = true},
                     .check = check,
                     .job_parameters = job_parameters,
                     .check_metrics = check_metrics,
                     .judge = judge,
                     .carries = carries};

std::string metrics_text(const FairnessMetrics& metrics) {
  std::string out;
  for (const std::size_t max_name :
       {kMaxNameShown, std::size_t{32}, std::size_t{20}, std::size_t{12}, std::size_t{6}}) {
    out = text_of(metrics, max_name);
    if (out.size() <= kMaxMetricsBytes) break;
  }
  return out;
}

Reasoned<FairnessMetrics> read_fairness_metrics(std::string_view text) {
  FairnessMetrics out;
  SK_CHECK_OK(read_members(text, kMaxReportBytes, kMember, [&](ObjectReader& reader) {
    out.auc = reader.decimal("auc");
    if (!is_auc(out.auc)) reader.problem("BadValue", "fairness: an AUC is not between 0 and 1");
    read_columns(reader, out);
    read_groups(reader, out);
  }));
  return out;
}

}  // namespace stagekeeper::gates
