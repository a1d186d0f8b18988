#pragma once

#include <string>
#include <string_view>

namespace stagekeeper {

/// With A-Z as a-z; every other byte stays, whatever the locale.
std::string lower_ascii(std::string_view text);

}  // namespace stagekeeper
