#pragma once

#include "tests/explorer/scene.h"

#include <string>
#include <vector>

namespace stagekeeper::explorer {

/// The worlds that are explored.
const std::vector<Scope>& scopes();

/// The scope of that name.
const Scope& scope_of(const std::string& name);

/// One switch for each defence, each named after what happens without it.
const std::vector<Bug>& bugs();

}  // namespace stagekeeper::explorer
