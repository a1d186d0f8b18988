#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace stagekeeper {

/// Sleeps, but not past a stop request.
inline void pause(const std::stop_token& stop, std::chrono::milliseconds span) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, span, [] { return false; });
}

}  // namespace stagekeeper
