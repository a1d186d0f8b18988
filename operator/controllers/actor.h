#pragma once

#include "kube/api.h"
#include "operator/controllers/ledgers.h"
#include "operator/wiring/caches.h"
#include "promotion/action.h"
#include "promotion/world.h"

#include <string>

namespace stagekeeper {

/// Carries out the actions of decisions. Every action carries its precondition and may be run
/// again.
class Actor {
 public:
  struct Ports {
    kube::Api& api;
    Ledgers& ledgers;
    std::string gate_namespace;
  };

  explicit Actor(Ports ports) : ports_(std::move(ports)) {}

  /// Errors: those of the API and the ledger. Conflict: the world has moved, read it again.
  Status run(const promotion::World& world, const promotion::Action& action) const;

  /// Asks the API server whether the pins could be written now, without writing them. Returns who
  /// is in the way, for people; empty when nobody is. Errors: those of the API other than Conflict.
  Result<std::string> trial_pin(const promotion::World& world,
                                const promotion::VersionRef& version) const;

 private:
  Status set_finalizer(const promotion::World& world, bool present) const;
  Status ensure_clone(const promotion::World& world, const promotion::EnsureClone& clone) const;
  Status delete_clones(const promotion::World& world) const;
  Status create_gate_job(const promotion::World& world, const promotion::CreateGateJob& job) const;
  Status delete_jobs(const promotion::World& world) const;

  /// Deletes what bears the request's uid, as the API server knows it now.
  Status delete_made(const promotion::World& world, const kube::ResourceType& type,
                     const std::string& ns) const;
  Status patch_pin(const promotion::World& world, const promotion::PatchPin& pin) const;

  Ports ports_;
};

}  // namespace stagekeeper
