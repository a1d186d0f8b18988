#pragma once

#include "operator/cluster/environment.h"
#include "operator/promotions/observation.h"
#include "promotion/decide.h"

#include <string>

namespace stagekeeper {

/// Carries out actions: one effect each, under a precondition, so that every one may be run again,
/// by us after a crash or by another replica at the same time.
///
/// Errors of all calls: those of the API and the ledger. Conflict: the world has moved, read it
/// again. FieldConflict: another manager owns a pin; the text names it. Cancelled: this process
/// does not lead any more, and nothing was done. Thread-safe.
class Doer {
 public:
  explicit Doer(const Environment& environment) : env_(environment) {}

  /// Keeps `seen` current where the action changes what was read of the request.
  Status run(Observation& seen, const promotion::Action& action) const;

  /// Puts the answers to a decision's questions into the World. A right that could not be asked is
  /// answered without a value. Errors: those of the API, of pins only.
  Status answer(Observation& seen, const std::vector<promotion::Question>& questions) const;

 private:
  Status set_finalizer(Observation& seen, bool present) const;
  /// Errors: Conflict while something of the request is left.
  Status nothing_left(const PromotionRequest& request) const;
  Status create_clone(const promotion::World& world, const promotion::CreateClone& clone) const;
  Status create_gate_job(const promotion::World& world, const promotion::CreateGateJob& job) const;
  Status delete_owned(const promotion::World& world, const promotion::DeleteOwned& owned) const;
  Status append(Observation& seen, const promotion::AppendRecord& record) const;
  Status patch_pin(promotion::World& world, const promotion::PatchPin& pin) const;
  Status raise_fence(const promotion::World& world, const promotion::RaiseFence& fence) const;

  /// Whether the pins could be written now, by a dry run.
  Result<promotion::PinTrial> try_pin(const promotion::World& world,
                                      const promotion::PinQuestion& question) const;

  const Environment& env_;
};

}  // namespace stagekeeper
