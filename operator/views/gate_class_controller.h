#pragma once

#include "operator/cluster/environment.h"
#include "runtime/controller.h"

namespace stagekeeper {

/// Says of a GateClass whether gates can run by it (condition Accepted): its kind is one that this
/// operator judges.
class GateClassController final : public runtime::Reconciler {
 public:
  explicit GateClassController(Environment environment) : env_(std::move(environment)) {}

  /// Errors: those of the API, Corrupt.
  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  const Environment env_;
};

}  // namespace stagekeeper
