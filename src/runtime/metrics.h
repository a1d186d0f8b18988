#pragma once

#include "kube/api.h"

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace stagekeeper::runtime {

using Seconds = std::chrono::duration<double>;

/// The counters of one work queue, looked up once: counting is done under the queue's lock. Cheap
/// to copy; thread-safe; must not outlive its Metrics.
class QueueMetrics {
 public:
  void added() const;
  void depth(std::size_t ready) const;
  void waited(Seconds waited) const;
  void worked(Seconds worked) const;
  void retried() const;

 private:
  friend class Metrics;
  struct Meters;

  explicit QueueMetrics(std::shared_ptr<const Meters> meters) : meters_(std::move(meters)) {}

  std::shared_ptr<const Meters> meters_;
};

/// The program's counters in a registry of its own, in Prometheus' names and units (seconds,
/// bytes). Thread-safe; outlives whoever counts. Labels must come from small closed sets.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  Metrics(Metrics&&) = delete;
  Metrics& operator=(Metrics&&) = delete;
  ~Metrics();

  /// The text exposition format 0.0.4, with the process's memory, CPU and descriptors.
  [[nodiscard]] std::string text() const;

  /// workqueue_*{name}.
  [[nodiscard]] QueueMetrics queue(const std::string& name);

  /// controller_runtime_reconcile_total and _time_seconds; `result` is success, requeue_after,
  /// error, terminal_error, panic or cancelled.
  void reconciled(const std::string& controller, const std::string& result, Seconds took);

  /// rest_client_requests_total and rest_client_request_duration_seconds. `code` is OK or an error
  /// code's name.
  void request_done(const std::string& method, const std::string& code, Seconds took);

  // Watches: watch_events_total{kind,type}, watch_restarts_total{kind,reason},
  // store_objects{kind}, store_undecodable_objects{kind}.
  void watch_event(const std::string& kind, const std::string& type);
  void watch_restarted(const std::string& kind, const std::string& reason);
  void store_size(const std::string& kind, std::size_t objects);
  void store_undecodable(const std::string& kind, std::size_t objects);

  /// events_total{result}: created, repeated, merged, dropped or failed.
  void event_recorded(const std::string& result);

  /// leader_election_master_status{name}: 1 while this process leads.
  void leading(const std::string& lease, bool leads);

  /// A counter of the caller's own (promotions by phase, records by kind). `name` ends in _total;
  /// the label names of one counter must always be the same.
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  void count(const std::string& name, const std::string& help, Labels labels);

  /// A state of the caller's own, as a gauge; the rest as count().
  void set(const std::string& name, const std::string& help, Labels labels, double value);

  /// A duration of the caller's own, as a histogram; `name` ends in _seconds, the rest as count().
  void took(const std::string& name, const std::string& help, Labels labels, Seconds took);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Counts the calls of another Api by method and outcome. Thread-safe.
class MeteredApi final : public kube::Api {
 public:
  MeteredApi(kube::Api& api, Metrics& metrics) : api_(api), metrics_(metrics) {}

  Result<std::string> call(const kube::Request& request) override;
  Status watch(const kube::Request& request, const kube::LineSink& sink,
               std::stop_token stop) override;

 private:
  kube::Api& api_;
  Metrics& metrics_;
};

}  // namespace stagekeeper::runtime
