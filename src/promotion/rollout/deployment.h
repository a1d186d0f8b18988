#pragma once

#include "promotion/action.h"
#include "promotion/world.h"

#include <string>
#include <vector>

// What the Deployment of a target shows of an Intent. Internal to this folder.
namespace stagekeeper::promotion::rollout {

/// How far a Deployment is with an Intent.
enum class PinState {
  kBefore,     ///< it bears an earlier sequence: the pin is not written yet
  kPinned,     ///< this Intent wrote it
  kFenced,     ///< the Intent's sequence, written by a fence: it can only be aborted
  kOvertaken,  ///< it bears a later sequence
};

PinState pin_state(const Deployment& deployment, const RecordFact& intent);

/// Whether every wanted pin is there, once in its container and as a plain value, and none of
/// `others` that is not wanted.
bool holds(const Deployment& deployment, const std::vector<RenderedPin>& wanted,
           const std::vector<RenderedPin>& others);

/// A container that a pin needs and the Deployment lacks, or an empty string.
std::string lacks_container(const Deployment& deployment, const std::vector<RenderedPin>& pins);

/// What of `pins` the Deployment bears, with the values it has now.
std::vector<RenderedPin> present(const Deployment& deployment,
                                 const std::vector<RenderedPin>& pins);

/// Every replica runs the present template and is available.
bool rolled_out(const Deployment& deployment);

/// How long after the pin an unchanged ProgressDeadlineExceeded counts: see gave_up().
std::chrono::seconds patience(const Deployment& deployment);

/// When the present pins were written; `fallback` when the Deployment does not say.
TimePoint pinned_at(const Deployment& deployment, TimePoint fallback);

/// The Deployment controller gave up, and on this rollout. When an earlier ReplicaSet is used again
/// the condition of the rollout before stays until there is progress, even under the new
/// observedGeneration, and for ever if there never is. A deadline of this rollout cannot have
/// passed before half of it has since the pin; after one and a half the old condition says the same
/// as a new one.
bool gave_up(const Deployment& deployment, TimePoint pinned, TimePoint now);

/// The pins of a version on a decided target: as they were rendered when it was decided, so that
/// nobody changes them by editing the ServingTarget.
std::vector<RenderedPin> pins_of(const DecidedFacts::Target& target, const TargetState& state,
                                 const VersionRef& version);

/// Whether the decision adds pins to those that an adoption found.
bool adds_pins(const DecidedFacts::Target& target);

/// Raises the sequence to that of the Intent. `held`: pins that our field manager may hold.
RaiseFence fence(const std::string& target, const Deployment& deployment, const RecordFact& intent,
                 const std::vector<RenderedPin>& held);

}  // namespace stagekeeper::promotion::rollout
