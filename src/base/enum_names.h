#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace stagekeeper {

/// One row of an enum's table of names, which serves both directions:
///
///     constexpr EnumName<Colour> kColours[] = {{Colour::kRed, "Red"}, {Colour::kBlue, "Blue"}};
///     static_assert(names_all(kColours, Colour::kBlue));
///     std::string_view name(Colour colour) { return enum_name(kColours, colour); }
///     std::optional<Colour> colour(std::string_view text) { return enum_value(kColours, text); }
template <typename Enum>
struct EnumName {
  Enum value;
  std::string_view name;
};

/// The name of a value; "Unknown" for one that the table lacks.
template <typename Enum, std::size_t size>
constexpr std::string_view enum_name(const EnumName<Enum> (&table)[size], Enum value) {
  for (const EnumName<Enum>& row : table)
    if (row.value == value) return row.name;
  return "Unknown";
}

/// The value of a name, which is compared byte for byte.
template <typename Enum, std::size_t size>
constexpr std::optional<Enum> enum_value(const EnumName<Enum> (&table)[size],
                                         std::string_view name) {
  for (const EnumName<Enum>& row : table)
    if (row.name == name) return row.value;
  return std::nullopt;
}

/// Whether the table has every value from the first, 0, to `last` in their order, each with a name
/// of its own: for a static_assert, since no compiler warns of a row that is missing.
template <typename Enum, std::size_t size>
constexpr bool names_all(const EnumName<Enum> (&table)[size], Enum last) {
  if (size != static_cast<std::size_t>(last) + 1) return false;
  for (std::size_t i = 0; i < size; ++i) {
    if (static_cast<std::size_t>(table[i].value) != i || table[i].name.empty()) return false;
    for (std::size_t k = 0; k < i; ++k)
      if (table[k].name == table[i].name) return false;
  }
  return true;
}

}  // namespace stagekeeper
