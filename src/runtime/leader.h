#pragma once

#include "base/mutex.h"
#include "kube/api.h"
#include "runtime/fence.h"
#include "runtime/health.h"
#include "runtime/lease.h"
#include "runtime/metrics.h"

#include <condition_variable>
#include <functional>
#include <stop_token>
#include <thread>

namespace stagekeeper::runtime {

/// Keeps trying to hold a Lease, then keeps it, in a thread of its own. A second thread watches the
/// renew deadline, because the first may be stuck in a call.
///
/// When leadership is lost, `on_lost` is called once, from either thread and at the latest when the
/// renew deadline passes; the elector does not try again. It is meant to end the process with a
/// code other than 0 (never to pause it), and before the lease's duration is over: threads under
/// way could still write. As a Fence it tells them to leave it from the moment of the loss.
class LeaderElector final : public Fence {
 public:
  struct Ports {
    /// With a call timeout well below the renew deadline (5 s): one dead connection must not cost
    /// the leadership.
    kube::Api& api;
    const Clock& clock;
    Metrics& metrics;
    SteadyClock steady = system_steady_clock();
    Random random = system_random();
  };

  LeaderElector(LeaseOptions options, Ports ports, std::function<void()> on_lost);
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;
  LeaderElector(LeaderElector&&) = delete;
  LeaderElector& operator=(LeaderElector&&) = delete;
  /// Stops without releasing, if release() was not called.
  ~LeaderElector() override;

  void start();

  /// Blocks until this process leads (true), or `stop` (false).
  bool wait_until_leading(const std::stop_token& stop);

  /// Whether this process leads at this moment by its own clock.
  [[nodiscard]] bool holds() const override;

  /// Stops renewing and gives the lease back, so that the next candidate need not wait. Call after
  /// the last round has ended, however long that takes. One try; a failure only costs the next
  /// leader the lease's duration.
  void release();

  /// For readyz: ok while leading or standing by; says who leads.
  [[nodiscard]] CheckResult check() const;

 private:
  void run(const std::stop_token& stop);
  void guard(const std::stop_token& stop);
  Status try_once();
  Status write(const LeaseWrite& write);
  void lose(std::string_view why);
  void join();

  const LeaseOptions options_;
  Ports ports_;
  const std::function<void()> on_lost_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  LeaseMachine machine_ SK_GUARDED_BY(mutex_);
  bool has_led_ SK_GUARDED_BY(mutex_) = false;
  bool lost_ SK_GUARDED_BY(mutex_) = false;
  std::string last_error_ SK_GUARDED_BY(mutex_);
  std::jthread renew_thread_;
  std::jthread guard_thread_;
};

}  // namespace stagekeeper::runtime
