#pragma once

#include <string>

namespace stagekeeper::gate {

/// The value of an environment variable, without line breaks at its end; empty where it is not set.
std::string environment(const char* name);

}  // namespace stagekeeper::gate
