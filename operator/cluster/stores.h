#pragma once

#include "model/objects.h"
#include "model/workloads.h"
#include "runtime/store.h"

#include <string>

namespace stagekeeper {

/// Kinds of work-queue keys.
inline constexpr const char* kRequestKey = "PromotionRequest";  ///< ns, name of the request
inline constexpr const char* kApprovalKey = "Approval";         ///< ns, name of the approval
inline constexpr const char* kTargetKey = "ServingTarget";      ///< ns, name of the target
inline constexpr const char* kModelKey = "Model";               ///< ns, model
inline constexpr const char* kPolicyKey = "PromotionPolicy";    ///< ns, name of the policy
inline constexpr const char* kGateClassKey = "GateClass";       ///< name of the class

/// The value that the indexes "model" and "workload" go by.
std::string in_ns(const std::string& ns, const std::string& name);

/// Everything that is watched, as typed snapshots. Thread-safe.
struct Stores {
  Stores();

  runtime::Store<PromotionRequest> requests;  ///< indexes: model ("ns/model"), uid
  runtime::Store<Approval> approvals;         ///< index: request-uid
  runtime::Store<ModelVersion> versions;      ///< index: model ("ns/model")
  runtime::Store<PromotionPolicy> policies;
  /// Indexes: model ("ns/model"), workload ("ns/name"), service ("ns/name").
  runtime::Store<ServingTarget> targets;
  runtime::Store<GateClass> gate_classes;
  runtime::Store<ModelStage> stages;
  runtime::Store<Deployment> deployments;  ///< indexes: request-uid, claim ("ns/target")
  runtime::Store<Service> services;        ///< index: namespace
  runtime::Store<EndpointSlice> slices;    ///< index: service ("ns/service")
  runtime::Store<Job> jobs;                ///< index: request-uid
  runtime::Store<AnyObject> pods;          ///< of gate Jobs; only their events matter
};

}  // namespace stagekeeper
