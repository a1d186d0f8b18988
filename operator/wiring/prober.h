#pragma once

#include "audit/record.h"
#include "aws/s3_client.h"
#include "base/clock.h"
#include "operator/controllers/ledgers.h"
#include "operator/wiring/config.h"
#include "runtime/metrics.h"

#include <functional>
#include <string>
#include <thread>

namespace stagekeeper {

/// The acknowledged points of a configuration, in the ledger's words.
std::vector<audit::Deviation> deviations_of(const AuditStoreConfig& config);

/// Probes the bucket at start and every hour, in a thread of its own, and keeps StoreTrust current.
/// While the store cannot be asked, what was found last stands: a store that is down is waited for,
/// not distrusted.
class Prober {
 public:
  struct Ports {
    aws::S3Client& s3;
    const Clock& clock;
    StoreTrust& trust;
    /// Called when trust has changed.
    std::function<void()> on_change;
  };

  Prober(Ports ports, std::vector<audit::Deviation> acknowledged)
      : ports_(std::move(ports)), acknowledged_(std::move(acknowledged)) {}

  void start(std::string cluster_uid);

  void request_stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop, const std::string& cluster_uid);

  /// Returns when to probe next.
  std::chrono::seconds probe(const std::string& cluster_uid);

  Ports ports_;
  const std::vector<audit::Deviation> acknowledged_;
  std::jthread thread_;
};

}  // namespace stagekeeper
