#include "base/clock.h"

#include <charconv>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

/// Reads exactly `width` digits at `pos` and moves past them.
bool read_digits(std::string_view text, std::size_t& pos, std::size_t width, int& out) {
  if (pos + width > text.size()) return false;
  const char* first = text.data() + pos;
  const auto [end, ec] = std::from_chars(first, first + width, out);
  pos += width;
  return ec == std::errc() && end == first + width && *first != '-';
}

bool read_char(std::string_view text, std::size_t& pos, char want) {
  return pos < text.size() && text[pos++] == want;
}

void skip_fraction(std::string_view text, std::size_t& pos) {
  if (pos >= text.size() || text[pos] != '.') return;
  ++pos;
  while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9')
    ++pos;
}

}  // namespace

TimePoint SystemClock::now() const {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string format_time(TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

Result<TimePoint> parse_time(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::kInvalid,
                fmt::format("not an RFC 3339 time in UTC: '{}'", text.substr(0, 40)));
  };
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  std::size_t pos = 0;
  const bool shape = read_digits(text, pos, 4, year) && read_char(text, pos, '-') &&
                     read_digits(text, pos, 2, month) && read_char(text, pos, '-') &&
                     read_digits(text, pos, 2, day) && read_char(text, pos, 'T') &&
                     read_digits(text, pos, 2, hour) && read_char(text, pos, ':') &&
                     read_digits(text, pos, 2, minute) && read_char(text, pos, ':') &&
                     read_digits(text, pos, 2, second);
  if (!shape) return bad();
  skip_fraction(text, pos);
  if (!read_char(text, pos, 'Z') || pos != text.size()) return bad();
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return bad();
  return TimePoint(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), count);
  const auto digits = static_cast<std::size_t>(end - text.data());
  const std::string_view unit = text.substr(digits);
  if (ec == std::errc() && count >= 0 && digits <= 6) {
    if (unit == "ms") return std::chrono::milliseconds(count);
    if (unit == "s") return std::chrono::seconds(count);
    if (unit == "m") return std::chrono::minutes(count);
    if (unit == "h") return std::chrono::hours(count);
  }
  return fail(ErrorCode::kInvalid,
              fmt::format("not a duration: '{}'; write 50ms, 30s, 10m or 24h", text.substr(0, 40)));
}

}  // namespace stagekeeper
