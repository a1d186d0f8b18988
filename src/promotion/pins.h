#pragma once

#include "model/workloads.h"
#include "promotion/world.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::promotion {

/// The env entries that pin `version`, in the target's order, with ${model} ${version} ${digest}
/// ${artifactUri} filled in. An empty version gives none: the Deployment is unpinned.
std::vector<RenderedPin> render_pins(const ServingTarget& target, const VersionRef& version);

/// Whether the Deployment's template holds exactly these values, each in its container (an init
/// container too) and as the only entry of its name; of pins that the target knows and `pins` lacks
/// it must hold none.
bool holds_pins(const Deployment& deployment, const ServingTarget& target,
                const std::vector<RenderedPin>& pins);

/// The same for the pins of a version; an empty version: unpinned.
bool holds_pins(const Deployment& deployment, const ServingTarget& target,
                const VersionRef& version);

/// The entries of a variable in a container of that name: the API server takes duplicates, and the
/// kubelet uses the last one.
std::vector<const EnvVar*> entries_of(const Deployment& deployment, const std::string& container,
                                      const std::string& name);

/// Whether the pin is there, once in its container and as a plain value.
bool holds_pin(const Deployment& deployment, const RenderedPin& pin);

/// Those of `wanted` that the Deployment bears with their very values.
std::vector<RenderedPin> borne_pins(const Deployment& deployment,
                                    const std::vector<RenderedPin>& wanted);

/// Whether a Deployment that was pinned by nobody of ours runs the version, as far as it says: it
/// bears every pin with its value, but may lack those that the target makes of the digest alone.
/// They say what the bytes must be, and nothing of which are loaded. One pin at least is there.
bool runs_version(const Deployment& deployment, const ServingTarget& target,
                  const std::vector<RenderedPin>& pins);

/// A container that the target pins and the Deployment's template lacks, or an empty string.
std::string missing_container(const Deployment& deployment, const ServingTarget& target);

/// "Deployment x has no container y, … it has a, b": for people who look for the right name.
std::string lacks_text(const Deployment& deployment, std::string_view container);

/// The sequence of the record that wrote the present pins, by the Deployment's annotation; 0 for
/// none. What is no number counts as the greatest: nothing may be written over it.
std::uint64_t pinned_sequence(const Deployment& deployment);

/// What stands in place of a record's digest where a Rollback has put pins back while the audit
/// store was away: no record allows more than what serves by record, and none could be written.
std::string taken_back_mark(const ObjectMeta& request);

/// Whether that request has done so on the Deployment.
bool taken_back_by(const Deployment& deployment, const ObjectMeta& request);

/// Whether any request has done so: its name, or nothing.
std::optional<std::string> taken_back(const Deployment& deployment);

}  // namespace stagekeeper::promotion
