#include "tests/fakes/server_side_apply.h"

#include <algorithm>

namespace stagekeeper::fakes {

using nlohmann::json;

namespace {

bool is_named_list(const json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(),
                     [](const json& each) { return each.is_object() && each.contains("name"); });
}

json* item_named(json& list, const json& name) {
  for (json& each : list) {
    if (each.is_object() && each.value("name", json()) == name) return &each;
  }
  return nullptr;
}

const json* item_named(const json& list, const json& name) {
  return item_named(const_cast<json&>(list), name);
}

bool has_at(const json* fields, const std::string& key) {
  return fields != nullptr && fields->is_object() && fields->contains(key);
}

}  // namespace

json owned_fields(json body) {
  for (const char* field : {"apiVersion", "kind"})
    body.erase(field);
  if (body.contains("metadata")) {
    for (const char* field : {"name", "namespace", "uid", "resourceVersion"})
      body["metadata"].erase(field);
  }
  return body;
}

void merge_named(json& into, const json& from) {
  if (from.is_object() && into.is_object()) {
    for (const auto& [key, value] : from.items()) {
      if (into.contains(key)) {
        merge_named(into[key], value);
      } else {
        into[key] = value;
      }
    }
  } else if (is_named_list(from) && (is_named_list(into) || into.empty())) {
    if (!into.is_array()) into = json::array();
    for (const json& each : from) {
      if (json* there = item_named(into, each["name"])) {
        merge_named(*there, each);
      } else {
        into.push_back(each);
      }
    }
  } else {
    into = from;
  }
}

std::string first_conflict(const json& current, const json& wanted, const json& theirs,
                           const std::string& path) {
  if (wanted.is_object() && theirs.is_object()) {
    for (const auto& [key, value] : wanted.items()) {
      if (!theirs.contains(key)) continue;
      const json now = current.is_object() ? current.value(key, json()) : json();
      if (std::string at = first_conflict(now, value, theirs[key], path + "." + key); !at.empty())
        return at;
    }
    return "";
  }
  if (is_named_list(wanted) && is_named_list(theirs)) {
    for (const json& each : wanted) {
      const json* other = item_named(theirs, each["name"]);
      const json* now = current.is_array() ? item_named(current, each["name"]) : nullptr;
      if (other == nullptr) continue;
      const std::string here = path + "[" + each["name"].get<std::string>() + "]";
      std::string at = first_conflict(now == nullptr ? json() : *now, each, *other, here);
      if (!at.empty()) return at;
    }
    return "";
  }
  return current == wanted ? "" : path;
}

void drop_unowned(json& object, const json& before, const json& now,
                  const std::vector<const json*>& others) {
  if (before.is_object() && object.is_object()) {
    for (const auto& [key, value] : before.items()) {
      if (!object.contains(key) || key == "name") continue;
      std::vector<const json*> deeper;
      for (const json* other : others) {
        if (has_at(other, key)) deeper.push_back(&(*other)[key]);
      }
      const json kept = now.is_object() ? now.value(key, json()) : json();
      if (value.is_object() || is_named_list(value)) {
        drop_unowned(object[key], value, kept, deeper);
        if (object[key].empty() && deeper.empty() && kept.is_null()) object.erase(key);
      } else if (kept.is_null() && deeper.empty()) {
        object.erase(key);
      }
    }
  } else if (is_named_list(before) && object.is_array()) {
    for (const json& each : before) {
      json* there = item_named(object, each["name"]);
      if (there == nullptr) continue;
      std::vector<const json*> deeper;
      for (const json* other : others) {
        if (const json* item = other->is_array() ? item_named(*other, each["name"]) : nullptr)
          deeper.push_back(item);
      }
      const json* kept = now.is_array() ? item_named(now, each["name"]) : nullptr;
      drop_unowned(*there, each, kept == nullptr ? json() : *kept, deeper);
      if (kept == nullptr && deeper.empty() && there->size() == 1)
        object.erase(object.begin() + (there - &object[0]));
    }
  }
}

}  // namespace stagekeeper::fakes
