#include "base/time.h"

#include "base/numbers.h"

#include <algorithm>
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
  const bool same = pos < text.size() && text[pos] == want;
  ++pos;
  return same;
}

void skip_fraction(std::string_view text, std::size_t& pos) {
  if (pos >= text.size() || text[pos] != '.') return;
  ++pos;
  while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9')
    ++pos;
}

}  // namespace

std::string format_time(TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string format_micro_time(TimePoint time) {
  std::string text = format_time(time);
  text.insert(text.size() - 1, ".000000");
  return text;
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

Result<TimePoint> parse_http_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  constexpr std::size_t kLength = 29;
  const bool shape = text.size() == kLength && text.substr(3, 2) == ", " && text[7] == ' ' &&
                     text[11] == ' ' && text[16] == ' ' && text.ends_with(" GMT");
  const std::size_t month = shape ? kMonths.find(text.substr(8, 3)) : std::string_view::npos;
  if (month == std::string_view::npos || month % 3 != 0) {
    return fail(ErrorCode::kInvalid, "not an HTTP date");
  }
  return parse_time(fmt::format("{}-{:02}-{}T{}Z", text.substr(12, 4), month / 3 + 1,
                                text.substr(5, 2), text.substr(17, 8)));
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view retry_after,
                                                           std::string_view date,
                                                           std::chrono::seconds at_most) {
  if (const std::optional<std::uint32_t> seconds = whole_number<std::uint32_t>(retry_after))
    return std::min(std::chrono::seconds(*seconds), at_most);
  const Result<TimePoint> until = parse_http_date(retry_after);
  const Result<TimePoint> now = parse_http_date(date);
  if (!until || !now) return std::nullopt;
  return std::clamp(*until - *now, std::chrono::seconds(0), at_most);
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
