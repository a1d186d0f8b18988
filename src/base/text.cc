#include "base/text.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <iterator>
#include <optional>
#include <utf8.h>

namespace stagekeeper {
namespace {

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Takes the first code point off the text. Nothing, with one byte taken off, for what is no UTF-8.
std::optional<std::uint32_t> take(std::string_view& text) {
  constexpr std::size_t kLongest = 4;
  const std::string_view window = text.substr(0, kLongest);
  const char* next = window.begin();
  if (utf8::find_invalid(window.begin(), window.end()) == next) {
    text.remove_prefix(1);
    return std::nullopt;
  }
  const std::uint32_t point = utf8::unchecked::next(next);
  text.remove_prefix(static_cast<std::size_t>(next - window.begin()));
  return point;
}

bool is_control(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0);
}

/// Characters that change how a terminal shows the others: joiners, marks of direction, separators
/// of lines, byte order marks.
bool is_invisible(std::uint32_t point) {
  return point == 0x061C || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x2069) ||
         point == 0xFEFF;
}

bool is_blank(std::uint32_t point) {
  return point == '\t' || point == '\n' || point == '\r';
}

template <typename Parts>
std::string join_parts(const Parts& parts, std::string_view separator, bool skip_empty) {
  std::string out;
  bool first = true;
  for (const std::string_view part : parts) {
    if (skip_empty && part.empty()) continue;
    if (!first) out += separator;
    out += part;
    first = false;
  }
  return out;
}

}  // namespace

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    c = lower_ascii(c);
  return out;
}

bool is_utf8(std::string_view bytes) {
  return utf8::is_valid(bytes.begin(), bytes.end());
}

std::string cut_utf8(std::string_view text, std::size_t max_bytes, CutMark mark) {
  if (text.size() <= max_bytes) return std::string(text);
  const bool marked = mark == CutMark::kEllipsis && max_bytes >= kEllipsis.size();
  std::size_t end = marked ? max_bytes - kEllipsis.size() : max_bytes;
  // Back to the first byte of the code point that the limit falls into.
  while (end > 0 && is_continuation(text[end]))
    --end;
  std::string out(text.substr(0, end));
  if (marked) out += kEllipsis;
  return out;
}

std::string printable(std::string_view text, std::size_t max_bytes, CutMark mark) {
  std::string out;
  std::string_view rest = text;
  // One byte beyond the limit is enough to know that the text has to be cut.
  while (!rest.empty() && out.size() <= max_bytes) {
    const std::string_view from = rest;
    const std::optional<std::uint32_t> point = take(rest);
    if (point && is_blank(*point)) {
      out += ' ';
    } else if (!point || is_control(*point) || is_invisible(*point)) {
      out += '?';
    } else {
      out += from.substr(0, from.size() - rest.size());
    }
  }
  return cut_utf8(out, max_bytes, mark);
}

std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view from = text;
    const std::optional<std::uint32_t> point = take(text);
    if (!point || *point < 0x20 || *point == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(from.front()));
    } else if (is_control(*point) || is_invisible(*point)) {
      out += fmt::format("\\u{{{:x}}}", *point);
    } else {
      out += from.substr(0, from.size() - text.size());
    }
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

std::u16string utf16(std::string_view text) {
  if (!is_utf8(text)) return {};
  std::u16string out;
  utf8::unchecked::utf8to16(text.begin(), text.end(), std::back_inserter(out));
  return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return join_parts(parts, separator, false);
}

std::string join(std::initializer_list<std::string_view> parts, std::string_view separator) {
  return join_parts(parts, separator, false);
}

std::string join_filled(std::initializer_list<std::string_view> parts, std::string_view separator) {
  return join_parts(parts, separator, true);
}

}  // namespace stagekeeper
