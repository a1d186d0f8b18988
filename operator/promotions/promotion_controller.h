#pragma once

#include "operator/promotions/doer.h"
#include "operator/promotions/publisher.h"
#include "operator/promotions/reader.h"
#include "promotion/decide.h"
#include "runtime/controller.h"

#include <functional>

namespace stagekeeper {

/// One round for one PromotionRequest: observe, decide, act, publish. Holds no state between
/// rounds.
///
/// A round that has appended a record looks at the ledgers again and decides anew at once, so that
/// what follows a record need not read the cluster a second time; what else it acts on is guarded
/// by the versions it was read at. Its status is published once, at its end.
class PromotionController final : public runtime::Reconciler {
 public:
  /// promotion::decide, or what a test puts in its place.
  using Decide = std::function<promotion::Decision(const promotion::World&)>;

  PromotionController(Environment environment, runtime::EventRecorder& events,
                      runtime::Metrics& metrics, Decide decide = promotion::decide);

  /// Errors: any code from the ports, with the step before it. The queue retries the transient
  /// ones.
  Result<runtime::Next> reconcile(const runtime::Key& key) override;

  void broken(const runtime::Key& key, const std::string& what) override;

 private:
  /// What a turn's actions came to.
  struct Outcome {
    bool recorded = false;
    std::string did;             ///< for the log
    std::optional<Error> error;  ///< the first that is not only a lost race
    const promotion::Action* failed = nullptr;
  };

  /// Decides, and answers what decide() asks, until it asks no more. Errors: those of the API.
  Result<promotion::Decision> consider(Observation& seen) const;

  /// Runs the actions in order. One that fails stops the later ones about the same target, or all
  /// later ones.
  Outcome act(Observation& seen, const promotion::Decision& decision) const;

  Result<runtime::Next> round(Observation& seen) const;

  /// Decides and acts until nothing more was recorded. `counted` becomes the last decision that
  /// says which approvals count.
  Result<runtime::Next> turns(Observation& seen, promotion::Decision& counted) const;
  [[nodiscard]] Result<runtime::Next> failed(Observation& seen, promotion::Decision decision,
                                             Outcome outcome) const;
  void keep_waiting(const Observation& seen, const promotion::Decision& decision) const;

  /// Says in the status that rounds cannot even begin, where the request has not ended by what is
  /// shown. A failure to say it changes nothing.
  void show_failure(const kube::ObjectKey& key, const std::string& reason,
                    const std::string& message) const;

  const Environment env_;
  const Decide decide_;
  Reader reader_;
  Doer doer_;
  Publisher publisher_;
};

}  // namespace stagekeeper
