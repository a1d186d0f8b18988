#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

// What server-side apply does to objects, as far as the operator depends on it: field owners, and
// lists of objects with a name merge by it.
namespace stagekeeper::fakes {

/// What a manager owns by applying a body: everything but what identifies the object.
nlohmann::json owned_fields(nlohmann::json body);

/// Merges objects by member and lists of named objects by name.
void merge_named(nlohmann::json& into, const nlohmann::json& from);

/// Where `wanted` would change a value that `theirs` owns; empty: nowhere.
std::string first_conflict(const nlohmann::json& current, const nlohmann::json& wanted,
                           const nlohmann::json& theirs, const std::string& path);

/// Takes away what a manager applied before and does not apply any more, unless another owns it.
void drop_unowned(nlohmann::json& object, const nlohmann::json& before, const nlohmann::json& now,
                  const std::vector<const nlohmann::json*>& others);

}  // namespace stagekeeper::fakes
