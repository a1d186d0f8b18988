#pragma once

#include "audit/record.h"
#include "aws/s3_client.h"
#include "base/clock.h"
#include "operator/controllers/store_trust.h"
#include "operator/wiring/config.h"
#include "runtime/backoff.h"

#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace stagekeeper {

/// The acknowledged points of a configuration, in the ledger's words.
std::vector<audit::Deviation> deviations_of(const AuditStoreConfig& config);

/// Probes the bucket at start and every hour, in a thread of its own, and keeps StoreTrust current.
/// While the store cannot be asked, what was found last stands: a store that is down is waited for,
/// not distrusted. Then it is asked ever more slowly, because a probe that fails half-way may leave
/// a locked object behind.
class Prober {
 public:
  struct Ports {
    aws::S3Client& s3;
    const Clock& clock;
    StoreTrust& trust;
    /// Called by the prober's thread when records may be written that might not be before, or the
    /// other way round; not for another reason to the same effect, and not after stop().
    std::function<void(const promotion::StoreState& old, const promotion::StoreState& now)>
        on_change;
  };

  struct Options {
    std::chrono::milliseconds interval = std::chrono::hours(1);
    runtime::BackoffOptions retry{std::chrono::seconds(5), std::chrono::minutes(5)};
  };

  Prober(Ports ports, std::vector<audit::Deviation> acknowledged)
      : Prober(std::move(ports), std::move(acknowledged), Options{}) {}

  Prober(Ports ports, std::vector<audit::Deviation> acknowledged, Options options)
      : ports_(std::move(ports)), acknowledged_(std::move(acknowledged)), options_(options) {}

  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;
  Prober(Prober&&) = delete;
  Prober& operator=(Prober&&) = delete;

  /// stop().
  ~Prober();

  void start(std::string cluster_uid);

  /// Waits for the probe under way, at most some timeouts of the bucket's client.
  void stop();

 private:
  void run(const std::stop_token& stop, const std::string& cluster_uid);

  /// Returns when to probe next.
  std::chrono::milliseconds probe(const std::stop_token& stop, const std::string& cluster_uid);
  void found(const std::stop_token& stop, promotion::StoreState now);

  Ports ports_;
  const std::vector<audit::Deviation> acknowledged_;
  const Options options_;
  unsigned failures_ = 0;  ///< in a row; of the thread
  std::jthread thread_;
};

}  // namespace stagekeeper
