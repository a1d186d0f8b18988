#include "gates/table.h"

#include "base/enum_names.h"
#include "base/numbers.h"
#include "base/text.h"
#include "gates/csv.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <set>

namespace stagekeeper::gates {
namespace {

constexpr EnumName<ColumnType> kTypes[] = {
    {ColumnType::kDouble, "double"}, {ColumnType::kFloat, "float"},
    {ColumnType::kLong, "long"},     {ColumnType::kInteger, "integer"},
    {ColumnType::kString, "string"}, {ColumnType::kBoolean, "boolean"}};
static_assert(names_all(kTypes, ColumnType::kBoolean));

std::optional<double> parse_double(std::string_view text, ColumnType type) {
  const std::optional<double> value = parse_number<double>(text);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  const bool fits = type == ColumnType::kDouble ||
                    std::fabs(*value) <= static_cast<double>(std::numeric_limits<float>::max());
  return fits ? value : std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text, ColumnType type) {
  if (type == ColumnType::kBoolean) {
    if (text == "true" || text == "True" || text == "TRUE" || text == "1") return 1;
    if (text == "false" || text == "False" || text == "FALSE" || text == "0") return 0;
    return std::nullopt;
  }
  const std::optional<std::int64_t> value = parse_number<std::int64_t>(text);
  const bool fits =
      value && (type == ColumnType::kLong || (*value >= std::numeric_limits<std::int32_t>::min() &&
                                              *value <= std::numeric_limits<std::int32_t>::max()));
  return fits ? value : std::nullopt;
}

/// Appends one field to its column; false when it is not of the column's type.
bool append(Column& column, const CsvField& field) {
  const bool missing = field.text.empty() && !field.quoted;
  column.missing.push_back(missing ? 1 : 0);
  switch (column.type) {
    case ColumnType::kDouble:
    case ColumnType::kFloat: {
      const std::optional<double> value =
          missing ? std::optional(0.0) : parse_double(field.text, column.type);
      std::get<std::vector<double>>(column.values).push_back(value.value_or(0));
      return value.has_value();
    }
    case ColumnType::kLong:
    case ColumnType::kInteger:
    case ColumnType::kBoolean: {
      const std::optional<std::int64_t> value =
          missing ? std::optional<std::int64_t>(0) : parse_integer(field.text, column.type);
      std::get<std::vector<std::int64_t>>(column.values).push_back(value.value_or(0));
      return value.has_value();
    }
    case ColumnType::kString:
      std::get<std::vector<std::string>>(column.values).emplace_back(field.text);
      return is_utf8(field.text);
  }
  return false;
}

Column empty_column(const ColumnSpec& spec) {
  Column column;
  column.name = spec.name;
  column.type = spec.type;
  if (spec.type == ColumnType::kString) {
    column.values = std::vector<std::string>();
  } else if (spec.type != ColumnType::kDouble && spec.type != ColumnType::kFloat) {
    column.values = std::vector<std::int64_t>();
  }
  return column;
}

/// Where each wanted column stands in a row, and the table with its columns still empty.
struct Layout {
  std::vector<std::size_t> positions;
  Table table;
};

Reasoned<Layout> lay_out(const std::vector<CsvField>& header,
                         const std::vector<ColumnSpec>& wanted) {
  std::set<std::string_view> seen;
  for (const CsvField& field : header) {
    if (!seen.insert(field.text).second) {
      return because("TableInvalid",
                     fmt::format("the header repeats a column: {}", printable(field.text, 64)));
    }
  }
  Layout out;
  for (const ColumnSpec& spec : wanted) {
    std::size_t position = 0;
    while (position < header.size() && header[position].text != spec.name)
      ++position;
    if (position < header.size()) {
      out.positions.push_back(position);
      out.table.columns.push_back(empty_column(spec));
    } else if (spec.required) {
      return because("MissingColumn", fmt::format("the table has no column {}", spec.name));
    }
  }
  return out;
}

}  // namespace

std::string_view name(ColumnType type) {
  return enum_name(kTypes, type);
}

std::optional<ColumnType> column_type(std::string_view name) {
  return enum_value(kTypes, name);
}

Reasoned<Table> read_table(std::string_view csv, const std::vector<ColumnSpec>& wanted,
                           const TableLimits& limits) {
  if (csv.size() > limits.bytes) {
    return because("TableTooLarge", fmt::format("{} bytes, at most {}", csv.size(), limits.bytes));
  }
  CsvReader reader(csv, limits.columns, limits.field_bytes);
  std::vector<CsvField> fields;
  Reasoned<bool> more = reader.next(fields);
  if (!more) return tl::unexpected(more.error());
  if (!*more) return because("NoRows", "the table is empty: no header line");
  SK_TRY(Layout layout, lay_out(fields, wanted));
  Table& table = layout.table;
  const std::size_t width = fields.size();
  while (true) {
    more = reader.next(fields);
    if (!more) return tl::unexpected(more.error());
    if (!*more) break;
    if (fields.size() != width) {
      return because("TableInvalid", fmt::format("line {} has {} fields, the header has {}",
                                                 reader.line(), fields.size(), width));
    }
    ++table.rows;
    if (table.rows > limits.rows || table.rows * table.columns.size() > limits.cells) {
      return because("TableTooLarge",
                     fmt::format("more than {} rows or {} cells", limits.rows, limits.cells));
    }
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      Column& column = table.columns[i];
      if (!append(column, fields[layout.positions[i]])) {
        return because("TableInvalid", fmt::format("line {}, column {}: not a valid {}",
                                                   reader.line(), column.name, name(column.type)));
      }
    }
  }
  if (table.rows == 0) return because("NoRows", "the table has a header and no rows");
  return std::move(table);
}

}  // namespace stagekeeper::gates
