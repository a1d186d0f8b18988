#pragma once

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "runtime/health.h"
#include "runtime/work_queue.h"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace stagekeeper::runtime {

/// What a finished round waits for: a change, a moment or a span. With it, for the log line, why
/// the round ended as it did and what it changed.
class Next {
 public:
  /// Nothing to do until something that the watches see changes.
  static Next await_change() { return {}; }

  /// Again at a moment of the wall clock (or earlier, when something changes).
  static Next at(TimePoint time) { return Next(time); }

  /// Again after a while (or earlier, when something changes).
  static Next after(std::chrono::milliseconds wait) { return Next(wait); }

  /// Adds a stable reason ("AwaitingApproval") and what the round wrote ("status.phase") for the
  /// log. A round that wrote nothing is logged at level debug.
  [[nodiscard]] Next because(std::string reason, std::string diff) && {
    reason_ = std::move(reason);
    diff_ = std::move(diff);
    return std::move(*this);
  }

  [[nodiscard]] const std::string& reason() const { return reason_; }

  [[nodiscard]] const std::string& diff() const { return diff_; }

  /// The wait as the queue wants it, at least 10 ms so that no round spins, and at most 10 minutes
  /// so that a wall clock that jumped is noticed. nullopt: await a change.
  [[nodiscard]] std::optional<std::chrono::milliseconds> delay(TimePoint now) const;

 private:
  using When = std::variant<std::monostate, TimePoint, std::chrono::milliseconds>;

  Next() = default;

  explicit Next(When when) : when_(when) {}

  When when_;
  std::string reason_;
  std::string diff_;
};

/// Port: one round for one key. Called by several threads at once, never for one key at once.
/// Level-triggered: it reads the world itself and may be called at any time, without need too.
class Reconciler {
 public:
  Reconciler() = default;
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;
  Reconciler(Reconciler&&) = delete;
  Reconciler& operator=(Reconciler&&) = delete;
  virtual ~Reconciler() = default;

  /// Errors: transient ones come back after a back-off (5 ms … 60 s, retry_after honoured);
  /// Invalid, Denied and Corrupt after a slow one (5 s … 60 s); Cancelled only by a new add.
  virtual Result<Next> reconcile(const Key& key) = 0;

  /// The last rounds of this key all ended in an exception: a bug. To be shown to people; the key
  /// goes on being tried slowly. Called once for each such row of rounds, by the key's own worker.
  virtual void broken(const Key& /*key*/, const std::string& /*what*/) {}
};

/// How the queue is told about a failed round; nullopt for Cancelled.
std::optional<Failure> failure_of(const Error& error);

struct ControllerOptions {
  std::string name;
  unsigned workers = 4;
  /// A key that is worked on for longer makes healthz fail.
  std::chrono::minutes stuck_after{10};
  /// After so many exceptions in a row Reconciler::broken is told.
  int panics_until_broken = 3;
};

/// N threads that take keys off a queue and reconcile them. An exception that escapes a reconciler
/// is a bug: it is caught here and nowhere else, logged, counted and backed off; after some in a
/// row the reconciler is told, so that it can show it.
class Controller {
 public:
  /// All references must outlive the controller.
  Controller(ControllerOptions options, WorkQueue& queue, Reconciler& reconciler,
             const Clock& clock, Metrics& metrics);
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;
  Controller(Controller&&) = delete;
  Controller& operator=(Controller&&) = delete;

  /// stop() without limit.
  ~Controller();

  /// Starts the workers. Call once, when the stores are synced and this process leads.
  void start();

  /// Takes no new key and waits for the rounds under way; false when `limit` passed first (the
  /// threads are then joined by the destructor).
  bool stop(std::chrono::milliseconds limit);

  /// Live when no worker has died and none has been on one key for too long.
  [[nodiscard]] CheckResult check() const;

 private:
  struct Worker {
    mutable Mutex mutex;
    std::optional<WorkQueue::Taken> current SK_GUARDED_BY(mutex);
    std::atomic<bool> alive{false};
    std::jthread thread;
  };

  void run(Worker& worker, const std::stop_token& stop);
  void run_round(const WorkQueue::Taken& taken);
  Result<Next> guarded_reconcile(const Key& key, bool& panicked);
  void count_panics(const Key& key, bool panicked, const Result<Next>& outcome);
  void settle(const WorkQueue::Taken& taken, const Result<Next>& outcome, bool panicked,
              Seconds took);

  const ControllerOptions options_;
  WorkQueue& queue_;
  Reconciler& reconciler_;
  const Clock& clock_;
  Metrics& metrics_;
  std::atomic<std::uint64_t> rounds_{0};
  Mutex panics_mutex_;
  std::map<Key, int> panics_ SK_GUARDED_BY(panics_mutex_);  ///< in a row, up to now
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace stagekeeper::runtime
