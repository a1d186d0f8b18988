#pragma once

#include "base/mutex.h"
#include "runtime/metrics.h"
#include "runtime/queue_core.h"

#include <condition_variable>
#include <optional>
#include <stop_token>
#include <string>

namespace stagekeeper::runtime {

/// QueueCore behind a lock: workers block in get(). Thread-safe.
///
/// Shutting down: adds are ignored, get() hands nothing more out, finishing works as ever; what was
/// still queued is dropped, because a key is only a hint and the next start lists everything.
class WorkQueue {
 public:
  WorkQueue(std::string name, QueueOptions options, Metrics& metrics,
            SteadyClock clock = system_steady_clock(), Random random = system_random());

  /// See QueueCore. Cheap; never blocks on a worker.
  void add(const Key& key, Priority priority = Priority::kLive);
  void add_after(const Key& key, std::chrono::milliseconds delay,
                 Priority priority = Priority::kLive);

  /// A key in the hands of a worker.
  struct Taken {
    Key key;
    SteadyTime taken_at;
  };

  /// Blocks until a key may run; nullopt after `stop` or shut_down().
  std::optional<Taken> get(const std::stop_token& stop);

  /// The run of a taken key succeeded; it runs again `after` that long, or by the next add.
  void finish(const Taken& taken, std::optional<std::chrono::milliseconds> after);

  /// The run failed. Returns the wait until the next one.
  std::chrono::milliseconds finish_failed(const Taken& taken, const Failure& failure);

  void shut_down();

  /// Waits until no key is in a worker's hands; false when `limit` passed first.
  bool wait_idle(std::chrono::milliseconds limit);

  [[nodiscard]] std::size_t depth() const;
  [[nodiscard]] unsigned failures(const Key& key) const;

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  const std::string name_;
  const QueueMetrics metrics_;
  const SteadyClock clock_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;  ///< something to take, or closed: wakes workers
  std::condition_variable_any idle_;     ///< a run ended: wakes wait_idle
  QueueCore core_ SK_GUARDED_BY(mutex_);
  bool closed_ SK_GUARDED_BY(mutex_) = false;
};

}  // namespace stagekeeper::runtime
