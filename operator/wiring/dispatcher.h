#pragma once

#include "operator/cluster/environment.h"
#include "operator/promotions/promotion_controller.h"
#include "operator/views/approval_controller.h"
#include "operator/views/gate_class_controller.h"
#include "operator/views/model_controller.h"
#include "operator/views/policy_controller.h"
#include "operator/views/target_controller.h"
#include "runtime/controller.h"

#include <functional>
#include <map>
#include <string>

namespace stagekeeper {

/// Sends each key to the controller of its kind: one queue, so that one pool of workers serves all.
class Dispatcher final : public runtime::Reconciler {
 public:
  Dispatcher(const Environment& environment, runtime::EventRecorder& events,
             runtime::Metrics& metrics)
      : promotions_(environment, events, metrics),
        approvals_(environment),
        targets_(environment, events, metrics),
        models_(environment),
        policies_(environment, events),
        gate_classes_(environment),
        by_kind_{{kRequestKey, promotions_}, {kApprovalKey, approvals_},
                 {kTargetKey, targets_},     {kModelKey, models_},
                 {kPolicyKey, policies_},    {kGateClassKey, gate_classes_}} {}

  Result<runtime::Next> reconcile(const runtime::Key& key) override {
    const auto found = by_kind_.find(key.kind);
    if (found == by_kind_.end())
      return fail(ErrorCode::kInvalid, "bug: no controller: " + key.kind);
    return found->second.get().reconcile(key);
  }

  void broken(const runtime::Key& key, const std::string& what) override {
    const auto found = by_kind_.find(key.kind);
    if (found != by_kind_.end()) found->second.get().broken(key, what);
  }

 private:
  PromotionController promotions_;
  ApprovalController approvals_;
  TargetController targets_;
  ModelController models_;
  PolicyController policies_;
  GateClassController gate_classes_;
  std::map<std::string, std::reference_wrapper<runtime::Reconciler>> by_kind_;
};

}  // namespace stagekeeper
