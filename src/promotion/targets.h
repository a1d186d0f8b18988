#pragma once

#include "promotion/world.h"

#include <string>
#include <vector>

namespace stagekeeper::promotion {

/// The GateClass of the smoke test.
inline constexpr const char* kSmokeClass = "stagekeeper-smoke";

/// Names of the targets that a request asks for, sorted: those it names, else all of its stage.
/// Empty without policy, without such a stage, and for stages that serve nobody; a Rollback needs
/// no policy and no stage for the targets that it names.
std::vector<std::string> asked_targets(const Subject& subject);

/// The version that a request names, as records name it, in the requested stage. Without its
/// ModelVersion the digest is empty.
VersionRef requested(const Subject& subject);

/// Whether the stage serves users: it has targets.
bool serves(const StageSpec& stage);

/// The facts of the target of that name, or null.
const RolloutFacts* find_target(const std::vector<RolloutFacts>& targets, std::string_view name);

/// The ledgers of all of the model's targets.
std::vector<const History*> ledgers_of(const World& world);

}  // namespace stagekeeper::promotion
