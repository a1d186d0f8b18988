#pragma once

#include "base/clock.h"
#include "kube/api.h"
#include "operator/cluster/stores.h"
#include "operator/cluster/waiters.h"
#include "operator/controllers/admission_proofs.h"
#include "operator/controllers/job_memory.h"
#include "operator/controllers/ledgers.h"
#include "operator/controllers/store_trust.h"

#include <functional>
#include <string>

namespace stagekeeper {

/// What every controller works with. All references outlive it; everything is thread-safe.
struct Environment {
  kube::Api& api;
  const Stores& stores;
  Waker& waker;
  Ledgers& ledgers;
  const StoreTrust& trust;
  AdmissionProofs& admission;
  JobMemory& gate_jobs;
  const Clock& clock;
  std::string gate_namespace;
  /// Whether this process still leads: asked before every effect. Unset: yes.
  std::function<bool()> leads = {};
};

/// Whether the bucket may be believed: by the last probe, and by every record since.
inline promotion::StoreState store_state(const Environment& environment) {
  if (const auto fault = environment.ledgers.store_fault()) {
    return {.trusted = false, .reason = "AuditStoreNotTrusted", .message = *fault};
  }
  return environment.trust.get();
}

/// Errors: Cancelled when another process may lead by now.
inline Status may_act(const Environment& environment) {
  if (!environment.leads || environment.leads()) return {};
  return fail(ErrorCode::kCancelled, "this process does not lead any more");
}

}  // namespace stagekeeper
