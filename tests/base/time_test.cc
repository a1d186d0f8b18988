#include "base/clock.h"

#include <doctest/doctest.h>

#include <string_view>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

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

TEST_CASE("time: MicroTime has six digits of a second and reads back") {
  const TimePoint t = parse_time("2026-03-03T09:15:00Z").value();
  CHECK(format_micro_time(t) == "2026-03-03T09:15:00.000000Z");
  CHECK(parse_time(format_micro_time(t)).value() == t);
}

TEST_CASE("time: reads the HTTP date that RFC 9110 prefers, and no other form") {
  CHECK(format_time(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").value()) ==
        "1994-11-06T08:49:37Z");
  CHECK(format_time(parse_http_date("Thu, 31 Dec 2026 23:59:59 GMT").value()) ==
        "2026-12-31T23:59:59Z");
  for (const char* bad : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                          "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37 GMT ",
                          "Sun, 06 ovD 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                          "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
                          "Sun,x06xNovx1994x08:49:37xGMT", "Sun, 06 Nov 1994 08:49:37.5GMT"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_http_date(bad));
  }
}

TEST_CASE("time: Retry-After is seconds or a date beside the answer's own date, within a limit") {
  using std::chrono::seconds;
  constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
  const auto wait = [&](std::string_view value) {
    return parse_retry_after(value, kDate, seconds(600));
  };
  CHECK(wait("0") == seconds(0));
  CHECK(wait("7") == seconds(7));
  CHECK(wait("601") == seconds(600));
  CHECK(wait("Sun, 06 Nov 1994 08:49:40 GMT") == seconds(3));
  CHECK(wait("Mon, 07 Nov 1994 08:49:40 GMT") == seconds(600));
  CHECK(wait("Sun, 06 Nov 1994 08:49:30 GMT") == seconds(0));
  CHECK_FALSE(parse_retry_after("Sun, 06 Nov 1994 08:49:40 GMT", "", seconds(600)));
  for (const char* bad : {"", "-1", "+1", "1.5", "5 s", "soon", "99999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(wait(bad));
  }
}
