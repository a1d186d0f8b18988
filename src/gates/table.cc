#include "gates/table.h"

#include "base/enum_names.h"
#include "base/numbers.h"
#include "base/result.h"
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

constexpr std::size_t kMaxHeaderShown = 120;

std::optional<double> parse_double(std::string_view text, ColumnType type) {
  const std::optional<double> value = parse_number<double>(text);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  const bool fits = type == ColumnType::kDouble ||
                    std::fabs(*value) <= static_cast<double>(std::numeric_limits<float>::max());
  return fits ? value : std::nullopt;
}

/// "3.0" as "3": what is written for whole numbers as soon as one value of their column is missing.
std::string_view without_zeros(std::string_view text) {
  const std::size_t point = text.find('.');
  const bool zeros = point != std::string_view::npos && point > 0 && point + 1 < text.size() &&
                     text.find_first_not_of('0', point + 1) == std::string_view::npos;
  return zeros ? text.substr(0, point) : text;
}

std::optional<std::int64_t> parse_integer(std::string_view text, ColumnType type) {
  if (type == ColumnType::kBoolean) {
    if (text == "true" || text == "True" || text == "TRUE" || text == "1") return 1;
    if (text == "false" || text == "False" || text == "FALSE" || text == "0") return 0;
    return std::nullopt;
  }
  const std::optional<std::int64_t> value = parse_number<std::int64_t>(without_zeros(text));
  const bool fits =
      value && (type == ColumnType::kLong || (*value >= std::numeric_limits<std::int32_t>::min() &&
                                              *value <= std::numeric_limits<std::int32_t>::max()));
  return fits ? value : std::nullopt;
}

/// Appends one field to its column; false when it is not of the column's type.
bool append(Column& column, const CsvField& field) {
  // Writers that quote everything put "" where a number is missing.
  const bool missing = field.text.empty() && (!field.quoted || column.type != ColumnType::kString);
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

/// The header for a message: separators other than a comma show in it.
std::string shown_header(const std::vector<CsvField>& header) {
  std::string out;
  for (const CsvField& field : header) {
    if (out.size() > kMaxHeaderShown) break;
    if (!out.empty()) out += ',';
    out += field.text;
  }
  return '"' + printable(out, kMaxHeaderShown, CutMark::kEllipsis) + '"';
}

/// Why these bytes are no CSV at all, or null.
const char* other_format(std::string_view bytes) {
  if (bytes.starts_with("\x1F\x8B")) return "the file is compressed (gzip): unpack it";
  if (bytes.starts_with("PK\x03\x04"))
    return "the file is a ZIP archive or a spreadsheet: save it as CSV";
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF"))
    return "the file is UTF-16: save it as UTF-8";
  if (bytes.starts_with("PAR1")) return "the file is Parquet: save it as CSV";
  const bool old_lines = bytes.find('\n') == std::string_view::npos &&
                         bytes.substr(0, bytes.size() - 1).find('\r') != std::string_view::npos;
  return old_lines ? "the lines end with CR alone: save the file with LF" : nullptr;
}

/// A line with nothing in it, in a table of several columns.
bool is_blank(const std::vector<CsvField>& fields, std::size_t width) {
  return width > 1 && fields.size() == 1 && fields[0].text.empty() && !fields[0].quoted;
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
      return because("MissingColumn", fmt::format("the table has no column {}; its header: {}",
                                                  spec.name, shown_header(header)));
    }
  }
  return out;
}

/// Appends the wanted fields of one row.
Reasoned<void> append_row(Layout& layout, const std::vector<CsvField>& fields, std::size_t line,
                          std::size_t max_bytes) {
  for (std::size_t i = 0; i < layout.table.columns.size(); ++i) {
    Column& column = layout.table.columns[i];
    const CsvField& field = fields[layout.positions[i]];
    if (field.text.size() > max_bytes) {
      return because("TableTooLarge", fmt::format("line {}, column {}: longer than {} bytes", line,
                                                  column.name, max_bytes));
    }
    if (!append(column, field)) {
      return because("TableInvalid", fmt::format("line {}, column {}: not a valid {}", line,
                                                 column.name, name(column.type)));
    }
  }
  return {};
}

/// Everything after the header, of rows that are `width` fields wide.
Reasoned<void> read_rows(CsvReader& reader, std::size_t width, const TableLimits& limits,
                         Layout& layout) {
  Table& table = layout.table;
  std::vector<CsvField> fields;
  std::size_t blank = 0;  // the first empty line after the last row
  while (true) {
    SK_TRY(const bool more, reader.next(fields));
    if (!more) return {};
    if (is_blank(fields, width)) {
      if (blank == 0) blank = reader.line();
      continue;
    }
    if (blank != 0) return because("TableInvalid", fmt::format("line {} is empty", blank));
    if (fields.size() != width) {
      return because("TableInvalid", fmt::format("line {} has {} fields, the header has {}",
                                                 reader.line(), fields.size(), width));
    }
    ++table.rows;
    if (table.rows > limits.rows || table.rows * table.columns.size() > limits.cells) {
      return because("TableTooLarge",
                     fmt::format("more than {} rows or {} cells", limits.rows, limits.cells));
    }
    SK_CHECK_OK(append_row(layout, fields, reader.line(), limits.field_bytes));
  }
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
  if (csv.empty()) return because("NoRows", "the table is empty: no header line");
  if (const char* other = other_format(csv)) return because("TableInvalid", other);
  CsvReader reader(csv, limits.columns);
  std::vector<CsvField> header;
  SK_CHECK_OK(reader.next(header));
  SK_TRY(Layout layout, lay_out(header, wanted));
  SK_CHECK_OK(read_rows(reader, header.size(), limits, layout));
  if (layout.table.rows == 0) return because("NoRows", "the table has a header and no rows");
  return std::move(layout.table);
}

Table pick_rows(const Table& table, std::span<const std::uint64_t> rows) {
  const auto picked = [rows](const auto& all) {
    std::remove_cvref_t<decltype(all)> out;
    out.reserve(rows.size());
    for (const std::uint64_t row : rows)
      out.push_back(all[row]);
    return out;
  };
  Table out{.rows = rows.size()};
  for (const Column& column : table.columns) {
    out.columns.push_back(
        {.name = column.name,
         .type = column.type,
         .values = std::visit([&](const auto& all) { return decltype(column.values)(picked(all)); },
                              column.values),
         .missing = picked(column.missing)});
  }
  return out;
}

}  // namespace stagekeeper::gates
