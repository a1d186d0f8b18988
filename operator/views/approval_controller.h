#pragma once

#include "operator/cluster/environment.h"
#include "runtime/controller.h"

namespace stagekeeper {

/// Tells the author of an Approval what it is worth where no round of its request does: there is no
/// such request (a mistyped name, the uid of an earlier one), or the request has ended.
class ApprovalController final : public runtime::Reconciler {
 public:
  explicit ApprovalController(Environment environment) : env_(std::move(environment)) {}

  /// Errors: those of the API and the ledger, Corrupt.
  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  const Environment env_;
};

}  // namespace stagekeeper
