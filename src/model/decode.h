#pragma once

#include "base/crypto.h"
#include "base/result.h"
#include "model/objects.h"
#include "model/workloads.h"

#include <string>
#include <string_view>

namespace stagekeeper {

/// Largest object we decode; etcd's own limit is about 1.5 MiB.
inline constexpr std::size_t kMaxObjectBytes = 4U << 20U;

/// Decodes one object of type T from the API server's JSON.
///
/// Errors: Corrupt when it is no JSON, too large, or lacks what the CRD guarantees; the text names
/// kind, object and field. Unknown fields are ignored: nothing we write replaces whole objects.
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
Result<Stage> decode(std::string_view json);
template <>
Result<AnyObject> decode(std::string_view json);
template <>
Result<Deployment> decode(std::string_view json);
template <>
Result<Service> decode(std::string_view json);
template <>
Result<DisruptionBudget> decode(std::string_view json);
template <>
Result<Job> decode(std::string_view json);
template <>
Result<Pod> decode(std::string_view json);

/// SHA-256 of the RFC 8785 bytes of an object's `spec`. Errors: Corrupt.
Result<Digest> spec_digest(std::string_view json);

/// SHA-256 of the canonical pod template without what pinning itself changes: the env entries named
/// in `pin_env` of that container (empty: of every container) and the annotation
/// kubectl.kubernetes.io/restartedAt. Errors: Corrupt.
Result<Digest> template_digest(std::string_view deployment_json, const std::vector<PinEnv>& pin_env,
                               std::string_view container = "");

}  // namespace stagekeeper
