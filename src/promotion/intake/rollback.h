#pragma once

#include "promotion/world.h"

#include <optional>
#include <string>

// What the two ways of a Rollback share: with its records, and while the audit store is away.
// Internal to this folder.
namespace stagekeeper::promotion::intake {

/// What makes a rollback of this target a thing of the past: a Rollback that had to wait must not
/// undo what was begun meanwhile; and of those that name no version, and so mean "away from what
/// serves now", one goes back for all that were asked for before it began.
std::optional<std::string> overtaken(const TargetState& state, const PromotionRequest& request);

}  // namespace stagekeeper::promotion::intake
