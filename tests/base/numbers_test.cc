#include "base/numbers.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

TEST_CASE("number: a whole number has one way of being written") {
  CHECK(whole_number<int>("0") == 0);
  CHECK(whole_number<int>("42") == 42);
  CHECK(whole_number<std::uint64_t>("18446744073709551615") == UINT64_MAX);
  for (const char* bad : {"", "-1", "-0", "+1", " 1", "1 ", "01", "00", "1x", "0x1", "1e3", "1.0",
                          "18446744073709551616", "\xC2\xB2"}) {
    CAPTURE(bad);
    CHECK_FALSE(whole_number<std::uint64_t>(bad));
    CHECK_FALSE(whole_number<std::int64_t>(bad));
  }
}

TEST_CASE("number: what does not fit its type is none") {
  CHECK(whole_number<std::uint16_t>("65535") == 65535);
  CHECK_FALSE(whole_number<std::uint16_t>("65536"));
  CHECK(whole_number<std::int64_t>("9223372036854775807") == INT64_MAX);
  CHECK_FALSE(whole_number<std::int64_t>("9223372036854775808"));
  CHECK_FALSE(whole_number<int>("2147483648"));
}

TEST_CASE("number: the whole text or nothing") {
  CHECK(parse_number<std::int64_t>("-7") == -7);
  CHECK(parse_number<double>("0.25") == 0.25);
  CHECK(parse_number<double>("-1e-3") == -0.001);
  for (const char* bad : {"", "1,5", "1.5.", "+1", " 1", "1\n", "x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_number<double>(bad));
  }
  CHECK_FALSE(parse_number<double>("1e999"));
}
