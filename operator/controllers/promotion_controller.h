#pragma once

#include "operator/controllers/actor.h"
#include "operator/controllers/observer.h"
#include "operator/controllers/publisher.h"
#include "promotion/decide.h"
#include "runtime/controller.h"

namespace stagekeeper {

/// One round for one PromotionRequest: observe, decide, publish, act. Holds no state between
/// rounds.
class PromotionController final : public runtime::Reconciler {
 public:
  PromotionController(Observer observer, Publisher publisher, Actor actor)
      : observer_(std::move(observer)), publisher_(publisher), actor_(std::move(actor)) {}

  /// Errors: any code from the ports, with the step before it. The queue retries the transient
  /// ones.
  Result<runtime::Next> reconcile(const runtime::Key& key) override;

 private:
  Result<promotion::Decision> consider(Observation& seen) const;
  Status act(Observation& seen, const promotion::Decision& decision) const;

  Observer observer_;
  Publisher publisher_;
  Actor actor_;
};

}  // namespace stagekeeper
