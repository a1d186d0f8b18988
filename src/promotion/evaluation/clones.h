#pragma once

#include "promotion/world.h"

#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::promotion {

/// What a clone is recognised by, all of it read live or from caches at one moment.
struct CloneSight {
  CloneRole role = CloneRole::kCandidate;
  const Deployment* clone = nullptr;      ///< the Deployment of the clone's name, of whomever
  std::string_view clone_json;            ///< the same object
  std::string_view primary_json;          ///< the serving Deployment
  const ServingTarget* target = nullptr;  ///< the serving Deployment's
  VersionRef version;                     ///< what this evaluation wants it pinned to
  const std::vector<ReplicaSet>* replica_sets = nullptr;  ///< of the namespace, or a superset of
                                                          ///< those that the clone owns
  const std::vector<Pod>* pods = nullptr;                 ///< of the namespace, or so
};

/// Whose the clone is, whether it is what the operator would make, and its one pod. Nothing is
/// believed because of a name or a label alone: the pod is found by the uids of its owners, and the
/// template is compared with the serving one.
CloneState observe_clone(const CloneSight& sight);

/// In what a clone is not what we would make of the serving Deployment now, for people; empty: it
/// is. Pins are compared with the rendered ones, everything else of the pod's spec with the serving
/// template's.
std::string clone_fault(const CloneSight& sight);

/// The clone of that role, or null.
const CloneState* find_clone(const std::vector<CloneState>& clones, CloneRole role);

/// The request owns the clone: label and controlling owner agree.
bool owned_by(const CloneState& clone, std::string_view request_uid);

}  // namespace stagekeeper::promotion
