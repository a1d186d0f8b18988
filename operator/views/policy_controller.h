#pragma once

#include "operator/cluster/environment.h"
#include "promotion/views/object_views.h"
#include "runtime/controller.h"
#include "runtime/events.h"

namespace stagekeeper {

/// Says of a PromotionPolicy whether requests can be worked on by it: everything that it names
/// exists (condition ResolvedRefs), the audit store is trusted, and the admission policies are in
/// force in its namespace (PolicyIntact), which the status remembers for whoever leads next. Reads
/// no ledger.
class PolicyController final : public runtime::Reconciler {
 public:
  PolicyController(Environment environment, runtime::EventRecorder& events)
      : env_(std::move(environment)), events_(events) {}

  /// Errors: those of the API, Corrupt.
  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  /// Tells that admission was found to be broken, or to be in force again.
  void report(const PromotionPolicy& policy, const promotion::AdmissionState& admission) const;

  const Environment env_;
  runtime::EventRecorder& events_;
};

/// What was last found of the admission policies in the namespace of a policy.
promotion::AdmissionState known_admission(const Environment& env, const PromotionPolicy& policy);

/// What a policy could name, by the caches: whatever changes wakes the policy, and requests look
/// for themselves.
promotion::References references_of(const Stores& stores, const PromotionPolicy& policy);

}  // namespace stagekeeper
