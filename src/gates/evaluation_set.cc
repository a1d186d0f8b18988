#include "gates/evaluation_set.h"

#include "base/result.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <string>
#include <utility>

namespace stagekeeper::gates {
namespace {

constexpr std::size_t kMaxShown = 40;
constexpr std::size_t kMaxShownValues = 5;

/// What writers of CSV put where there is no value.
constexpr std::array<std::string_view, 6> kNoValue{"", "nan", "nat", "na", "n/a", "null"};

/// Takes the last column of the table, which is one of text.
Column take_text(Table& table) {
  Column column = std::move(table.columns.back());
  table.columns.pop_back();
  return column;
}

GroupColumn to_group(Column column) {
  auto& values = std::get<std::vector<std::string>>(column.values);
  for (std::size_t row = 0; row < values.size(); ++row)
    if (column.missing[row] != 0 || values[row].empty()) values[row] = kMissingGroup;
  return GroupColumn{.name = std::move(column.name), .values = std::move(values)};
}

/// In quotes, so that white space shows.
std::string shown(std::string_view label) {
  return '"' + printable(label, kMaxShown, CutMark::kEllipsis) + '"';
}

/// Texts beside the positive label, each with the first row that has it.
using Others = std::map<std::string_view, std::size_t>;

tl::unexpected<Reason> no_positive(const BinaryTask& task, const Others& others) {
  std::vector<std::string> found;
  for (const auto& [label, row] : others)
    if (found.size() < kMaxShownValues) found.push_back(shown(label));
  return because("OneClass",
                 fmt::format("no row of the label column {} has the positive label {}; found: {}{}",
                             task.label_column, shown(task.positive_label), join(found, ", "),
                             others.size() > found.size() ? ", …" : ""));
}

tl::unexpected<Reason> unclear(const BinaryTask& task, const Others& others) {
  const auto& [first, row] = *others.begin();
  const auto& [second, second_row] = *std::next(others.begin());
  return because("UnclearLabels",
                 fmt::format("the label column {} has {} in row {} and {} in row {}: beside the "
                             "positive label {} one value only may occur",
                             task.label_column, shown(first), row, shown(second), second_row,
                             shown(task.positive_label)));
}

Reasoned<std::vector<std::uint8_t>> read_labels(const Column& column, const BinaryTask& task) {
  const auto& texts = std::get<std::vector<std::string>>(column.values);
  std::vector<std::uint8_t> out;
  out.reserve(texts.size());
  Others others;
  for (std::size_t row = 0; row < texts.size(); ++row) {
    const bool positive = column.missing[row] == 0 && texts[row] == task.positive_label;
    out.push_back(positive ? 1 : 0);
    if (positive) continue;
    if (column.missing[row] != 0 ||
        std::ranges::find(kNoValue, lower_ascii(texts[row])) != kNoValue.end()) {
      return because("MissingLabel",
                     fmt::format("row {} has no value in the label column {}{}", row, column.name,
                                 texts[row].empty() ? "" : ": " + shown(texts[row])));
    }
    if (others.size() <= kMaxShownValues) others.try_emplace(texts[row], row);
  }
  if (!others.empty() && std::ranges::find(out, 1) == out.end()) return no_positive(task, others);
  if (others.size() > 1) return unclear(task, others);
  return out;
}

}  // namespace

Reasoned<EvaluationSet> read_evaluation_set(std::string_view csv, const GateInput& input,
                                            const Needs& needs) {
  const BinaryTask task = input.binary.value_or(BinaryTask{});
  std::vector<ColumnSpec> wanted = input.features;
  if (needs.groups) {
    for (const std::string& group : task.group_columns)
      wanted.push_back({.name = group, .type = ColumnType::kString});
  }
  if (needs.labels) wanted.push_back({.name = task.label_column, .type = ColumnType::kString});
  SK_TRY(Table table, read_table(csv, wanted));

  EvaluationSet out;
  if (needs.labels) {
    const Column labels = take_text(table);
    Reasoned<std::vector<std::uint8_t>> read = read_labels(labels, task);
    if (!read) return tl::unexpected(std::move(read).error());
    out.labels = *std::move(read);
  }
  out.groups.resize(needs.groups ? task.group_columns.size() : 0);
  for (std::size_t i = out.groups.size(); i > 0; --i)
    out.groups[i - 1] = to_group(take_text(table));
  out.features = std::move(table);
  return out;
}

}  // namespace stagekeeper::gates
