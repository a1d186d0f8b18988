#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <vector>

namespace stagekeeper::promotion::rollout {

/// Everything that a decided request may depend on.
struct AllCase {
  TimePoint now{};
  const Subject& subject;
  const DecidedFacts& decided;
  const History& model_ledger;
  const std::vector<RolloutFacts>& targets;
  const std::vector<const History*>& ledgers;  ///< of all of the model's targets
  bool all_read = true;                        ///< as conclusion::Moved
  const std::vector<ApprovalState>& approvals;
  const Rights& rights;
};

/// Runs one machine per target of the decision. They do not wait for each other; when every one has
/// ended, the request is concluded.
Decision roll_out(const AllCase& facts);

}  // namespace stagekeeper::promotion::rollout
