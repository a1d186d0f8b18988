#include "base/json_access.h"

#include <nlohmann/json.hpp>

#include <limits>

namespace stagekeeper {

using nlohmann::json;

const json* find_at(const json& value, JsonPath path) {
  const json* here = &value;
  for (const char* key : path) {
    if (!here->is_object()) return nullptr;
    const auto found = here->find(key);
    if (found == here->end()) return nullptr;
    here = &*found;
  }
  return here;
}

std::string text_at(const json& value, JsonPath path) {
  const json* found = find_at(value, path);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::int64_t> number_at(const json& value, JsonPath path) {
  const json* found = find_at(value, path);
  if (found == nullptr || !found->is_number_integer()) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > kMax) return std::nullopt;
  return found->get<std::int64_t>();
}

const json& list_at(const json& value, JsonPath path) {
  static const json kNone = json::array();
  const json* found = find_at(value, path);
  return found != nullptr && found->is_array() ? *found : kNone;
}

bool is_json_pointer(std::string_view text) {
  if (text.empty()) return true;
  if (!text.starts_with('/')) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '~') continue;
    if (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1')) return false;
  }
  return true;
}

const nlohmann::json* follow(const nlohmann::json& value, const std::string& pointer) {
  try {
    return &value.at(nlohmann::json::json_pointer(pointer));
  } catch (const nlohmann::json::exception&) {
    return nullptr;
  }
}

}  // namespace stagekeeper
