#pragma once

#include "operator/controllers/ledgers.h"
#include "operator/wiring/caches.h"
#include "runtime/controller.h"

#include <map>
#include <string>
#include <vector>

namespace stagekeeper {

/// Shows where the versions of one model are: the status of each ModelVersion, one Stage object per
/// declared stage, and the policy's conditions. Views only: delete any of it and it is built again.
class ModelController final : public runtime::Reconciler {
 public:
  struct Ports {
    kube::Api& api;
    const Stores& stores;
    Ledgers& ledgers;
    const StoreTrust& trust;
    const Clock& clock;
  };

  explicit ModelController(Ports ports) : ports_(ports) {}

  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  struct Model;

  Result<Model> read(const runtime::Key& key) const;
  Status show_versions(const Model& model) const;
  Status show_stages(const Model& model) const;
  Status show_stage(const Model& model, const StageSpec& stage) const;
  Status show_policy(const Model& model) const;
  Status patch_status(const kube::ResourceType& type, const kube::ObjectKey& key,
                      const std::string& fields) const;

  Ports ports_;
};

}  // namespace stagekeeper
