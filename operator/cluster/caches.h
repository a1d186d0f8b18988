#pragma once

#include "kube/api.h"
#include "operator/cluster/stores.h"
#include "operator/cluster/waiters.h"
#include "runtime/health.h"
#include "runtime/metrics.h"
#include "runtime/watcher.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stagekeeper {

/// From changes to keys: who has to look again when an object changes. Nothing wakes a request that
/// has ended but a change of itself. Called by the watchers' threads; quick, never throws.
class Hooks {
 public:
  Hooks(Stores& stores, Waker& waker) : stores_(stores), waker_(waker) {}

  void on(const runtime::Change<PromotionRequest>& change);
  void on(const runtime::Change<Approval>& change);
  void on(const runtime::Change<ModelVersion>& change);
  void on(const runtime::Change<PromotionPolicy>& change);
  void on(const runtime::Change<ServingTarget>& change);
  void on(const runtime::Change<GateClass>& change);
  void on(const runtime::Change<ModelStage>& change);
  void on(const runtime::Change<Deployment>& change);
  void on(const runtime::Change<Service>& change);
  void on(const runtime::Change<EndpointSlice>& change);
  void on(const runtime::Change<Job>& change);
  /// A pod of a gate Job.
  void on(const runtime::Change<AnyObject>& change);

 private:
  void wake_served(const std::string& ns, const std::string& service, runtime::Priority priority);
  void wake_owner(const ObjectMeta& made, runtime::Priority priority);

  Stores& stores_;
  Waker& waker_;
};

/// Watches all kinds into Stores and tells Hooks what has changed.
class Caches {
 public:
  struct Ports {
    kube::Api& api;
    Waker& waker;
    runtime::Metrics& metrics;
    std::string gate_namespace;
  };

  Caches(Stores& stores, Ports ports);
  Caches(const Caches&) = delete;
  Caches& operator=(const Caches&) = delete;
  Caches(Caches&&) = delete;
  Caches& operator=(Caches&&) = delete;
  ~Caches();

  void start();

  /// Registers a live and a ready check for every watch.
  void add_checks(runtime::Health& health) const;

  /// Whether every kind has been listed once.
  [[nodiscard]] bool synced() const;

 private:
  struct Watch;

  template <typename T>
  void add(runtime::WatchTarget target, runtime::Store<T>& store);

  Ports ports_;
  Hooks hooks_;
  std::vector<std::unique_ptr<Watch>> watches_;
};

}  // namespace stagekeeper
