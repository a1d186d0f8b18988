#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <type_traits>

namespace stagekeeper {

/// The whole text as a number, as std::from_chars reads it (no white space, no '+', no locale).
/// Nothing when something follows or the value does not fit. A double may be "inf" or "nan".
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the end is given
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

/// The whole text as a whole number, 0 or more, in the one way of writing it: digits alone, no
/// sign, no leading zero but in "0" itself. Nothing for anything else and for what does not fit.
template <typename Int>
std::optional<Int> whole_number(std::string_view text) {
  static_assert(std::is_integral_v<Int> && !std::is_same_v<Int, bool>);
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  if (text.front() == '0' && text.size() > 1) return std::nullopt;
  return parse_number<Int>(text);
}

}  // namespace stagekeeper
