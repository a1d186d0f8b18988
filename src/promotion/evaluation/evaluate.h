#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <optional>
#include <string>
#include <vector>

// One machine for the gates of a stage:
//
//   (nothing) ─CreateClone candidate─► locked ─CreateClone baseline─► pods ready ─Jobs─► ended
//        ▲                               │ evaluation changed             │ Errored: again, spaced
//        └────────────── deleted ◄───────┴────────────────────────────────┘
namespace stagekeeper::promotion {

/// Everything that the gates of one request may depend on.
struct EvaluationCase {
  TimePoint now{};
  const Subject& subject;  ///< with its version, its policy and the stage's GateClasses
  const StageSpec& stage;
  const EvaluationFacts& facts;
  const Belongings& owned;
  VersionRef candidate;  ///< the version that is asked for
  VersionRef champion;   ///< what the cloned target serves by record; empty: nothing
  std::string digest;    ///< evaluation_digest()
};

/// What comes next, or what came out.
struct Evaluated {
  std::optional<Decision> step;  ///< nothing: every gate is final
  std::vector<GateState> gates;  ///< then: what to record
};

/// Runs the gates of the requested stage until every one has ended; one that fails stops no other.
///
/// The candidate is the lock of the target, since its name exists once: the other clone and the
/// Jobs come only after the candidate was seen to be ours and to be what we would have made.
/// Technical trouble is tried again as often as the GateClass says, spaced by spacing_after(). A
/// clone that does not get ready in the largest activeDeadline of the stage's GateClasses ends the
/// gates as Errored, so that nobody holds a target for ever.
Evaluated evaluate(const EvaluationCase& facts);

/// Whether another attempt will not follow.
bool is_final(const GateState& gate, const Subject& subject);

}  // namespace stagekeeper::promotion
