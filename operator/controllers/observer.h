#pragma once

#include "base/clock.h"
#include "kube/api.h"
#include "operator/controllers/ledgers.h"
#include "operator/wiring/caches.h"
#include "promotion/world.h"

#include <map>
#include <optional>
#include <string>

namespace stagekeeper {

/// A request and the World it stands in, with the raw objects that effects start from.
struct Observation {
  promotion::World world;
  std::string request_json;
};

/// Reads the World of one request. What decides (request, version, policy, gate classes, targets,
/// Deployments, approvals, rights) is read live each round; only Jobs, pods, Services and clones
/// come from caches, whose staleness can delay but not mislead: their verdicts never change once
/// final.
class Observer {
 public:
  struct Ports {
    kube::Api& api;
    const Stores& stores;
    Ledgers& ledgers;
    const StoreTrust& trust;
    const Clock& clock;
    std::string gate_namespace;
  };

  explicit Observer(Ports ports) : ports_(std::move(ports)) {}

  /// Only the request itself; nothing when it does not exist. Errors: those of the API, Corrupt.
  Result<std::optional<Observation>> observe_request(const kube::ObjectKey& key) const;

  /// Nothing when the request does not exist. A ledger that cannot be read ends the reading early:
  /// see World::ledger_fault. Errors: those of the ports.
  Result<std::optional<Observation>> observe(const kube::ObjectKey& key) const;

 private:
  using TargetLedgers = std::map<std::string, promotion::LedgerView>;

  Status read_subject(promotion::World& world) const;
  Status read_policy(promotion::World& world) const;
  Status read_targets(promotion::World& world) const;
  /// All but its ledger.
  Result<std::optional<promotion::TargetState>> read_target(const promotion::World& world,
                                                            const std::string& name) const;
  Status read_ledgers(promotion::World& world, TargetLedgers& ledgers) const;
  Status read_results(promotion::World& world) const;
  Status read_review(promotion::World& world) const;
  Status read_gates(promotion::World& world) const;
  Status read_people(promotion::World& world) const;

  Ports ports_;
};

}  // namespace stagekeeper
