#include "gates/csv.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::gates {

CsvReader::CsvReader(std::string_view bytes, std::size_t max_columns)
    : rest_(bytes), max_columns_(max_columns) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
}

Reasoned<bool> CsvReader::next(std::vector<CsvField>& fields) {
  fields.clear();
  unescaped_.clear();
  row_line_ = line_;
  if (rest_.empty()) return false;
  while (true) {
    if (fields.size() == max_columns_) {
      return because("TableTooLarge",
                     fmt::format("line {} has more than {} columns", row_line_, max_columns_));
    }
    Reasoned<CsvField> read = field();
    if (!read) return tl::unexpected(read.error());
    fields.push_back(*read);
    if (take_row_end()) return true;
    if (rest_.front() != ',') return invalid("text after a closing quote");
    rest_.remove_prefix(1);
  }
}

Reasoned<CsvField> CsvReader::field() {
  if (rest_.starts_with('"')) return quoted_field();
  const CsvField read = plain_field();
  if (read.text.find('"') != std::string_view::npos)
    return invalid("a quote inside a field that does not begin with one");
  return read;
}

CsvField CsvReader::plain_field() {
  std::string_view text = rest_.substr(0, std::min(rest_.find_first_of(",\n"), rest_.size()));
  const bool ends_row = text.size() == rest_.size() || rest_[text.size()] == '\n';
  // The CR of a CRLF stays for take_row_end.
  if (ends_row && text.ends_with('\r')) text.remove_suffix(1);
  rest_.remove_prefix(text.size());
  return CsvField{.text = text};
}

Reasoned<CsvField> CsvReader::quoted_field() {
  rest_.remove_prefix(1);
  std::string* joined = nullptr;  // set once a doubled quote forces a copy
  while (true) {
    const std::size_t quote = rest_.find('"');
    if (quote == std::string_view::npos) return invalid("a quote that is never closed");
    const std::string_view piece = rest_.substr(0, quote);
    line_ += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '\n'));
    rest_.remove_prefix(quote + 1);
    if (joined != nullptr) joined->append(piece);
    if (!rest_.starts_with('"')) {
      return CsvField{.text = joined != nullptr ? std::string_view(*joined) : piece,
                      .quoted = true};
    }
    if (joined == nullptr) joined = &unescaped_.emplace_back(piece);
    joined->push_back('"');
    rest_.remove_prefix(1);
  }
}

bool CsvReader::take_row_end() {
  if (rest_.empty()) return true;
  const std::size_t length = rest_.starts_with("\r\n") ? 2 : rest_.front() == '\n' ? 1 : 0;
  // A CR as the very last byte ends the row too: half of a CRLF that was cut.
  if (length == 0 && rest_ != "\r") return false;
  rest_.remove_prefix(length == 0 ? 1 : length);
  ++line_;
  return true;
}

tl::unexpected<Reason> CsvReader::invalid(const char* what) const {
  return because("TableInvalid", fmt::format("the row of line {} has {}", row_line_, what));
}

}  // namespace stagekeeper::gates
