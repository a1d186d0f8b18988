#pragma once

#include "base/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper {

/// Wall-clock time in UTC, whole seconds: what records and statuses hold.
using TimePoint = std::chrono::sys_seconds;

/// RFC 3339 in UTC with seconds: 2026-03-03T09:15:00Z.
std::string format_time(TimePoint time);

/// Kubernetes' MicroTime: RFC 3339 with exactly six digits of a second ("…:00.000000Z").
std::string format_micro_time(TimePoint time);

/// Reads RFC 3339 in UTC; fractions of a second are accepted and dropped (Kubernetes' MicroTime).
/// Errors: Invalid for anything else, including offsets other than Z and dates that do not exist.
Result<TimePoint> parse_time(std::string_view text);

/// Reads "Sun, 06 Nov 1994 08:49:37 GMT", the form that RFC 9110 §5.6.7 asks of all senders. The
/// name of the day is not compared with the date. Errors: Invalid.
Result<TimePoint> parse_http_date(std::string_view text);

/// What Retry-After asks for, from now and at most `at_most`: seconds, or an HTTP date, which
/// counts from `date`, the answer's own Date (one clock wrote both). Nothing when absent or
/// unreadable.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view retry_after,
                                                           std::string_view date,
                                                           std::chrono::seconds at_most);

/// Reads a duration as the CRDs write it: 1 to 6 digits and one of ms, s, m, h ("50ms", "24h").
/// Errors: Invalid.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace stagekeeper
