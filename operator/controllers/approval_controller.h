#pragma once

#include "base/clock.h"
#include "kube/api.h"
#include "runtime/controller.h"

namespace stagekeeper {

/// Tells authors of Approvals that no request is there to be approved: a mistyped name, or the uid
/// of an earlier request. Every other Approval is judged with its request.
class ApprovalController final : public runtime::Reconciler {
 public:
  struct Ports {
    kube::Api& api;
    const Clock& clock;
  };

  explicit ApprovalController(Ports ports) : ports_(ports) {}

  /// Errors: those of the API, Corrupt.
  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  Ports ports_;
};

}  // namespace stagekeeper
