#include "operator/cli/text.h"

#include "base/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::cli {
namespace {

std::string coloured(std::string_view text, std::string_view code, const Style& style) {
  if (style.plain) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

}  // namespace

std::vector<std::size_t> Table::widths(const std::vector<Line>& lines) const {
  std::vector<std::size_t> out(header_.size(), 0);
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < out.size() && i < line.size(); ++i)
      out[i] = std::max(out[i], display_width(line[i]));
  }
  return out;
}

std::string Table::str(std::size_t indent, const Style& style) const {
  if (rows_.empty()) return {};
  std::vector<Line> lines = {header_};
  for (const Line& row : rows_) {
    Line& line = lines.emplace_back();
    for (const std::string& cell : row)
      line.push_back(cell.empty() ? "-" : escaped(cell));
  }
  const std::vector<std::size_t> wide = widths(lines);
  std::string out;
  for (const Line& line : lines) {
    std::string text(indent, ' ');
    for (std::size_t i = 0; i < wide.size() && i < line.size(); ++i) {
      if (i > 0) text += "  ";
      text += line[i];
      if (i + 1 < wide.size()) text.append(wide[i] - display_width(line[i]), ' ');
    }
    out += (&line == &lines.front() ? bold(text, style) : text) + "\n";
  }
  return out;
}

std::string bold(std::string_view text, const Style& style) {
  return coloured(text, "1", style);
}

std::string good(std::string_view text, const Style& style) {
  return coloured(text, "32", style);
}

std::string bad(std::string_view text, const Style& style) {
  return coloured(text, "31", style);
}

}  // namespace stagekeeper::cli
