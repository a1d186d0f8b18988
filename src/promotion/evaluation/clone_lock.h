#pragma once

#include "gates/kind.h"
#include "promotion/evaluation/evaluate.h"

#include <optional>
#include <string>

// The clones of one evaluation: who has them, and whether they can be asked. Internal to this
// folder.
namespace stagekeeper::promotion {

/// What gates of that kind need; of a kind that is not known: a clone.
const gates::Needs& needs_of(const GateState& gate);

/// Whether any gate of the evaluation needs that.
bool any_needs(const EvaluationCase& facts, bool gates::Needs::* what);

/// A decision of phase Evaluating that shows the gates as they are.
Decision evaluating(const EvaluationCase& facts, Wait wait);

/// Brings about the clones of this evaluation, one create a round; nothing more to say once all are
/// there and ours.
std::optional<Decision> prepare_clones(const EvaluationCase& facts);

/// The first clone that gates cannot ask yet, or null. All of them must be there.
const CloneState* unready_clone(const EvaluationCase& facts);

/// Why it cannot be asked, for people.
std::string problem_of(const CloneState& clone);

/// When nobody waits for a clone any longer: an activeDeadline after the last sign of life.
TimePoint patience(const EvaluationCase& facts, const CloneState& clone);

/// Waits for a clone until then.
Decision not_ready(const EvaluationCase& facts, const CloneState& clone);

}  // namespace stagekeeper::promotion
