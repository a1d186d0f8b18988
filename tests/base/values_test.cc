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
