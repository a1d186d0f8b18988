#pragma once

#include "model/workloads.h"
#include "promotion/world.h"

#include <cstdint>
#include <string>
#include <vector>

namespace stagekeeper::promotion {

/// The env entries that pin `version`, in the target's order, with ${model} ${version} ${digest}
/// ${artifactUri} filled in. An empty version gives none: the Deployment is unpinned.
std::vector<EnvVar> render_pins(const ServingTarget& target, const VersionRef& version);

/// Whether the target's container holds exactly these pins.
bool pins_match(const Deployment& deployment, const ServingTarget& target,
                const VersionRef& version);

/// The sequence of the record that wrote the present pins, by the Deployment's annotation; 0 for
/// none. What is no number counts as the greatest: nothing may be written over it.
std::uint64_t pinned_sequence(const Deployment& deployment);

}  // namespace stagekeeper::promotion
