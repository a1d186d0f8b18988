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

  void broken(const runtime::Key& key, const std::string& what) override;

 private:
  /// Says in the status that rounds cannot even begin, where the request has not ended by what is
  /// shown. A failure to say it changes nothing.
  void show_failure(const kube::ObjectKey& key, const std::string& reason,
                    const std::string& message) const;
  Result<promotion::Decision> consider(Observation& seen) const;
  Status act(Observation& seen, const promotion::Decision& decision) const;

  Observer observer_;
  Publisher publisher_;
  Actor actor_;
};

}  // namespace stagekeeper
