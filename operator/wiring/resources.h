#pragma once

#include "kube/resource.h"
#include "model/meta.h"

// Every kind that the operator touches.
namespace stagekeeper::resources {

inline const kube::ResourceType kModelVersions{kApiGroup, kApiVersion, "modelversions",
                                               "ModelVersion", true};
inline const kube::ResourceType kPolicies{kApiGroup, kApiVersion, "promotionpolicies",
                                          "PromotionPolicy", true};
inline const kube::ResourceType kTargets{kApiGroup, kApiVersion, "servingtargets", "ServingTarget",
                                         true};
inline const kube::ResourceType kRequests{kApiGroup, kApiVersion, "promotionrequests",
                                          "PromotionRequest", true};
inline const kube::ResourceType kApprovals{kApiGroup, kApiVersion, "approvals", "Approval", true};
inline const kube::ResourceType kGateClasses{kApiGroup, kApiVersion, "gateclasses", "GateClass",
                                             false};
inline const kube::ResourceType kStages{kApiGroup, kApiVersion, "stages", "Stage", true};
inline const kube::ResourceType kDeployments{"apps", "v1", "deployments", "Deployment", true};
inline const kube::ResourceType kServices{"", "v1", "services", "Service", true};
inline const kube::ResourceType kBudgets{"policy", "v1", "poddisruptionbudgets",
                                         "PodDisruptionBudget", true};
inline const kube::ResourceType kPods{"", "v1", "pods", "Pod", true};
inline const kube::ResourceType kJobs{"batch", "v1", "jobs", "Job", true};
inline const kube::ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline const kube::ResourceType kAccessReviews{"authorization.k8s.io", "v1", "subjectaccessreviews",
                                               "SubjectAccessReview", false};

}  // namespace stagekeeper::resources
