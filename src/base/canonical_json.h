#pragma once

#include "base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace stagekeeper {

/// RFC 8785 (JCS) bytes of a JSON value, for the subset that records use: objects, arrays, strings,
/// booleans, null and integers within ±2^53. Keys sort by UTF-16 code units.
/// Errors: Invalid for a float (records hold decimal strings), an integer beyond 2^53, a string
/// that is not UTF-8, or nesting deeper than 32.
Result<std::string> canonical_json(const nlohmann::json& value);

/// Parses JSON from outside: at most `max_bytes`, at most 32 levels, no duplicate keys, valid
/// UTF-8, nothing after the value. Errors: Invalid, with what is wrong and never the text itself.
Result<nlohmann::json> parse_strict_json(std::string_view text, std::size_t max_bytes);

}  // namespace stagekeeper
