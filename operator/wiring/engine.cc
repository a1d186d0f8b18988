#include "operator/wiring/engine.h"

#include "base/crypto.h"
#include "base/log.h"
#include "base/time.h"
#include "kube/objects.h"
#include "operator/wiring/pause.h"
#include "promotion/decide.h"

#include <algorithm>
#include <map>
#include <thread>

namespace stagekeeper {
namespace {

constexpr std::chrono::seconds kRetryStart{2};
constexpr std::chrono::hours kSweepEvery{1};
constexpr std::chrono::milliseconds kLookForPolicies{500};
constexpr std::chrono::milliseconds kProbeWait{50};
constexpr int kProbeWaits = 200;  // 10 s in all

void count_try(runtime::Metrics& metrics, std::string_view policy,
               promotion::AdmissionState::Proof proof) {
  using Proof = promotion::AdmissionState::Proof;
  const std::string_view result = proof == Proof::kIntact   ? "refused"
                                  : proof == Proof::kBroken ? "not_refused"
                                                            : "not_asked";
  metrics.count("stagekeeper_admission_tries_total",
                "Forgeries sent as dry runs, by the policy that has to refuse them and whether it "
                "did.",
                {{"policy", policy}, {"result", result}});
}

/// The uid of namespace kube-system names the cluster in every record. The API server may start
/// later than we do: ask until it answers. Empty after a stop.
std::string find_cluster_uid(kube::Api& api, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto found = kube::Objects<Namespace>(api).head({"", "kube-system"});
    if (found && *found) return (*found)->uid;
    log(LogLevel::kWarn, "waiting for the API server",
        {{"err", found ? "namespace kube-system is not there" : found.error().message}});
    pause(stop, kRetryStart);
  }
  return "";
}

}  // namespace

Engine::Engine(const Ports& ports, const Config& config, Identity identity, const Limits& limits)
    : ports_(ports),
      config_(config),
      identity_(std::move(identity)),
      limits_(limits),
      elector_({.ns = identity_.ns,
                .name = "stagekeeper",
                .identity = identity_.pod + "_" + random_hex(4)},
               {.api = ports.lease_api, .clock = ports.clock, .metrics = ports.metrics},
               ports.on_lost),
      leader_api_(ports.api, elector_),
      ledgers_(ports.ledger, leader_api_),
      queue_("promotion", {}, ports.metrics),
      events_({.controller = "stagekeeper.dev/operator", .instance = identity_.pod},
              {.api = ports.lease_api, .clock = ports.clock, .metrics = ports.metrics}),
      waker_([this](const runtime::Key& key, runtime::Priority priority) {
        queue_.add(key, priority);
      }),
      admission_(
          {.api = leader_api_,
           .clock = ports.clock,
           .on_change = [this](const std::string& ns,
                               const auto& now) { admission_changed(ns, now); },
           .on_try = [this](std::string_view policy,
                            const auto proof) { count_try(ports_.metrics, policy, proof); }}),
      environment_{.api = leader_api_,
                   .stores = stores_,
                   .waker = waker_,
                   .ledgers = ledgers_,
                   .trust = trust_,
                   .admission = admission_,
                   .gate_jobs = gate_jobs_,
                   .clock = ports.clock,
                   .gate_namespace = config.gate_namespace,
                   .leads = [this] { return !stopping_ && elector_.holds(); }},
      dispatcher_(environment_, events_, ports.metrics),
      sweeper_(environment_),
      controller_({.name = "promotion", .workers = config.workers}, queue_, dispatcher_,
                  ports.clock, ports.metrics),
      prober_({.s3 = ports.s3,
               .clock = ports.clock,
               .trust = trust_,
               .on_change =
                   [this](const auto&, const promotion::StoreState& now) {
                     show_trust(now);
                     wake_for_trust();
                   }},
              deviations_of(config.audit), limits.probe),
      caches_(stores_, {.api = ports.api,
                        .waker = waker_,
                        .metrics = ports.metrics,
                        .gate_namespace = config.gate_namespace}) {
  ports_.health.add_ready("audit store", [this] {
    const promotion::StoreState state = trust_.get();
    return runtime::CheckResult{.ok = true, .detail = state.reason + ": " + state.message};
  });
  ports_.health.add_ready("leader", [this] { return elector_.check(); });
  ports_.health.add_ready("admission policies", [this] {
    return runtime::CheckResult{
        .ok = names_count_,
        .detail = names_count_ ? "" : "new; requests do not count until they are in force"};
  });
}

