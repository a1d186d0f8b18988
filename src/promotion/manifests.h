#pragma once

#include "base/result.h"
#include "promotion/action.h"
#include "promotion/world.h"

#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::promotion {

/// Names of the clones of a Deployment: `<deployment>-candidate`, `<deployment>-baseline`.
std::string clone_name(const std::string& deployment, std::string_view role);

/// `g-` and 40 hex digits of SHA-256(request uid, gate, attempt): a create that is repeated meets
/// itself.
std::string job_name(const std::string& request_uid, const std::string& gate, int attempt);

/// What a clone is made from.
struct CloneSource {
  std::string_view deployment_json;  ///< the serving Deployment, live
  std::vector<Service> services;     ///< of the namespace: whoever could send it users' traffic
  std::vector<DisruptionBudget> budgets;  ///< of the namespace: a clone must not count as a replica
  const PromotionRequest* request = nullptr;
  const ServingTarget* target = nullptr;
};

/// The clone Deployment: the pod template and nothing else, one replica, pinned to the version,
/// every label dropped that the primary, a Service or a disruption budget selects by, owned by the
/// request. Errors: Corrupt when the Deployment is malformed.
Result<std::string> clone_deployment(const CloneSource& source, const EnsureClone& clone);

/// The clone's own ClusterIP Service.
std::string clone_service(const CloneSource& source, const EnsureClone& clone);

/// Labels that a clone's pods bear beside what is copied: what its Service selects by.
std::map<std::string, std::string> clone_labels(const std::string& request_uid,
                                                std::string_view role);

/// The name of a Service, other than the clones' own, that selects a pod with those labels.
std::string stray_service(const std::vector<Service>& services, const std::string& deployment,
                          const std::map<std::string, std::string>& pod_labels);

/// A Job that runs one gate: init container `fetch` with the data's credentials, container `gate`
/// with none.
struct GateJobSpec {
  std::string ns;  ///< the gate namespace
  const PromotionRequest* request = nullptr;
  const GateClass* gate_class = nullptr;
  CreateGateJob action;
  std::string nonce;
  std::string input;  ///< STAGEKEEPER_GATE_INPUT
};

std::string gate_job(const GateJobSpec& spec);

/// Body for field manager `stagekeeper-pin`: its complete set (pins, sequence, record), under the
/// uid and resourceVersion of `deployment`.
std::string pin_apply(const Deployment& deployment, const ServingTarget& target,
                      const PatchPin& pin);

/// Body for field manager `stagekeeper`: the claim.
std::string claim_apply(const Deployment& deployment, const ServingTarget& target);

}  // namespace stagekeeper::promotion
