#include "operator/cluster/caches.h"

#include "kube/objects.h"
#include "model/decode.h"
#include "runtime/store_writer.h"

#include <algorithm>
#include <utility>

namespace stagekeeper {

struct Caches::Watch {
  std::unique_ptr<runtime::ObjectSink> sink;
  std::unique_ptr<runtime::Watcher> watcher;
};

Caches::Caches(Stores& stores, Ports ports)
    : ports_(std::move(ports)), hooks_(stores, ports_.waker) {
  add({.type = kube::type_of<PromotionRequest>()}, stores.requests);
  add({.type = kube::type_of<Approval>()}, stores.approvals);
  add({.type = kube::type_of<ModelVersion>()}, stores.versions);
  add({.type = kube::type_of<PromotionPolicy>()}, stores.policies);
  add({.type = kube::type_of<ServingTarget>()}, stores.targets);
  add({.type = kube::type_of<GateClass>()}, stores.gate_classes);
  add({.type = kube::type_of<ModelStage>()}, stores.stages);
  add({.type = kube::type_of<Deployment>()}, stores.deployments);
  add({.type = kube::type_of<Service>()}, stores.services);
  add({.type = kube::type_of<EndpointSlice>()}, stores.slices);
  const kube::Selection ours{.label_selector = kRequestUidLabel};
  add({.type = kube::type_of<Job>(), .ns = ports_.gate_namespace, .selection = ours}, stores.jobs);
  add({.type = kube::type_of<Pod>(), .ns = ports_.gate_namespace, .selection = ours}, stores.pods);
}

Caches::~Caches() {
  for (const auto& watch : watches_)
    watch->watcher->request_stop();
}

template <typename T>
void Caches::add(runtime::WatchTarget target, runtime::Store<T>& store) {
  auto watch = std::make_unique<Watch>();
  watch->sink = std::make_unique<runtime::StoreWriter<T>>(
      target.type.kind, store, [](std::string_view raw) { return decode<T>(raw); },
      [this](const runtime::Change<T>& change) { hooks_.on(change); }, ports_.metrics);
  watch->watcher = std::make_unique<runtime::Watcher>(std::move(target), ports_.api, *watch->sink,
                                                      ports_.metrics);
  watches_.push_back(std::move(watch));
}

void Caches::start() {
  for (const auto& watch : watches_)
    watch->watcher->start();
}

void Caches::add_checks(runtime::Health& health) const {
  for (const auto& watch : watches_) {
    runtime::Watcher* watcher = watch->watcher.get();
    health.add_live("watch " + watcher->kind(), [watcher] { return watcher->check_live(); });
    health.add_ready("list " + watcher->kind(), [watcher] { return watcher->check_synced(); });
  }
}

bool Caches::synced() const {
  return std::ranges::all_of(watches_,
                             [](const auto& watch) { return watch->watcher->check_synced().ok; });
}

}  // namespace stagekeeper
