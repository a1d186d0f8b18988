#include "gates/evaluation_set.h"

#include <fmt/format.h>
#include <utility>

namespace stagekeeper::gates {
namespace {

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

}  // namespace

Reasoned<EvaluationSet> read_evaluation_set(std::string_view csv, const GateInput& input) {
  std::vector<ColumnSpec> wanted = input.features;
  for (const std::string& group : input.group_columns)
    wanted.push_back({.name = group, .type = ColumnType::kString});
  wanted.push_back({.name = input.label_column, .type = ColumnType::kString});
  SK_TRY(Table table, read_table(csv, wanted));

  EvaluationSet out;
  const Column label = take_text(table);
  const auto& texts = std::get<std::vector<std::string>>(label.values);
  out.labels.reserve(texts.size());
  for (std::size_t row = 0; row < texts.size(); ++row) {
    if (label.missing[row] != 0) {
      return because("MissingLabel",
                     fmt::format("row {} has no value in the label column {}", row, label.name));
    }
    out.labels.push_back(texts[row] == input.positive_label ? 1 : 0);
  }
  out.groups.resize(input.group_columns.size());
  for (std::size_t i = out.groups.size(); i > 0; --i)
    out.groups[i - 1] = to_group(take_text(table));
  out.features = std::move(table);
  return out;
}

}  // namespace stagekeeper::gates
