#pragma once

#include "base/result.h"
#include "kube/api.h"
#include "model/objects.h"
#include "model/workloads.h"
#include "runtime/health.h"
#include "runtime/metrics.h"
#include "runtime/store.h"
#include "runtime/watcher.h"
#include "runtime/work_queue.h"

#include <memory>
#include <string>
#include <vector>

namespace stagekeeper {

/// Kinds of work-queue keys.
inline constexpr const char* kRequestKey = "PromotionRequest";  ///< ns, name of the request
inline constexpr const char* kApprovalKey = "Approval";         ///< ns, name of the approval
inline constexpr const char* kTargetKey = "ServingTarget";      ///< ns, name of the target
inline constexpr const char* kModelKey = "Model";               ///< ns, model

/// Everything that is watched, as typed snapshots, and the mapping from changes to keys.
struct Stores {
  Stores();

  runtime::Store<PromotionRequest> requests;  ///< indexes: model ("ns/model"), uid
  runtime::Store<Approval> approvals;         ///< index: request-uid
  runtime::Store<ModelVersion> versions;      ///< index: model ("ns/model")
  runtime::Store<PromotionPolicy> policies;
  runtime::Store<ServingTarget> targets;  ///< indexes: model ("ns/model"), deployment ("ns/name")
  runtime::Store<GateClass> gate_classes;
  runtime::Store<Stage> stages;
  runtime::Store<Deployment> deployments;  ///< index: request-uid
  runtime::Store<Service> services;        ///< indexes: namespace, request-uid
  runtime::Store<Job> jobs;                ///< index: request-uid
  runtime::Store<Pod> pods;                ///< index: owner (uid of the Job)
};

/// Watches all kinds into Stores and adds keys to a queue when something changes.
class Caches {
 public:
  struct Ports {
    kube::Api& api;
    runtime::WorkQueue& queue;
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
  void add(runtime::WatchTarget target, runtime::Store<T>& store,
           std::function<void(const runtime::Change<T>&)> hook);
  void add_own_kinds();
  void add_workloads();
  void on_request(const runtime::Change<PromotionRequest>& change);
  void on_approval(const runtime::Change<Approval>& change);
  void on_version(const runtime::Change<ModelVersion>& change);

  /// Every request of a model that has not ended: something it may wait for has changed.
  void wake_model(const std::string& ns, const std::string& model, bool from_list);
  void wake_request_uid(const std::string& uid, bool from_list);
  void wake(const char* kind, const std::string& ns, const std::string& name, bool from_list);

  Stores& stores_;
  Ports ports_;
  std::vector<std::unique_ptr<Watch>> watches_;
};

}  // namespace stagekeeper
