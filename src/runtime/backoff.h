#pragma once

#include <chrono>
#include <functional>

namespace stagekeeper::runtime {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Reads the monotonic clock. Injected so that tests move time by hand.
using SteadyClock = std::function<SteadyTime()>;

/// The machine's monotonic clock. Thread-safe.
SteadyClock system_steady_clock();

/// Draws a number in [0, 1). Injected so that tests are repeatable.
using Random = std::function<double()>;

/// A pseudo-random source of its own, seeded by the kernel. Not thread-safe: one per owner, called
/// under the owner's lock.
Random system_random();

/// How long to wait between tries: doubles from `first` up to `cap`.
struct BackoffOptions {
  std::chrono::milliseconds first;
  std::chrono::milliseconds cap;
};

/// The longest wait after `failures` (1, 2, …) failures in a row; zero for none.
std::chrono::milliseconds backoff_ceiling(const BackoffOptions& options, unsigned failures);

/// A wait spread over [floor_ratio × ceiling, ceiling]: 0 is "full jitter", 0.5 is "equal jitter".
std::chrono::milliseconds jittered(std::chrono::milliseconds ceiling, double floor_ratio,
                                   double random);

}  // namespace stagekeeper::runtime