void Engine::run(const std::stop_token& stop) {
  const std::string cluster = find_cluster_uid(ports_.api, stop);
  if (cluster.empty()) return;
  ledgers_.set_cluster_uid(cluster);
  const std::jthread names([this, &stop] { wait_for_names(stop); });
  events_.start();
  elector_.start();
  // A standby watches nothing but the lease, and probes nothing.
  if (elector_.wait_until_leading(stop)) {
    log(LogLevel::kInfo, "leading", {{"cluster", cluster}, {"version", identity_.version}});
    show_trust(trust_.get());
    prober_.start(cluster);
    work(stop);
    elector_.release();
  }
  events_.stop();
  prober_.stop();  // last: a probe may wait for a bucket that does not answer
}

void Engine::show_trust(const promotion::StoreState& now) {
  ports_.metrics.set("stagekeeper_audit_store_trusted",
                     "1 while records may be written to the audit store; of the leader only.", {},
                     now.trusted ? 1 : 0);
}

void Engine::work(const std::stop_token& stop) {
  caches_.add_checks(ports_.health);
  caches_.start();
  while (!caches_.synced() && !stop.stop_requested())
    pause(stop, std::chrono::milliseconds(20));
  // Without the first answer of the probe every request would show distrust for a moment.
  for (int i = 0; i < kProbeWaits && trust_.get().reason == kNotProbed && !stop.stop_requested();
       ++i) {
    pause(stop, kProbeWait);
  }
  if (stop.stop_requested()) return;
  ports_.health.add_live("workers", [this] { return controller_.check(); });
  controller_.start();
  log(LogLevel::kInfo, "working", {{"requests", std::to_string(stores_.requests.size())}});
  // Ends are looked at only later: a restart reads no ledger for what has ended long ago.
  for (bool ends = false; !stop.stop_requested(); ends = true) {
    sweep(ends);
    try_admission();
    pause(stop, kSweepEvery);
  }
  // Whoever leads next must find no round of ours under way, so the lease is kept as long as that
  // takes. The grace period of the process is the limit. A round ends before its next effect: one
  // about ten thousand versions would keep the next leader waiting for a minute.
  stopping_ = true;
  while (!controller_.stop(limits_.drain))
    log(LogLevel::kWarn, "waiting for the rounds under way, with the lease");
}

void Engine::sweep(bool ends) const {
  const Result<int> jobs = sweeper_.sweep_jobs();
  const Result<int> forged = ends ? sweeper_.sweep_ends() : 0;
  for (const Result<int>* result : {&jobs, &forged}) {
    if (!*result) log(LogLevel::kWarn, "sweep failed", {{"err", result->error().message}});
  }
  const int count = jobs.value_or(0) + forged.value_or(0);
  if (count > 0) log(LogLevel::kInfo, "swept", {{"count", std::to_string(count)}});
}

void Engine::try_admission() {
  std::map<std::string, bool> namespaces;  // name → whether pins are written there
  for (const auto& policy : stores_.policies.list()) {
    bool& pins = namespaces[policy->meta.ns];
    pins = pins || std::ranges::any_of(policy->stages, [](const StageSpec& stage) {
             return !stage.targets.empty();
           });
  }
  for (const auto& [ns, pins] : namespaces) {
    if (stopping_) return;
    static_cast<void>(admission_.prove(ns, pins));
  }
}

void Engine::admission_changed(const std::string& ns, const promotion::AdmissionState& now) {
  const bool intact = now.proof == promotion::AdmissionState::Proof::kIntact;
  log(intact ? LogLevel::kInfo : LogLevel::kError, "admission policies tried",
      {{"namespace", ns},
       {"intact", intact ? "true" : "false"},
       {"countsFrom", format_time(now.counts_from)},
       {"detail", now.message}});
  for (const auto& policy : stores_.policies.list()) {
    if (policy->meta.ns == ns) waker_.wake(kPolicyKey, ns, policy->meta.name);
  }
}

void Engine::wait_for_names(const std::stop_token& stop) {
  const TimePoint give_up = ports_.clock.now() + limits_.policies;
  while (!stop.stop_requested() && ports_.clock.now() < give_up) {
    const Result<TimePoint> from = admission_.names_count_from();
    if (from && *from < ports_.clock.now()) break;
    pause(stop, kLookForPolicies);
  }
  names_count_ = true;
}

void Engine::wake_for_trust() {
  for (const auto& request : stores_.requests.list()) {
    if (promotion::shown_end(*request)) continue;
    waker_.wake(kRequestKey, request->meta.ns, request->meta.name);
  }
  for (const auto& target : stores_.targets.list())
    waker_.wake(kTargetKey, target->meta.ns, target->meta.name);
  for (const auto& policy : stores_.policies.list())
    waker_.wake(kPolicyKey, policy->meta.ns, policy->meta.name);
}

}  // namespace stagekeeper
