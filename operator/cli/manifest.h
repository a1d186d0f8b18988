#pragma once

#include "base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <string_view>
#include <vector>

namespace stagekeeper::cli {

/// Reads the documents of a manifest (YAML, of which JSON is a part) of at most 1 MiB, empty ones
/// left out. Scalars become what YAML 1.2's core schema says: what is quoted stays a text.
///
/// Errors: Invalid for what is no YAML, for a document that is no map, for more than 100000 values
/// or 64 levels once aliases are followed, and for keys that occur twice.
Result<std::vector<nlohmann::json>> read_manifest(std::string_view text);

}  // namespace stagekeeper::cli
