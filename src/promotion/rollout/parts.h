#pragma once

#include "promotion/rollout/rollout.h"

#include <string>

// The parts of step(). Internal to this folder.
namespace stagekeeper::promotion::rollout {

/// The Deployment that was decided on, or null: it or its target is gone, being deleted, or is
/// another object of the same name.
const Deployment* decided_deployment(const Case& facts);

/// kTargetGone or kDeploymentGone: why decided_deployment() is null.
EndCode gone_code(const Case& facts);

/// Why a change that is not yet made must not be made any more, or nothing.
struct Stop {
  EndCode code = EndCode::kNone;
  std::string text;
};

/// `before`: the sequence of the Intent, or the greatest number before there is one.
std::optional<Stop> must_stop(const Case& facts, std::uint64_t before);

/// No Intent of this request yet: write it, wait, or leave the target as it is.
Step begin(const Case& facts);

/// The Intent is open. `way_back`: it takes a failed change back.
Step carry_out(const Case& facts, const RecordFact& intent, bool way_back);

/// The pins were changed and the change has failed: the Intent that takes it back.
Step go_back(const Case& facts, const RecordFact& aborted);

/// The smoke test of what is served; nothing: it has passed.
std::optional<Step> smoke(const Case& facts, const RecordFact& intent);

/// Closes the Intent without success, with a fence where the Deployment was not touched.
Step abort(const Case& facts, const RecordFact& intent, const Stop& stop);

/// Closes the Intent: the pins serve.
Step applied(const Case& facts, const RecordFact& intent);

/// A step that waits.
Step waits(const Case& facts, Wait wait);

/// The target has ended for this request.
Step ended(const Case& facts, TargetEnd end);

}  // namespace stagekeeper::promotion::rollout
