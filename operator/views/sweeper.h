#pragma once

#include "operator/cluster/environment.h"

namespace stagekeeper {

/// Looks for what no event announces: gate Jobs whose request is gone (somebody removed its
/// finalizer, and a Job of another namespace cannot be owned; clones can, and are collected), and
/// requests that show an end which no record says.
class Sweeper {
 public:
  explicit Sweeper(Environment environment) : env_(std::move(environment)) {}

  /// Returns how many Jobs were deleted. Errors: those of the API; what is left is for the next
  /// sweep.
  [[nodiscard]] Result<int> sweep_jobs() const;

  /// Wakes every request whose shown end no record bears out; returns how many. Reads the ledgers
  /// of their models, and no objects. Errors: those of the ledger.
  [[nodiscard]] Result<int> sweep_ends() const;

 private:
  [[nodiscard]] Result<bool> is_orphan(const AnyObject& job) const;

  const Environment env_;
};

}  // namespace stagekeeper
