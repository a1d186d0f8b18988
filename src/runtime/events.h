#pragma once

#include "base/mutex.h"
#include "kube/api.h"
#include "runtime/event_log.h"
#include "runtime/metrics.h"

#include <condition_variable>
#include <deque>
#include <optional>
#include <stop_token>
#include <thread>

namespace stagekeeper::runtime {

/// Writes Events (events.k8s.io/v1) in a thread of its own. Events are a courtesy: they never hold
/// anybody up, and what cannot be written is counted and dropped. Thread-safe.
class EventRecorder {
 public:
  struct Ports {
    kube::Api& api;
    const Clock& clock;
    Metrics& metrics;
    SteadyClock steady = system_steady_clock();
  };

  struct Options {
    std::size_t max_queued = 256;
    std::chrono::milliseconds retry_wait{1000};  ///< before the one retry
    std::chrono::milliseconds flush{2000};       ///< spent on what is queued when stopping
  };

  EventRecorder(EventSource source, Ports ports);
  EventRecorder(EventSource source, Ports ports, Options options);
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;
  EventRecorder(EventRecorder&&) = delete;
  EventRecorder& operator=(EventRecorder&&) = delete;

  /// stop().
  ~EventRecorder();

  void start();

  /// Queues an Event; drops and counts it when the queue is full. Never blocks on the network.
  void record(EventDraft draft);

  /// Begins no call later than Options::flush from now, then ends: at most a call's timeout later.
  void stop();

 private:
  void run(const std::stop_token& stop);
  void write(const EventDraft& draft, const std::stop_token& stop);
  Status send(const EventDraft& draft, const EventPlan& plan);

  const EventSource source_;
  Ports ports_;
  const Options options_;
  EventLog log_;  ///< of the thread
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<EventDraft> queue_ SK_GUARDED_BY(mutex_);
  std::optional<std::chrono::steady_clock::time_point> flush_until_ SK_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace stagekeeper::runtime
