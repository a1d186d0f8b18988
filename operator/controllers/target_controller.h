#pragma once

#include "operator/controllers/ledgers.h"
#include "operator/wiring/caches.h"
#include "runtime/controller.h"

namespace stagekeeper {

/// Keeps one ServingTarget: claims its Deployment, releases the claim when the target is gone, and
/// shows in its status what serves by record, and whether the Deployment still says the same.
class TargetController final : public runtime::Reconciler {
 public:
  struct Ports {
    kube::Api& api;
    const Stores& stores;
    Ledgers& ledgers;
    const StoreTrust& trust;
    const Clock& clock;
  };

  explicit TargetController(Ports ports) : ports_(ports) {}

  /// What is in the way of a claim, as reason and text; no reason: nothing is.
  struct Obstacle {
    std::string reason;
    std::string message;
  };

  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  Result<Obstacle> claim(const ServingTarget& target, const Deployment& deployment) const;
  Result<runtime::Next> release(const runtime::Key& key) const;
  Result<runtime::Next> show(const ServingTarget& target, const std::string& json,
                             const std::optional<Deployment>& deployment,
                             const Obstacle& obstacle) const;

  Ports ports_;
};

}  // namespace stagekeeper
