#include "model/pod_match.h"

#include "base/canonical_json.h"
#include "model/decode.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace stagekeeper {
namespace {

using nlohmann::json;

/// What decides which program runs with what. Defaults are written by the API server into template
/// and pod alike, so that equal means equal.
constexpr std::array kContainerFields = {"image",      "command", "args", "envFrom",
                                         "workingDir", "ports",   "env"};
constexpr std::array kPodFields = {"serviceAccountName", "hostNetwork", "hostPID",
                                   "shareProcessNamespace", "runtimeClassName"};

const json& member(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

/// The item of a list of that name, or null.
const json* named(const json& list, const json& name) {
  if (!list.is_array()) return nullptr;
  for (const json& item : list) {
    if (member(item, "name") == name) return &item;
  }
  return nullptr;
}

std::string label(const json& name) {
  return "[" + (name.is_string() ? name.get<std::string>() : name.dump()) + "]";
}

/// The items of that name, in order: of variables with one name the last rules.
std::vector<json> all_named(const json& list, const json& name) {
  std::vector<json> out;
  if (!list.is_array()) return out;
  std::copy_if(list.begin(), list.end(), std::back_inserter(out),
               [&](const json& item) { return member(item, "name") == name; });
  return out;
}

/// Whatever the wanted list names is in the other just so, and no second time.
bool holds_all(const json& wanted, const json& found) {
  if (!wanted.is_array()) return true;
  return std::all_of(wanted.begin(), wanted.end(), [&](const json& item) {
    const json& name = member(item, "name");
    return all_named(wanted, name) == all_named(found, name);
  });
}

/// Admission may add variables and mounts; commands and images it may not touch unseen.
bool same_field(const char* key, const json& wanted, const json& found) {
  if (std::string_view(key) == "env" || std::string_view(key) == "ports")
    return holds_all(wanted, found);
  return wanted == found;
}

std::string container_departure(const json& wanted_list, const json& found_list,
                                const std::string& path) {
  if (!wanted_list.is_array()) return {};
  for (const json& wanted : wanted_list) {
    const json& name = member(wanted, "name");
    const json* found = named(found_list, name);
    if (found == nullptr) return path + label(name);
    for (const char* key : kContainerFields) {
      if (!same_field(key, member(wanted, key), member(*found, key)))
        return path + label(name) + "." + key;
    }
    if (const json& mounts = member(wanted, "volumeMounts"); mounts.is_array()) {
      for (const json& mount : mounts) {
        const json& have = member(*found, "volumeMounts");
        if (!have.is_array() || std::find(have.begin(), have.end(), mount) == have.end())
          return path + label(name) + ".volumeMounts" + label(member(mount, "name"));
      }
    }
  }
  return {};
}

std::string spec_departure(const json& wanted, const json& found) {
  for (const char* list : {"initContainers", "containers"}) {
    std::string field =
        container_departure(member(wanted, list), member(found, list), std::string("spec.") + list);
    if (!field.empty()) return field;
  }
  if (const json& volumes = member(wanted, "volumes"); volumes.is_array()) {
    for (const json& volume : volumes) {
      const json* same = named(member(found, "volumes"), member(volume, "name"));
      if (same == nullptr || *same != volume) return "spec.volumes" + label(member(volume, "name"));
    }
  }
  for (const char* key : kPodFields) {
    const json& value = member(wanted, key);
    if (!value.is_null() && value != member(found, key)) return std::string("spec.") + key;
  }
  return {};
}

}  // namespace

Result<std::string> pod_departure(std::string_view replica_set_json, std::string_view pod_json) {
  const Result<json> set = parse_strict_json(replica_set_json, kMaxObjectBytes);
  const Result<json> pod = parse_strict_json(pod_json, kMaxObjectBytes);
  if (!set || !pod) return fail(ErrorCode::kCorrupt, "compare a pod with its template: no JSON");
  const json& wanted = member(member(member(*set, "spec"), "template"), "spec");
  const json& found = member(*pod, "spec");
  if (!wanted.is_object() || !found.is_object())
    return fail(ErrorCode::kCorrupt, "compare a pod with its template: one has no spec");
  return spec_departure(wanted, found);
}

}  // namespace stagekeeper
