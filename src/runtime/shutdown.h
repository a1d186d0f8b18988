#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string_view>

namespace stagekeeper::runtime {

/// Owns the program's one stop source and turns SIGTERM and SIGINT into it. Make it first thing in
/// main, before any thread: threads inherit the blocked signals.
class Shutdown {
 public:
  /// Blocks SIGTERM and SIGINT, ignores SIGPIPE.
  Shutdown();

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

  /// Waits in the calling (main) thread for a signal or for request(); then requests the stop and
  /// arms a watchdog that ends the process when `grace` passes. Returns the exit code: 0 after a
  /// signal, else what was requested.
  int wait(std::chrono::milliseconds grace);

  /// Asks for the end from any thread, as if a signal had come. The first code that is not 0 wins.
  /// With `within`, the process ends hard with that code when it is still there after that time,
  /// whatever the grace period.
  void request(int exit_code, std::string_view why,
               std::optional<std::chrono::milliseconds> within = std::nullopt);

 private:
  std::stop_source source_;
  std::atomic<int> exit_code_{0};
};

}  // namespace stagekeeper::runtime
