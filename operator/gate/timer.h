#pragma once

#include <chrono>

namespace stagekeeper::gate {

/// Port for measuring and waiting: a monotonic clock, so that nobody who sets the time changes a
/// latency. Not thread-safe.
class Timer {
 public:
  using Duration = std::chrono::steady_clock::duration;

  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  Timer(Timer&&) = delete;
  Timer& operator=(Timer&&) = delete;
  virtual ~Timer() = default;

  /// Time since an arbitrary, fixed moment.
  [[nodiscard]] virtual Duration now() const = 0;
  virtual void sleep(Duration duration) = 0;
};

/// The machine's monotonic clock.
class SteadyTimer final : public Timer {
 public:
  [[nodiscard]] Duration now() const override;
  void sleep(Duration duration) override;
};

}  // namespace stagekeeper::gate
