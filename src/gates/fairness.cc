#include "gates/fairness.h"

#include "gates/auc.h"

#include <fmt/format.h>
#include <map>
#include <string_view>

namespace stagekeeper::gates {
namespace {

struct Group {
  std::vector<double> scores;
  std::vector<std::uint8_t> labels;
};

Reasoned<GroupAuc> measure(std::size_t column, std::string_view value, const Group& group) {
  GroupAuc out{.column = column, .value = std::string(value)};
  for (const std::uint8_t label : group.labels)
    ++(label != 0 ? out.positives : out.negatives);
  if (out.positives == 0 || out.negatives == 0) return out;
  const Reasoned<Auc> auc = auc_roc(group.scores, group.labels);
  if (!auc) return tl::unexpected(auc.error());
  out.auc = auc->value;
  return out;
}

}  // namespace

Reasoned<std::vector<GroupAuc>> group_aucs(std::span<const double> scores,
                                           std::span<const std::uint8_t> labels,
                                           std::span<const GroupColumn> columns) {
  if (columns.empty() || scores.empty()) {
    return because("NoGroups", "no group to evaluate: name evaluation.groupColumns");
  }
  if (scores.size() != labels.size()) {
    return because("PredictionsMismatch",
                   fmt::format("{} predictions for {} rows", scores.size(), labels.size()));
  }
  std::vector<GroupAuc> out;
  for (std::size_t index = 0; index < columns.size(); ++index) {
    const GroupColumn& column = columns[index];
    if (column.values.size() != scores.size()) {
      return because("PredictionsMismatch",
                     fmt::format("column {} has {} values for {} rows", column.name,
                                 column.values.size(), scores.size()));
    }
    std::map<std::string_view, Group> groups;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      Group& group = groups[column.values[i]];
      if (groups.size() + out.size() > kMaxGroups) {
        return because("TooManyGroups",
                       fmt::format("more than {} groups at column {}: is it a group column?",
                                   kMaxGroups, column.name));
      }
      group.scores.push_back(scores[i]);
      group.labels.push_back(labels[i]);
    }
    for (const auto& [value, group] : groups) {
      Reasoned<GroupAuc> measured = measure(index, value, group);
      if (!measured) return tl::unexpected(measured.error());
      out.push_back(std::move(*measured));
    }
  }
  return out;
}

}  // namespace stagekeeper::gates
