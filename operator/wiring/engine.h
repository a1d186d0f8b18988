#pragma once

#include "operator/controllers/dispatcher.h"
#include "operator/controllers/orphan_sweeper.h"
#include "operator/wiring/caches.h"
#include "operator/wiring/config.h"
#include "operator/wiring/prober.h"
#include "runtime/health.h"
#include "runtime/leader.h"
#include "runtime/shutdown.h"

#include <stop_token>
#include <string>

namespace stagekeeper {

/// Everything that works once the ports to the API server and the bucket stand: watches, queue,
/// controllers, election, probe. Members stand in the order of their dependencies.
class Engine {
 public:
  struct Ports {
    kube::Api& api;
    kube::Api& lease_api;  ///< with deadlines that leave room for a second try in time
    aws::S3Client& s3;
    audit::Ledger& ledger;
    const Clock& clock;
    runtime::Metrics& metrics;
    runtime::Health& health;
    runtime::Shutdown& shutdown;
  };

  struct Identity {
    std::string pod;
    std::string ns;
    std::string version;
  };

  Engine(const Ports& ports, const Config& config, Identity identity);

  /// Runs until `stop`: waits for the API server and for leadership, then works; at the end drains
  /// within the grace period and gives the lease back.
  void run(const std::stop_token& stop);

 private:
  void work(const std::stop_token& stop);
  void wake_everything();
  void sweep_orphans() const;

  Ports ports_;
  const Config config_;
  const Identity identity_;
  StoreTrust trust_;
  Prober prober_;
  Ledgers ledgers_;
  runtime::WorkQueue queue_;
  Stores stores_;
  runtime::EventRecorder events_;
  PromotionController promotions_;
  ApprovalController approvals_;
  TargetController targets_;
  ModelController models_;
  OrphanSweeper sweeper_;
  Dispatcher dispatcher_;
  runtime::Controller controller_;
  runtime::LeaderElector elector_;
  Caches caches_;
};

}  // namespace stagekeeper
