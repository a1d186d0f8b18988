#pragma once

#include "gates/reason.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stagekeeper::gates {

/// Types of a model signature's inputs.
enum class ColumnType { kDouble, kFloat, kLong, kInteger, kString, kBoolean };

/// The name as a signature writes it: double, float, long, integer, string, boolean.
std::string_view name(ColumnType type);
std::optional<ColumnType> column_type(std::string_view name);

/// A column that somebody asks for.
struct ColumnSpec {
  std::string name;
  ColumnType type = ColumnType::kDouble;
  bool required = true;  ///< the column must exist; single values may be missing all the same
  friend bool operator==(const ColumnSpec&, const ColumnSpec&) = default;
};

/// Values of one column; numbers of kLong, kInteger and kBoolean (0, 1) are integers.
struct Column {
  std::string name;
  ColumnType type = ColumnType::kDouble;
  std::variant<std::vector<double>, std::vector<std::int64_t>, std::vector<std::string>> values;
  std::vector<std::uint8_t> missing;  ///< 1 where the row has no value; its entry in values is void
};

struct Table {
  std::size_t rows = 0;
  std::vector<Column> columns;  ///< those asked for that exist, in the order asked
};

/// A table of those rows alone, in that order; each below table.rows.
Table pick_rows(const Table& table, std::span<const std::uint64_t> rows);

/// What a table from outside may be at most.
struct TableLimits {
  std::size_t bytes = std::size_t{256} << 20U;
  std::size_t rows = 1'000'000;
  std::size_t columns = 20'000;
  std::size_t cells = 50'000'000;  ///< rows × columns asked for: bounds the memory
  std::size_t field_bytes = 4096;  ///< of the columns asked for; others may be longer
};

/// Reads CSV with a header line into typed columns. A field with nothing in it is a missing value;
/// `""` is an empty string, or a missing number. Numbers have no spaces, no leading plus and are
/// finite; whole ones may end with ".0"; booleans are true, false (any usual case), 1, 0; strings
/// are UTF-8. Empty lines at the end are skipped.
///
/// Reasons, with line and column but never a value: TableInvalid (no CSV, syntax, a row longer or
/// shorter than the header, a repeated column, a value that is not of its type), TableTooLarge,
/// MissingColumn (with the header that was found), NoRows.
Reasoned<Table> read_table(std::string_view csv, const std::vector<ColumnSpec>& wanted,
                           const TableLimits& limits = {});

}  // namespace stagekeeper::gates
