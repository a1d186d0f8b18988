#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::cli {

/// How output may look.
struct Style {
  bool plain = true;  ///< ASCII only and no colour: not a terminal, or NO_COLOR
};

/// A table whose columns are as wide as their widest cell. Names in records come from users, so
/// cells are escaped: no name can move the cursor or forge a line. Without rows the result is
/// empty.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] bool empty() const { return rows_.empty(); }

  /// Each line begins with `indent` spaces.
  [[nodiscard]] std::string str(std::size_t indent, const Style& style) const;

 private:
  using Line = std::vector<std::string>;

  [[nodiscard]] std::vector<std::size_t> widths(const std::vector<Line>& lines) const;

  Line header_;
  std::vector<Line> rows_;
};

/// A text in bold, green or red on a terminal, and as it is elsewhere.
std::string bold(std::string_view text, const Style& style);
std::string good(std::string_view text, const Style& style);
std::string bad(std::string_view text, const Style& style);

}  // namespace stagekeeper::cli
