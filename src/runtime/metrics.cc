#include "runtime/metrics.h"

#include "runtime/process_stats.h"

#include <map>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <string>
#include <utility>

namespace stagekeeper::runtime {
namespace {

using Counters = prometheus::Family<prometheus::Counter>;
using Gauges = prometheus::Family<prometheus::Gauge>;
using Histograms = prometheus::Family<prometheus::Histogram>;

/// From half a millisecond (a no-op reconcile) to a minute (a stuck call).
const prometheus::Histogram::BucketBoundaries& buckets() {
  static const prometheus::Histogram::BucketBoundaries boundaries{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  return boundaries;
}

prometheus::Labels pairs_of(Metrics::Labels labels) {
  prometheus::Labels pairs;
  for (const auto& [label, value] : labels)
    pairs.emplace(label, value);
  return pairs;
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;

  Counters& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }

  Gauges& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }

  Histograms& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  Gauges& depth = gauge("workqueue_depth", "Keys ready to be worked on");
  Counters& adds = counter("workqueue_adds_total", "Adds, before de-duplication");
  Histograms& waited =
      histogram("workqueue_queue_duration_seconds", "From ready to run until taken by a worker");
  Histograms& worked = histogram("workqueue_work_duration_seconds", "From taken until done");
  Counters& retries = counter("workqueue_retries_total", "Keys put back after a failure");
  Counters& reconciles =
      counter("controller_runtime_reconcile_total", "Reconciles by controller and result");
  Histograms& reconcile_time =
      histogram("controller_runtime_reconcile_time_seconds", "Duration of a reconcile");
  Counters& requests =
      counter("rest_client_requests_total", "Calls to the API server by method and outcome");
  Histograms& request_time =
      histogram("rest_client_request_duration_seconds", "Duration of a call to the API server");
  Counters& watch_events = counter("watch_events_total", "Events by kind and type");
  Counters& watch_restarts =
      counter("watch_restarts_total", "Lists and watches begun again, by kind and reason");
  Gauges& objects = gauge("store_objects", "Objects held in memory by kind");
  Gauges& undecodable =
      gauge("store_undecodable_objects", "Objects kept out because they could not be read");
  Counters& events = counter("events_total", "Kubernetes Events by what became of them");
  Gauges& master = gauge("leader_election_master_status", "1 while this process leads");
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}

Metrics::~Metrics() = default;

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect()) + process_stats_text();
}

struct QueueMetrics::Meters {
  prometheus::Counter& adds;
  prometheus::Gauge& depth;
  prometheus::Histogram& waited;
  prometheus::Histogram& worked;
  prometheus::Counter& retries;
};

void QueueMetrics::added() const {
  meters_->adds.Increment();
}

void QueueMetrics::depth(std::size_t ready) const {
  meters_->depth.Set(static_cast<double>(ready));
}

void QueueMetrics::waited(Seconds waited) const {
  meters_->waited.Observe(waited.count());
}

void QueueMetrics::worked(Seconds worked) const {
  meters_->worked.Observe(worked.count());
}

void QueueMetrics::retried() const {
  meters_->retries.Increment();
}

QueueMetrics Metrics::queue(const std::string& name) {
  const prometheus::Labels labels{{"name", name}};
  return QueueMetrics(std::make_shared<QueueMetrics::Meters>(
      QueueMetrics::Meters{.adds = impl_->adds.Add(labels),
                           .depth = impl_->depth.Add(labels),
                           .waited = impl_->waited.Add(labels, buckets()),
                           .worked = impl_->worked.Add(labels, buckets()),
                           .retries = impl_->retries.Add(labels)}));
}

void Metrics::reconciled(const std::string& controller, const std::string& result, Seconds took) {
  impl_->reconciles.Add({{"controller", controller}, {"result", result}}).Increment();
  impl_->reconcile_time.Add({{"controller", controller}}, buckets()).Observe(took.count());
}

void Metrics::request_done(const std::string& method, const std::string& code, Seconds took) {
  impl_->requests.Add({{"code", code}, {"method", method}}).Increment();
  impl_->request_time.Add({{"method", method}}, buckets()).Observe(took.count());
}

void Metrics::watch_event(const std::string& kind, const std::string& type) {
  impl_->watch_events.Add({{"kind", kind}, {"type", type}}).Increment();
}

void Metrics::watch_restarted(const std::string& kind, const std::string& reason) {
  impl_->watch_restarts.Add({{"kind", kind}, {"reason", reason}}).Increment();
}

void Metrics::store_size(const std::string& kind, std::size_t objects) {
  impl_->objects.Add({{"kind", kind}}).Set(static_cast<double>(objects));
}

void Metrics::store_undecodable(const std::string& kind, std::size_t objects) {
  impl_->undecodable.Add({{"kind", kind}}).Set(static_cast<double>(objects));
}

void Metrics::event_recorded(const std::string& result) {
  impl_->events.Add({{"result", result}}).Increment();
}

void Metrics::leading(const std::string& lease, bool leads) {
  impl_->master.Add({{"name", lease}}).Set(leads ? 1 : 0);
}

void Metrics::count(const std::string& name, const std::string& help, Labels labels) {
  prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Register(impl_->registry)
      .Add(pairs_of(labels))
      .Increment();
}

void Metrics::set(const std::string& name, const std::string& help, Labels labels, double value) {
  impl_->gauge(name.c_str(), help.c_str()).Add(pairs_of(labels)).Set(value);
}

void Metrics::took(const std::string& name, const std::string& help, Labels labels, Seconds took) {
  impl_->histogram(name.c_str(), help.c_str())
      .Add(pairs_of(labels), buckets())
      .Observe(took.count());
}

Result<std::string> MeteredApi::call(const kube::Request& request) {
  const auto start = std::chrono::steady_clock::now();
  auto answer = api_.call(request);
  metrics_.request_done(request.method, std::string(answer ? "OK" : name(answer.error().code)),
                        std::chrono::steady_clock::now() - start);
  return answer;
}

Status MeteredApi::watch(const kube::Request& request, const kube::LineSink& sink,
                         std::stop_token stop) {
  const auto start = std::chrono::steady_clock::now();
  Status ended = api_.watch(request, sink, std::move(stop));
  metrics_.request_done("WATCH", std::string(ended ? "OK" : name(ended.error().code)),
                        std::chrono::steady_clock::now() - start);
  return ended;
}

}  // namespace stagekeeper::runtime
