#pragma once

#include "operator/cluster/environment.h"
#include "operator/promotions/doer.h"
#include "operator/promotions/target_reader.h"
#include "promotion/serving/serving.h"
#include "promotion/views/object_views.h"
#include "runtime/controller.h"
#include "runtime/events.h"
#include "runtime/metrics.h"

#include <map>
#include <optional>

namespace stagekeeper {

/// Keeps one ServingTarget: claims its Deployment, releases the claim when the target is gone,
/// closes an Intent whose request is gone, gives a Deployment that was created again its pins back,
/// holds what users reach against what was recorded,
/// records where they differ, and shows all that in its status. Woken by events alone.
class TargetController final : public runtime::Reconciler {
 public:
  /// Events and metrics outlive it.
  TargetController(Environment environment, runtime::EventRecorder& events,
                   runtime::Metrics& metrics)
      : env_(std::move(environment)), events_(events), metrics_(metrics), doer_(env_) {}

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

  /// What was done about pins that nobody else puts right.
  struct Repair {
    bool acted = false;  ///< something was changed: read again
    std::optional<TimePoint> wake_at;
  };

  /// Closes an Intent whose request does not exist any more, step by step.
  Result<Repair> close_orphan(const runtime::Key& key, TargetSight& sight) const;
  [[nodiscard]] Result<bool> is_orphan(const std::string& ns, const RecordFact& intent) const;

  /// Gives a Deployment that was created again without pins those of what serves by record.
  Result<Repair> restore(const runtime::Key& key, TargetSight& sight) const;

  /// Whose actions are run.
  struct Whose {
    RequestRef request;
    std::string model;
  };

  Status act(const runtime::Key& key, const TargetSight& sight, const Whose& whose,
             const std::vector<promotion::Action>& actions) const;

  /// What users reach, shown and recorded.
  struct Truth {
    std::string diff;       ///< what was written, for the log
    bool recorded = false;  ///< the status does not show the record yet
    std::optional<TimePoint> wake_at;
  };

  Result<Truth> tell_truth(const runtime::Key& key, const TargetSight& sight,
                           const promotion::Finding& claim);

  /// Whether an endpoint without a pod has been seen long enough to be believed: a pod that goes is
  /// gone before its endpoint is.
  bool lasts(const runtime::Key& key, bool unsure, TimePoint now);

  /// Returns what was written, for the log. `fault`: why the ledger cannot be believed.
  Result<std::string> show(const TargetSight& sight, const promotion::Finding& claim,
                           std::optional<promotion::serving::Verdict> serving,
                           const std::string& fault) const;
  void report(const TargetSight& sight, const promotion::serving::Verdict& serving) const;

  const Environment env_;
  runtime::EventRecorder& events_;
  runtime::Metrics& metrics_;
  Doer doer_;
  Mutex mutex_;
  /// Since when a target has an endpoint without a pod. Lost, it is only seen later.
  std::map<runtime::Key, TimePoint> unsure_ SK_GUARDED_BY(mutex_);
};

}  // namespace stagekeeper
