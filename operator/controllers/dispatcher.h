#pragma once

#include "operator/controllers/approval_controller.h"
#include "operator/controllers/model_controller.h"
#include "operator/controllers/promotion_controller.h"
#include "operator/controllers/target_controller.h"

namespace stagekeeper {

/// Sends each key to the controller of its kind: one queue, so that one pool of workers serves all.
class Dispatcher final : public runtime::Reconciler {
 public:
  Dispatcher(PromotionController& promotions, ApprovalController& approvals,
             TargetController& targets, ModelController& models)
      : promotions_(promotions), approvals_(approvals), targets_(targets), models_(models) {}

  Result<runtime::Next> reconcile(const runtime::Key& key) override {
    if (key.kind == kRequestKey) return promotions_.reconcile(key);
    if (key.kind == kApprovalKey) return approvals_.reconcile(key);
    if (key.kind == kTargetKey) return targets_.reconcile(key);
    return models_.reconcile(key);
  }

  void broken(const runtime::Key& key, const std::string& what) override {
    if (key.kind == kRequestKey) promotions_.broken(key, what);
  }

 private:
  PromotionController& promotions_;
  ApprovalController& approvals_;
  TargetController& targets_;
  ModelController& models_;
};

}  // namespace stagekeeper
