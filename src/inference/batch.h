#pragma once

#include "gates/table.h"

#include <cstddef>
#include <string>

namespace stagekeeper::inference {

/// What one request may carry.
struct BatchLimits {
  std::size_t rows = 500;
  std::size_t bytes = std::size_t{1} << 20U;
};

/// A request body and how many rows stand in it.
struct Batch {
  std::string body;
  std::size_t rows = 0;
};

/// A JSON string. Assumptions: UTF-8; other bytes would be replaced.
void append_string(std::string& out, const std::string& text);

/// One value as JSON: null where it is missing; of a double or float always with a point or an
/// exponent, or a reader would take a batch of whole amounts for integers.
void append_value(std::string& out, const gates::Column& column, std::size_t row);

/// `[value, …]`, in the order of the columns.
void append_row(std::string& out, const gates::Table& table, std::size_t row);

/// `{"column": value, …}`.
void append_record(std::string& out, const gates::Table& table, std::size_t row);

/// `["column", …]`.
void append_names(std::string& out, const gates::Table& table);

/// Appends rows from `begin` on, separated by commas, until a limit is reached, `out` included: at
/// least one. Returns how many.
std::size_t append_rows(std::string& out, const gates::Table& table, std::size_t begin,
                        const BatchLimits& limits,
                        void (*append)(std::string&, const gates::Table&, std::size_t));

}  // namespace stagekeeper::inference
