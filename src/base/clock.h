#pragma once

#include "base/result.h"

#include <chrono>
#include <string>
#include <string_view>

namespace stagekeeper {

/// Wall-clock time in UTC, whole seconds: what records and statuses hold.
using TimePoint = std::chrono::sys_seconds;

/// Port for reading the time. Nothing else in the program reads a wall clock.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  Clock(Clock&&) = delete;
  Clock& operator=(Clock&&) = delete;
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimePoint now() const = 0;
};

/// The machine's clock. Thread-safe.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override;
};

/// RFC 3339 in UTC with seconds: 2026-03-03T09:15:00Z.
std::string format_time(TimePoint time);

/// Reads RFC 3339 in UTC; fractions of a second are accepted and dropped (Kubernetes' MicroTime).
/// Errors: Invalid for anything else, including offsets other than Z and dates that do not exist.
Result<TimePoint> parse_time(std::string_view text);

/// Reads a duration as the CRDs write it: 1 to 6 digits and one of ms, s, m, h ("50ms", "24h").
/// Errors: Invalid.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace stagekeeper
