#pragma once

#include "promotion/intake/intake.h"

#include <vector>

namespace stagekeeper::promotion {

/// Everything that a Promote without decision may depend on.
struct PromoteCase {
  const intake::Case& intake;
  const EvaluationFacts& evaluation;
  const std::vector<ApprovalState>& approvals;
};

/// A Promote until its decision: stage order → gates → their locked results → people → Decided, or
/// the Concluded record of a stage that serves nobody.
Decision promote(const PromoteCase& facts);

}  // namespace stagekeeper::promotion
