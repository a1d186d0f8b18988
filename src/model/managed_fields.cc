#include "model/managed_fields.h"

#include "base/canonical_json.h"
#include "model/decode.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace stagekeeper {
namespace {

using nlohmann::json;

constexpr std::string_view kRestartedAt = "f:kubectl.kubernetes.io/restartedAt";
/// Objects are deep by a dozen; whoever writes deeper ones gets a shorter text.
constexpr int kMaxDepth = 32;

/// "[server]" for `k:{"name":"server"}`, ".image" for `f:image`.
std::string step_text(const std::string& key) {
  if (key.starts_with("f:")) return "." + key.substr(2);
  const json named = json::parse(key.substr(std::min<std::size_t>(2, key.size())), nullptr, false);
  if (key.starts_with("k:") && named.is_object() && named.contains("name") &&
      named["name"].is_string()) {
    return "[" + named["name"].get<std::string>() + "]";
  }
  return "[" + key + "]";
}

using IgnoredLeaf = std::function<bool(const std::string& field)>;

/// The first leaf below, or an empty text when there is none but those that change nothing.
std::string first_leaf(const json& fields, const std::string& path, int depth,
                       const IgnoredLeaf& ignored) {
  std::string here = ignored(path) ? std::string() : path;
  if (!fields.is_object() || depth == 0) return here;
  bool leaf = true;
  for (const auto& [key, below] : fields.items()) {
    if (key == ".") continue;
    leaf = false;
    if (key == kRestartedAt) continue;
    std::string found = first_leaf(below, path + step_text(key), depth - 1, ignored);
    if (!found.empty()) return found;
  }
  return leaf ? here : std::string();
}

/// What the manager owns at or below the path; null: nothing.
const json* below(const json& entry, const std::vector<std::string>& path) {
  const auto fields = entry.find("fieldsV1");
  if (fields == entry.end()) return nullptr;
  const json* at = &*fields;
  for (const std::string& step : path) {
    if (!at->is_object()) return nullptr;
    const auto next = at->find("f:" + step);
    if (next == at->end()) return nullptr;
    at = &*next;
  }
  return at;
}

std::string text_of(const json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<std::vector<FieldOwner>> owners_below(std::string_view object_json,
                                             const std::vector<std::string>& path,
                                             const IgnoredField& ignored) {
  const Result<json> object = parse_strict_json(object_json, kMaxObjectBytes);
  if (!object || !object->is_object())
    return fail(ErrorCode::kCorrupt, "read field managers: the object is no JSON object");
  std::vector<FieldOwner> out;
  const json::json_pointer where("/metadata/managedFields");
  if (!object->contains(where) || !(*object)[where].is_array()) return out;
  std::string root;
  for (const std::string& step : path)
    root += (root.empty() ? "" : ".") + step;
  for (const json& entry : (*object)[where]) {
    if (!entry.is_object() || text_of(entry, "subresource") == "status") continue;
    const json* owned = below(entry, path);
    if (owned == nullptr) continue;
    std::string manager = text_of(entry, "manager");
    std::string field = first_leaf(*owned, root, kMaxDepth, [&](const std::string& leaf) {
      return ignored && ignored(manager, leaf);
    });
    if (field.empty()) continue;
    out.push_back({.manager = std::move(manager),
                   .field = std::move(field),
                   .time = parse_time(text_of(entry, "time")).value_or(TimePoint{})});
  }
  std::ranges::stable_sort(out, std::ranges::greater(), &FieldOwner::time);
  std::vector<FieldOwner> once;
  for (FieldOwner& owner : out) {
    if (std::ranges::find(once, owner.manager, &FieldOwner::manager) == once.end())
      once.push_back(std::move(owner));
  }
  return once;
}

}  // namespace stagekeeper
