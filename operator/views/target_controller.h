#pragma once

#include "operator/cluster/environment.h"
#include "operator/promotions/doer.h"
#include "operator/promotions/target_reader.h"
#include "promotion/views/object_views.h"
#include "runtime/controller.h"

#include <optional>

namespace stagekeeper {

/// Keeps one ServingTarget: claims its Deployment, releases the claim when the target is gone,
/// closes an Intent whose request is gone, and shows in its status what serves by record, and
/// whether the Deployment still says the same. Woken by events alone.
class TargetController final : public runtime::Reconciler {
 public:
  explicit TargetController(Environment environment) : env_(std::move(environment)), doer_(env_) {}

  /// Errors: those of the API and the ledgers.
  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  /// Claims the Deployment unless somebody else has. Returns what is in the way; errors are those
  /// that pass by themselves.
  [[nodiscard]] Result<promotion::Finding> claim(const ServingTarget& target,
                                                 const Deployment& deployment) const;

  /// The target is gone: its Deployment goes back to whoever delivers it, with its pins as they
  /// are.
  Status release(const runtime::Key& key) const;

  /// What became of an open Intent whose request is gone.
  struct Orphan {
    bool acted = false;  ///< something was changed: read again
    std::optional<TimePoint> wake_at;
  };

  /// Closes an Intent whose request does not exist any more, step by step.
  Result<Orphan> close_orphan(const runtime::Key& key, TargetSight& sight) const;
  [[nodiscard]] Result<bool> is_orphan(const std::string& ns, const RecordFact& intent) const;

  /// Returns what was written, for the log. `fault`: why the ledger cannot be believed.
  Result<std::string> show(const TargetSight& sight, const promotion::Finding& claim,
                           const std::string& fault) const;

  const Environment env_;
  Doer doer_;
};

}  // namespace stagekeeper
