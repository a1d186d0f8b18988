#include "base/enum_names.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

namespace {

enum class Colour { kRed, kBlue, kGreen };

constexpr EnumName<Colour> kColours[] = {
    {Colour::kRed, "Red"}, {Colour::kBlue, "Blue"}, {Colour::kGreen, "Green"}};
constexpr EnumName<Colour> kShort[] = {{Colour::kRed, "Red"}, {Colour::kBlue, "Blue"}};
constexpr EnumName<Colour> kTwice[] = {
    {Colour::kRed, "Red"}, {Colour::kBlue, "Red"}, {Colour::kGreen, "Green"}};
constexpr EnumName<Colour> kOutOfOrder[] = {
    {Colour::kRed, "Red"}, {Colour::kGreen, "Green"}, {Colour::kBlue, "Blue"}};
constexpr EnumName<Colour> kNameless[] = {
    {Colour::kRed, "Red"}, {Colour::kBlue, ""}, {Colour::kGreen, "Green"}};

static_assert(enum_name(kColours, Colour::kBlue) == "Blue");
static_assert(enum_value(kColours, "Green") == Colour::kGreen);

}  // namespace

TEST_CASE("enum names: one table serves both directions") {
  for (const EnumName<Colour>& row : kColours) {
    CAPTURE(row.name);
    CHECK(enum_name(kColours, row.value) == row.name);
    CHECK(enum_value(kColours, row.name) == row.value);
  }
  CHECK(enum_name(kShort, Colour::kGreen) == "Unknown");
  CHECK_FALSE(enum_value(kColours, "red"));
  CHECK_FALSE(enum_value(kColours, ""));
}

TEST_CASE("enum names: a table is complete with each value once, in order, under its own name") {
  CHECK(names_all(kColours, Colour::kGreen));
  CHECK_FALSE(names_all(kShort, Colour::kGreen));
  CHECK_FALSE(names_all(kTwice, Colour::kGreen));
  CHECK_FALSE(names_all(kOutOfOrder, Colour::kGreen));
  CHECK_FALSE(names_all(kNameless, Colour::kGreen));
}
