#pragma once

#include "operator/cluster/environment.h"
#include "promotion/views/object_views.h"
#include "runtime/controller.h"

namespace stagekeeper {

/// Says of a PromotionPolicy whether requests can be worked on by it: everything that it names
/// exists (condition ResolvedRefs), and the audit store is trusted. Reads no ledger.
class PolicyController final : public runtime::Reconciler {
 public:
  explicit PolicyController(Environment environment) : env_(std::move(environment)) {}

  /// Errors: those of the API, Corrupt.
  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  const Environment env_;
};

/// What a policy could name, by the caches: whatever changes wakes the policy, and requests look
/// for themselves.
promotion::References references_of(const Stores& stores, const PromotionPolicy& policy);

}  // namespace stagekeeper
