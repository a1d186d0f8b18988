#pragma once

#include "promotion/world.h"

#include <string>
#include <vector>

// What measurements hold for: pods, told apart from any that came before, after or instead.
namespace stagekeeper::promotion {

/// One text for who a pod is: its uid, the ReplicaSet whose template it has, its address, and per
/// container what runs, as the kubelet says, and how often it was started. It differs as soon as
/// the pod was replaced, restarted or changed.
std::string identity_of(const Pod& pod);

/// Whether every container of the Deployment's template runs its image with its variables, the pins
/// among them. Further containers are those that the cluster's own admission adds to each pod.
bool runs_template(const Pod& pod, const Deployment& deployment);

/// Whether it has ended, or is about to.
bool is_over(const Pod& pod);

/// Why it is not ready, for people.
std::string problem_of(const Pod& pod);

/// What an attestation of a Service's pods rests on, all of it read at one moment.
struct ServingSight {
  const Service* service = nullptr;                       ///< null: there is none of that name
  const Deployment* deployment = nullptr;                 ///< pinned to what should serve
  const std::vector<ReplicaSet>* replica_sets = nullptr;  ///< those of the Deployment, or more
  /// Those that the Service selects, and no others: their labels are not kept.
  const std::vector<Pod>* pods = nullptr;
};

/// Who can answer behind the Service, and whether each of them serves what the Deployment is pinned
/// to: a pod of its own, by its present template, ready, and not about to end. Until then nothing
/// that answers proves anything.
ServingPods observe_serving(const ServingSight& sight);

}  // namespace stagekeeper::promotion
