#pragma once

#include "gates/reason.h"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::gates {

/// One field of a CSV row. Valid until the next row is read.
struct CsvField {
  std::string_view text;
  bool quoted = false;  ///< "" is an empty text, nothing at all is a missing value
};

/// Reads RFC 4180 rows from bytes in memory: quotes, doubled quotes, line breaks inside quotes, LF
/// or CRLF, an UTF-8 byte order mark skipped, the last line with or without its end. Not
/// thread-safe; borrows the bytes.
class CsvReader {
 public:
  /// `max_columns` bounds what one row may hold.
  CsvReader(std::string_view bytes, std::size_t max_columns);

  /// Fills `fields` with the next row; false at the end of the input.
  /// Reasons: TableInvalid (a stray or unclosed quote), TableTooLarge (more columns), naming the
  /// line.
  Reasoned<bool> next(std::vector<CsvField>& fields);

  /// The line, from 1, on which the last row began.
  [[nodiscard]] std::size_t line() const { return row_line_; }

 private:
  Reasoned<CsvField> field();
  Reasoned<CsvField> quoted_field();
  CsvField plain_field();
  bool take_row_end();
  [[nodiscard]] tl::unexpected<Reason> invalid(const char* what) const;

  std::string_view rest_;
  std::size_t max_columns_;
  std::size_t line_ = 1;
  std::size_t row_line_ = 0;
  std::deque<std::string> unescaped_;  // texts of this row that had doubled quotes
};

}  // namespace stagekeeper::gates
