#pragma once

#include "operator/cluster/environment.h"
#include "runtime/controller.h"

#include <string>
#include <vector>

namespace stagekeeper {

/// Shows where the versions of one model are, by its ledger: the status of each ModelVersion, one
/// ModelStage per declared stage, and the head of the ledger in the policy's status. Views only:
/// delete any of it and it is built again.
class ModelController final : public runtime::Reconciler {
 public:
  explicit ModelController(Environment environment) : env_(std::move(environment)) {}

  /// Errors: those of the API and the ledgers.
  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  struct Model;

  [[nodiscard]] Result<Model> read(const runtime::Key& key) const;
  Result<int> show_versions(const Model& model) const;
  Result<int> show_stages(const Model& model) const;
  Result<int> show_stage(const Model& model, const StageSpec& stage) const;
  Result<int> show_head(const Model& model) const;

  /// Targets whose objects are gone wake nobody: an Intent that is open there would stay so.
  Status wake_lost_targets(const Model& model) const;

  const Environment env_;
};

}  // namespace stagekeeper
