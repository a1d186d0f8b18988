#include "operator/wiring/prober.h"

#include "audit/probe.h"
#include "base/log.h"
#include "operator/wiring/pause.h"

namespace stagekeeper {
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

Prober::~Prober() {
  stop();
}

void Prober::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Prober::run(const std::stop_token& stop, const std::string& cluster_uid) {
  while (!stop.stop_requested())
    pause(stop, probe(stop, cluster_uid));
}

std::chrono::milliseconds Prober::probe(const std::stop_token& stop,
                                        const std::string& cluster_uid) {
  const auto results = audit::probe_bucket(ports_.s3, ports_.clock, cluster_uid);
  if (!results) {
    const auto wait = runtime::backoff_ceiling(options_.retry, ++failures_);
    log(LogLevel::kWarn, "audit store not probed",
        {{"err", results.error().message}, {"againMs", std::to_string(wait.count())}});
    const bool refused = results.error().code == ErrorCode::kMisconfigured;
    if (!ports_.trust.get().trusted) {
      found(stop, {.trusted = false,
                   .reason = refused ? "AuditStoreRefused" : "AuditStoreUnavailable",
                   .message = "the audit store cannot be probed: " + results.error().message});
    }
    return wait;
  }
  failures_ = 0;
  const audit::ProbeVerdict verdict = audit::judge_probe(*results, acknowledged_);
  found(stop, {.trusted = verdict.trusted, .reason = verdict.reason, .message = verdict.message});
  return options_.interval;
}

void Prober::found(const std::stop_token& stop, promotion::StoreState now) {
  const promotion::StoreState old = ports_.trust.get();
  ports_.trust.set(now);
  if (old.reason != now.reason) {
    log(now.trusted ? LogLevel::kInfo : LogLevel::kError, "audit store probed",
        {{"reason", now.reason}, {"detail", now.message}});
  }
  if (old.trusted != now.trusted && !stop.stop_requested()) ports_.on_change(old, now);
}

}  // namespace stagekeeper
