#include "operator/cli/text.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>

namespace stagekeeper::cli {
namespace {

/// The code point at a position and its length in bytes; length 0 for what is no UTF-8.
struct Decoded {
  std::uint32_t point = 0;
  std::size_t length = 0;
};

Decoded decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (length == 0 || lead > 0xF4 || text.size() < length) return {};
  std::uint32_t point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0U) != 0x80U) return {};
    point = (point << 6U) | (byte & 0x3FU);
  }
  return {point, length};
}

/// Characters that change how a terminal shows the others.
bool is_dangerous(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x061C ||
         (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
         (point >= 0x2060 && point <= 0x2069) || point == 0xFEFF;
}

/// Characters on the screen: good enough for names, which are Latin in all that we make ourselves.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string coloured(std::string_view text, std::string_view code, const Style& style) {
  if (style.plain) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const Decoded next = decode(text.substr(i));
    if (next.length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
      ++i;
      continue;
    }
    if (is_dangerous(next.point)) {
      out += next.point < 0x80 ? fmt::format("\\x{:02x}", next.point)
                               : fmt::format("\\u{{{:x}}}", next.point);
    } else {
      out += text.substr(i, next.length);
    }
    i += next.length;
  }
  return out;
}

std::vector<std::size_t> Table::widths(const std::vector<Line>& lines) const {
  std::vector<std::size_t> out(header_.size(), 0);
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < out.size() && i < line.size(); ++i)
      out[i] = std::max(out[i], width(line[i]));
  }
  return out;
}

std::string Table::str(std::size_t indent, const Style& style) const {
  if (rows_.empty()) return {};
  std::vector<Line> lines = {header_};
  for (const Line& row : rows_) {
    Line& line = lines.emplace_back();
    for (const std::string& cell : row)
      line.push_back(cell.empty() ? "-" : printable(cell));
  }
  const std::vector<std::size_t> wide = widths(lines);
  std::string out;
  for (const Line& line : lines) {
    std::string text(indent, ' ');
    for (std::size_t i = 0; i < wide.size() && i < line.size(); ++i) {
      if (i > 0) text += "  ";
      text += line[i];
      if (i + 1 < wide.size()) text.append(wide[i] - width(line[i]), ' ');
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
