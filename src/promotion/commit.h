#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <optional>
#include <string_view>
#include <vector>

// The last checks of the world, then the record that allows pins to change.
namespace stagekeeper::promotion {

/// What a Decided record is written from, beside what is decided.
struct CommitCase {
  TimePoint now{};
  std::string_view decision_digest;
  const Subject& subject;
  const History& model_ledger;
  const std::vector<RolloutFacts>& targets;
  const std::vector<ApprovalState>& approvals;
};

/// Asks by a dry run whether the pins could be written on each target, holds the request, and
/// records the decision. `facts.targets` are all targets that are to change; `facts.record` is not
/// used.
Decision commit(const CommitCase& place, const DecidedFacts& facts);

/// A decision that no record can hold is told before people are asked about it.
std::optional<Wait> too_large(const CommitCase& place, const DecidedFacts& facts);

}  // namespace stagekeeper::promotion
