#pragma once

#include "base/result.h"
#include "promotion/action.h"
#include "promotion/world.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

// What the operator writes into the cluster, as JSON text: each function gives the whole object or
// the complete set of one field manager.
namespace stagekeeper::promotion {

/// Names of the clones of a Deployment: `<deployment>-candidate`, `<deployment>-baseline`.
std::string clone_name(const std::string& deployment, CloneRole role);

/// `g-` and 40 hex digits of SHA-256(request uid, gate, attempt): a create that is repeated meets
/// itself, and nobody's Job under another name counts.
std::string job_name(const std::string& request_uid, const std::string& gate, int attempt);

/// What a clone is made from.
struct CloneSource {
  std::string_view deployment_json;  ///< the serving Deployment, live
  std::vector<Service> services;     ///< of the namespace: whoever could send it users' traffic
  std::vector<DisruptionBudget> budgets;  ///< of the namespace: a clone must not count as a replica
  const PromotionRequest* request = nullptr;
  const ServingTarget* target = nullptr;
};

/// The clone Deployment: the pod template and nothing else, one replica, pinned to the version in
/// every container that the target pins, every label dropped that the primary, a Service or a
/// disruption budget selects by, owned by the request. It says from which template it was made:
/// that of `source`, which need not be the one that the action expects.
/// Errors: Conflict when the template of `source` is another than the action's; Corrupt when the
/// Deployment is malformed.
Result<std::string> clone_deployment(const CloneSource& source, const CreateClone& clone);

/// Labels that a clone's pods bear beside what is copied.
std::map<std::string, std::string> clone_labels(const std::string& request_uid, CloneRole role);

/// Every label that the pods of such a clone will bear. Errors: as clone_deployment.
Result<std::map<std::string, std::string>> planned_labels(const CloneSource& source,
                                                          CloneRole role);

/// The name of a Service that selects a pod with those labels, or an empty string. Clones have no
/// Service of their own, so that any is a stray one.
std::string stray_service(const std::vector<Service>& services,
                          const std::map<std::string, std::string>& pod_labels);

/// A Job that runs one gate: init container `fetch` with the data's credentials, container `gate`
/// with none but the model server's token, where there is one.
struct GateJobSpec {
  std::string ns;  ///< the gate namespace
  const PromotionRequest* request = nullptr;
  const GateClass* gate_class = nullptr;
  CreateGateJob action;
  std::string nonce;  ///< 32 hex digits, of this attempt alone and of nobody's guess
};

/// Errors: Invalid when the gate's input cannot be expressed.
Result<std::string> gate_job(const GateJobSpec& spec);

/// Body for field manager `stagekeeper-pin`: its complete set (pins, sequence, record), under the
/// uid and resourceVersion that the action names. `deployment` says where its containers are.
std::string pin_apply(const Deployment& deployment, const PatchPin& pin);

/// The same set with a later sequence; the pins are those it holds already.
std::string fence_apply(const Deployment& deployment, const RaiseFence& fence);

/// Body for field manager `stagekeeper`: the claim.
std::string claim_apply(const Deployment& deployment, const ServingTarget& target);

/// Body for field manager `stagekeeper` that takes the claim back.
std::string release_apply(const Deployment& deployment);

}  // namespace stagekeeper::promotion
