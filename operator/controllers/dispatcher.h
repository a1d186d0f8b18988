#pragma once

#include "operator/controllers/model_controller.h"
#include "operator/controllers/promotion_controller.h"
#include "operator/controllers/target_controller.h"

namespace stagekeeper {

/// Sends each key to the controller of its kind: one queue, so that one pool of workers serves all.
class Dispatcher final : public runtime::Reconciler {
 public:
  Dispatcher(PromotionController& promotions, TargetController& targets, ModelController& models)
      : promotions_(promotions), targets_(targets), models_(models) {}

  Result<runtime::Next> reconcile(const runtime::Key& key) override {
    if (key.kind == kRequestKey) return promotions_.reconcile(key);
    if (key.kind == kTargetKey) return targets_.reconcile(key);
    return models_.reconcile(key);
  }

 private:
  PromotionController& promotions_;
  TargetController& targets_;
  ModelController& models_;
};

}  // namespace stagekeeper
