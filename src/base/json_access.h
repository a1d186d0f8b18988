#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper {

/// Looks into JSON of which nothing is taken for granted: an absent member, and a step into what is
/// no object, are answers and not errors. None of these throws.
using JsonPath = std::initializer_list<const char*>;

/// The value at a path of member names, null when there is none. An empty path is the value itself.
/// Points into `value`.
const nlohmann::json* find_at(const nlohmann::json& value, JsonPath path);

/// The string there; empty when it is absent or of another type.
std::string text_at(const nlohmann::json& value, JsonPath path);

/// The whole number there; nothing when it is absent, of another type, a fraction or beyond 2^63.
std::optional<std::int64_t> number_at(const nlohmann::json& value, JsonPath path);

/// The array there; an empty one when it is absent or of another type. Points into `value`, or at
/// a constant.
const nlohmann::json& list_at(const nlohmann::json& value, JsonPath path);

/// Whether that is a JSON Pointer (RFC 6901): empty, or "/" before each part, and "~" only as "~0"
/// or "~1".
bool is_json_pointer(std::string_view text);

/// What a JSON Pointer names, or null; also for a text that is no pointer. An index too large for
/// any array is one that is not there. Points into `value`.
const nlohmann::json* follow(const nlohmann::json& value, const std::string& pointer);

}  // namespace stagekeeper
