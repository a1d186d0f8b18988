#pragma once

#include "model/objects.h"
#include "model/workloads.h"

#include <string_view>

// Under which address of the API each type of this folder is served. Every kind that the operator
// touches stands here once.
namespace stagekeeper {

/// A kind as the API server serves it.
struct ResourceAddress {
  std::string_view group;  ///< "" for the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;
};

/// A namespace, of which only the metadata matters.
struct Namespace {
  ObjectMeta meta;
};

/// Of the chart's admission policies and what puts them in force only the metadata matters.
struct ValidatingAdmissionPolicy {};

struct ValidatingAdmissionPolicyBinding {};

/// Only ever created: see authorization.k8s.io. There is nothing to decode.
struct SubjectAccessReview {};

/// Undefined for a type that the API server does not serve.
template <typename T>
inline constexpr ResourceAddress kResourceAddress = [] {
  static_assert(sizeof(T) == 0, "this type has no address");
  return ResourceAddress{};
}();

#define SK_RESOURCE(type, group, version, plural, namespaced) \
  template <>                                                 \
  inline constexpr ResourceAddress kResourceAddress<type> {   \
    group, version, plural, #type, namespaced                 \
  }

SK_RESOURCE(ModelVersion, kApiGroup, kApiVersion, "modelversions", true);
SK_RESOURCE(PromotionPolicy, kApiGroup, kApiVersion, "promotionpolicies", true);
SK_RESOURCE(ServingTarget, kApiGroup, kApiVersion, "servingtargets", true);
SK_RESOURCE(PromotionRequest, kApiGroup, kApiVersion, "promotionrequests", true);
SK_RESOURCE(Approval, kApiGroup, kApiVersion, "approvals", true);
SK_RESOURCE(GateClass, kApiGroup, kApiVersion, "gateclasses", false);
SK_RESOURCE(ModelStage, kApiGroup, kApiVersion, "modelstages", true);
SK_RESOURCE(Deployment, "apps", "v1", "deployments", true);
SK_RESOURCE(ReplicaSet, "apps", "v1", "replicasets", true);
SK_RESOURCE(Service, "", "v1", "services", true);
SK_RESOURCE(EndpointSlice, "discovery.k8s.io", "v1", "endpointslices", true);
SK_RESOURCE(Pod, "", "v1", "pods", true);
SK_RESOURCE(Namespace, "", "v1", "namespaces", false);
SK_RESOURCE(Job, "batch", "v1", "jobs", true);
SK_RESOURCE(ValidatingAdmissionPolicy, "admissionregistration.k8s.io", "v1",
            "validatingadmissionpolicies", false);
SK_RESOURCE(ValidatingAdmissionPolicyBinding, "admissionregistration.k8s.io", "v1",
            "validatingadmissionpolicybindings", false);
SK_RESOURCE(SubjectAccessReview, "authorization.k8s.io", "v1", "subjectaccessreviews", false);
template <>
inline constexpr ResourceAddress kResourceAddress<DisruptionBudget>{
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true};

#undef SK_RESOURCE

/// The address of a type, member by member: `Resource<ServingTarget>::plural`.
template <typename T>
struct Resource {
  // NOLINTBEGIN(readability-identifier-naming): traits are named as members of what they describe
  static constexpr ResourceAddress address = kResourceAddress<T>;
  static constexpr std::string_view group = address.group;
  static constexpr std::string_view version = address.version;
  static constexpr std::string_view plural = address.plural;
  static constexpr std::string_view kind = address.kind;
  static constexpr bool namespaced = address.namespaced;
  // NOLINTEND(readability-identifier-naming)
};

}  // namespace stagekeeper
