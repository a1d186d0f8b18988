#pragma once

#include "base/result.h"
#include "kube/api.h"
#include "operator/wiring/caches.h"

#include <string>

namespace stagekeeper {

/// Deletes gate Jobs whose request is gone. Normally a request's finalizer sees to them, but
/// somebody may have removed it, and a Job of another namespace cannot be owned. Clones can, and go
/// by garbage collection.
class OrphanSweeper {
 public:
  struct Ports {
    kube::Api& api;
    const Stores& stores;
    std::string gate_namespace;
  };

  explicit OrphanSweeper(Ports ports) : ports_(std::move(ports)) {}

  /// Returns how many Jobs were deleted. Errors: those of the API; what is left is for the next
  /// sweep.
  Result<int> sweep() const;

 private:
  Result<bool> is_orphan(const AnyObject& job) const;

  Ports ports_;
};

}  // namespace stagekeeper
