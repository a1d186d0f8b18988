#include "promotion/views/status_patch.h"

#include "base/json_access.h"
#include "promotion/views/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

/// Whether `current` shows all of `wanted`: the objects a merge patch would not change.
bool shows(const json& current, const json& wanted) {
  if (!wanted.is_object()) return current == wanted;
  if (!current.is_object()) return false;
  return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& member) {
    const auto found = current.find(member.key());
    if (member.value().is_null()) return found == current.end();
    return found != current.end() && shows(*found, member.value());
  });
}

/// The condition with the time its status last changed.
json dated(json condition, const json& old, TimePoint now) {
  condition["lastTransitionTime"] = format_time(now);
  for (const json& before : old) {
    const std::string since = text_at(before, {"lastTransitionTime"});
    const bool same = text_at(before, {"type"}) == condition["type"] &&
                      text_at(before, {"status"}) == condition["status"];
    if (same && !since.empty()) condition["lastTransitionTime"] = since;
  }
  return condition;
}

}  // namespace

Result<std::string> status_patch(const ObjectMeta& meta, const std::string& fields,
                                 const Conditions& conditions, std::string_view current_json,
                                 TimePoint now) {
  const Result<json> current = view::status_of(current_json);
  if (!current) return tl::unexpected(current.error());
  json wanted = json::parse(fields);
  wanted["conditions"] = json::array();
  for (const json& each : conditions.json())
    wanted["conditions"].push_back(dated(each, list_at(*current, {"conditions"}), now));
  if (shows(*current, wanted)) return std::string();
  return view::text_of(
      {{"metadata", {{"uid", meta.uid}, {"resourceVersion", meta.resource_version}}},
       {"status", wanted}});
}

}  // namespace stagekeeper::promotion
