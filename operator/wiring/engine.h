#pragma once

#include "operator/cluster/caches.h"
#include "operator/cluster/environment.h"
#include "operator/views/sweeper.h"
#include "operator/wiring/config.h"
#include "operator/wiring/dispatcher.h"
#include "operator/wiring/prober.h"
#include "runtime/fence.h"
#include "runtime/health.h"
#include "runtime/leader.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>

namespace stagekeeper {

/// What is left of the lease's 15 s after the renew deadline of 10 s, less one: then another leads.
inline constexpr std::chrono::seconds kEndAfterLoss{4};

/// Everything that works once the ports to the API server and the bucket stand: watches, queue,
/// controllers, election, probe. Members stand in the order of their dependencies: whoever has a
/// thread or a hook stands below all that this uses.
class Engine {
 public:
  struct Ports {
    kube::Api& api;
    kube::Api& lease_api;  ///< with deadlines that leave room for a second try in time; Events use
                           ///< it too, so that none holds up the end
    aws::S3Client& s3;
    audit::Ledger& ledger;
    const Clock& clock;
    runtime::Metrics& metrics;
    runtime::Health& health;
    /// Called once when leadership is lost: has to end the process within kEndAfterLoss.
    std::function<void()> on_lost;
  };

  struct Identity {
    std::string pod;
    std::string ns;
    std::string version;
  };

  struct Limits {
    std::chrono::milliseconds drain = std::chrono::seconds(15);  ///< until a wait is logged
    Prober::Options probe = {};
    std::chrono::seconds policies{20};  ///< until ready without them
  };

  Engine(const Ports& ports, const Config& config, Identity identity)
      : Engine(ports, config, std::move(identity), Limits{}) {}

  Engine(const Ports& ports, const Config& config, Identity identity, const Limits& limits);

  /// Runs until `stop`: waits for the API server and for leadership, then works. At the end it
  /// waits for the rounds under way, keeping the lease, then gives it back. When it returns nothing
  /// of it runs but watches that are ending. Whoever loses the lease writes nothing more, and the
  /// process ends before another one can lead.
  void run(const std::stop_token& stop);

 private:
  void work(const std::stop_token& stop);
  /// Says by a gauge whether the audit store is trusted.
  void show_trust(const promotion::StoreState& now);
  /// Everything that shows whether the store is trusted, or waits for it.
  void wake_for_trust();
  void sweep(bool ends) const;
  /// Waits until requests that people make now count, as far as the age of the policies says, so
  /// that `helm install --wait` waits for it. An operator may start before its policies are there;
  /// those that do not come are told for each namespace, and hold up nobody here.
  void wait_for_names(const std::stop_token& stop);
  /// Tries the admission policies wherever a model has a policy.
  void try_admission();
  /// Tells, and wakes whatever waits for it, that admission was found to be another than before.
  void admission_changed(const std::string& ns, const promotion::AdmissionState& now);

  Ports ports_;
  const Config config_;
  const Identity identity_;
  const Limits limits_;
  runtime::LeaderElector elector_;
  std::atomic<bool> stopping_ = false;  ///< no effect begins any more
  runtime::FencedApi leader_api_;       ///< for whoever acts on decisions
  StoreTrust trust_;
  Ledgers ledgers_;
  runtime::WorkQueue queue_;
  Stores stores_;
  runtime::EventRecorder events_;
  Waker waker_;
  AdmissionProofs admission_;
  JobMemory gate_jobs_;
  Environment environment_;
  std::atomic<bool> names_count_ = false;
  Dispatcher dispatcher_;
  Sweeper sweeper_;
  runtime::Controller controller_;
  Prober prober_;
  Caches caches_;
};

}  // namespace stagekeeper
