#include "inference/batch.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <fmt/format.h>
#include <iterator>

namespace stagekeeper::inference {
namespace {

using gates::Column;
using gates::ColumnType;
using nlohmann::json;

void append_double(std::string& out, double value) {
  const std::size_t begin = out.size();
  fmt::format_to(std::back_inserter(out), "{}", value);
  if (out.find_first_of(".e", begin) == std::string::npos) out += ".0";
}

}  // namespace

void append_string(std::string& out, const std::string& text) {
  out += json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

void append_value(std::string& out, const Column& column, std::size_t row) {
  if (column.missing[row] != 0) {
    out += "null";
  } else if (const auto* doubles = std::get_if<std::vector<double>>(&column.values)) {
    append_double(out, (*doubles)[row]);
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&column.values)) {
    append_string(out, (*texts)[row]);
  } else {
    const std::int64_t value = std::get<std::vector<std::int64_t>>(column.values)[row];
    if (column.type == ColumnType::kBoolean) {
      out += value != 0 ? "true" : "false";
    } else {
      fmt::format_to(std::back_inserter(out), "{}", value);
    }
  }
}

void append_row(std::string& out, const gates::Table& table, std::size_t row) {
  out += '[';
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ',';
    append_value(out, table.columns[i], row);
  }
  out += ']';
}

void append_record(std::string& out, const gates::Table& table, std::size_t row) {
  out += '{';
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ',';
    append_string(out, table.columns[i].name);
    out += ':';
    append_value(out, table.columns[i], row);
  }
  out += '}';
}

void append_names(std::string& out, const gates::Table& table) {
  out += '[';
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ',';
    append_string(out, table.columns[i].name);
  }
  out += ']';
}

std::size_t append_rows(std::string& out, const gates::Table& table, std::size_t begin,
                        const BatchLimits& limits,
                        void (*append)(std::string&, const gates::Table&, std::size_t)) {
  std::size_t rows = 0;
  while (begin + rows < table.rows && rows < limits.rows &&
         (rows == 0 || out.size() < limits.bytes)) {
    if (rows > 0) out += ',';
    append(out, table, begin + rows);
    ++rows;
  }
  return rows;
}

}  // namespace stagekeeper::inference
