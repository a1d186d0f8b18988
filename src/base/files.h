#pragma once

#include "base/result.h"

#include <string>

namespace stagekeeper {

/// The whole content of a file of at most `max_bytes`.
/// Errors: NotFound, Invalid when larger, Unavailable when unreadable.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

}  // namespace stagekeeper
