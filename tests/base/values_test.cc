#include "base/clock.h"
#include "base/decimal.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

TEST_CASE("decimal: compares exactly and prints the shortest form") {
  CHECK(Decimal::parse("0.82").value() == Decimal::parse("0.820").value());
  CHECK(Decimal::parse("-1.5").value() < Decimal::parse("-1.499999999999").value());
  CHECK(Decimal::parse("0.300").value().str() == "0.3");
  CHECK((Decimal::parse("0.3").value() - Decimal::parse("0.1").value()) ==
        Decimal::parse("0.2").value());
  for (const char* bad :
       {"", ".5", "1.", "1e3", "+1", "0.1234567890123", "9999999999", "-", "1,5", " 1"}) {
    CAPTURE(bad);
    CHECK_FALSE(Decimal::parse(bad));
  }
}

TEST_CASE("decimal: rounds as printf does") {
  CHECK(Decimal::parse("0.81005").value().fixed(4) == "0.8100");
  CHECK(Decimal::parse("0.81015").value().fixed(4) == "0.8102");
  CHECK(Decimal::parse("-0.00001").value().fixed(4) == "0.0000");
  CHECK(Decimal::parse("12.96").value().fixed(1) == "13.0");
  CHECK(Decimal::parse("2.5").value().fixed(0) == "2");
}

TEST_CASE("decimal: from a double keeps 12 digits and refuses what is no number") {
  CHECK(Decimal::from_double(0.873123456789).value().str() == "0.873123456789");
  CHECK(Decimal::from_double(-4000000.25).value().str() == "-4000000.25");
  CHECK_FALSE(Decimal::from_double(std::nan("")));
  CHECK_FALSE(Decimal::from_double(INFINITY));
  CHECK_FALSE(Decimal::from_double(1e9));
}

TEST_CASE("time: prints and reads RFC 3339 in UTC") {
  const TimePoint t = parse_time("2026-03-03T09:15:00Z").value();
  CHECK(format_time(t) == "2026-03-03T09:15:00Z");
  CHECK(parse_time("2026-03-03T09:15:00.123456Z").value() == t);
  for (const char* bad :
       {"2026-02-30T00:00:00Z", "2026-03-03T24:00:00Z", "2026-03-03T09:15:00+01:00",
        "2026-03-03 09:15:00Z", "2026-03-03T09:15:00", "", "2026-03-03T09:15:00Zx"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time(bad));
  }
}

TEST_CASE("duration: the units of the CRDs, and an error that shows them") {
  CHECK(parse_duration("50ms").value() == std::chrono::milliseconds(50));
  CHECK(parse_duration("24h").value() == std::chrono::hours(24));
  for (const char* bad : {"", "5", "5d", "-5s", "5 s", "1.5h", "1234567s"}) {
    CAPTURE(bad);
    REQUIRE_FALSE(parse_duration(bad));
    CHECK(parse_duration(bad).error().message.find("write 50ms") != std::string::npos);
  }
}
