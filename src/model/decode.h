#pragma once

#include "base/crypto.h"
#include "base/result.h"
#include "model/objects.h"
#include "model/resource.h"
#include "model/workloads.h"

#include <string>
#include <string_view>

namespace stagekeeper {

/// Largest object we decode; etcd's own limit is about 1.5 MiB.
inline constexpr std::size_t kMaxObjectBytes = 4U << 20U;

/// Decodes one object of type T from the API server's JSON.
///
/// Errors: Corrupt when it is no JSON, too large, or not what the CRD guarantees; the text names
/// kind, object and the field's path ("spec.stages[1].gates[3].type: is missing"). Unknown fields
/// are ignored: nothing we write replaces whole objects. Fields that the CRD reserves for a later
/// version are refused.
template <typename T>
Result<T> decode(std::string_view json);

template <>
Result<ModelVersion> decode(std::string_view json);
template <>
Result<PromotionPolicy> decode(std::string_view json);
template <>
Result<ServingTarget> decode(std::string_view json);
template <>
Result<PromotionRequest> decode(std::string_view json);
template <>
Result<Approval> decode(std::string_view json);
template <>
Result<GateClass> decode(std::string_view json);
template <>
Result<ModelStage> decode(std::string_view json);
template <>
Result<AnyObject> decode(std::string_view json);
template <>
Result<Deployment> decode(std::string_view json);
template <>
Result<ReplicaSet> decode(std::string_view json);
template <>
Result<Service> decode(std::string_view json);
template <>
Result<EndpointSlice> decode(std::string_view json);
template <>
Result<DisruptionBudget> decode(std::string_view json);
template <>
Result<Job> decode(std::string_view json);
template <>
Result<Pod> decode(std::string_view json);
template <>
Result<Namespace> decode(std::string_view json);

/// SHA-256 of the RFC 8785 bytes of an object's `spec`. Errors: Corrupt.
Result<Digest> spec_digest(std::string_view json);

/// SHA-256 of the canonical pod template without what pinning itself changes: the env entries that
/// `pins` names by container (init containers too) and name, and the annotation
/// kubectl.kubernetes.io/restartedAt. Defaults that the API server fills in are part of it, so an
/// upgrade that adds one gives another digest. Errors: Corrupt.
Result<Digest> template_digest(std::string_view deployment_json, const std::vector<PinEnv>& pins);

}  // namespace stagekeeper
