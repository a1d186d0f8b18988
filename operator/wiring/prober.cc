#include "operator/wiring/prober.h"

#include "audit/probe.h"
#include "base/log.h"
#include "operator/wiring/pause.h"

namespace stagekeeper {
namespace {

constexpr std::chrono::hours kInterval{1};
constexpr std::chrono::seconds kRetry{5};

}  // namespace

std::vector<audit::Deviation> deviations_of(const AuditStoreConfig& config) {
  std::vector<audit::Deviation> out;
  out.reserve(config.acknowledged.size());
  for (const AcknowledgedDeviation& each : config.acknowledged) {
    out.push_back({.point = each.point, .reason = each.reason});
  }
  return out;
}

void Prober::start(std::string cluster_uid) {
  thread_ = std::jthread(
      [this, uid = std::move(cluster_uid)](const std::stop_token& stop) { run(stop, uid); });
}

void Prober::run(const std::stop_token& stop, const std::string& cluster_uid) {
  while (!stop.stop_requested())
    pause(stop, probe(cluster_uid));
}

std::chrono::seconds Prober::probe(const std::string& cluster_uid) {
  const promotion::StoreState before = ports_.trust.get();
  auto results = audit::probe_bucket(ports_.s3, ports_.clock, cluster_uid);
  if (!results) {
    log(LogLevel::kWarn, "audit store not probed", {{"err", results.error().message}});
    if (!before.trusted) {
      ports_.trust.set({.trusted = false,
                        .reason = "AuditStoreUnavailable",
                        .message = "the audit store cannot be probed: " + results.error().message});
    }
    return kRetry;
  }
  const audit::ProbeVerdict verdict = audit::judge_probe(*results, acknowledged_);
  ports_.trust.set(
      {.trusted = verdict.trusted, .reason = verdict.reason, .message = verdict.message});
  if (before.reason != verdict.reason) {
    log(verdict.trusted ? LogLevel::kInfo : LogLevel::kError, "audit store probed",
        {{"reason", verdict.reason}, {"detail", verdict.message}});
    ports_.on_change();
  }
  return kInterval;
}

}  // namespace stagekeeper
