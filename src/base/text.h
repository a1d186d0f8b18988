#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper {

/// A-Z as a-z, whatever the locale.
constexpr char lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// With A-Z as a-z; every other byte stays, whatever the locale.
std::string lower_ascii(std::string_view text);

/// Whether the bytes are well-formed UTF-8: no overlong forms, no surrogates, at most U+10FFFF.
bool is_utf8(std::string_view bytes);

/// What stands at the end of a text that was cut.
enum class CutMark {
  kNone,
  kEllipsis,  ///< "…", within the limit; left out where even that has no room
};

/// At most `max_bytes` of the text, cut between code points and never within one.
std::string cut_utf8(std::string_view text, std::size_t max_bytes, CutMark mark = CutMark::kNone);

/// Text from outside made fit for one line of a message, log or condition: a tab or a line break
/// becomes a space; other control characters, bytes that are no UTF-8, and invisible or
/// bidirectional marks become '?'. Cut at `max_bytes`, between code points.
std::string printable(std::string_view text, std::size_t max_bytes, CutMark mark = CutMark::kNone);

/// Like printable, but tells what was there: \xNN for control characters and stray bytes,
/// \u{…} for invisible and bidirectional marks. Nothing is cut.
std::string escaped(std::string_view text);

/// Characters that the text takes on a terminal, counted as code points: good enough for Latin.
std::size_t display_width(std::string_view text);

/// The UTF-16 code units of valid UTF-8, the sort key of RFC 8785 §3.2.3. Empty for anything else.
std::u16string utf16(std::string_view text);

/// The parts with a separator between them. Empty parts count: join({"a", "", "b"}, ",") is "a,,b".
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string join(std::initializer_list<std::string_view> parts, std::string_view separator);

/// As join, without the empty parts.
std::string join_filled(std::initializer_list<std::string_view> parts, std::string_view separator);

}  // namespace stagekeeper
