#include "model/json_reader.h"

#include <limits>

namespace stagekeeper::detail {

using simdjson::SUCCESS;

JsonReader JsonReader::operator[](std::string_view key) const {
  simdjson::dom::object object;
  simdjson::dom::element child;
  if (!element_ || element_->get(object) != SUCCESS) return {};
  if (object.at_key(key).get(child) != SUCCESS || child.is_null()) return {};
  return JsonReader(child);
}

std::string JsonReader::str(std::string_view fallback) const {
  std::string_view text;
  if (!element_ || element_->get(text) != SUCCESS) return std::string(fallback);
  return std::string(text);
}

std::int64_t JsonReader::integer(std::int64_t fallback) const {
  std::int64_t value = 0;
  if (!element_ || element_->get(value) != SUCCESS) return fallback;
  return value;
}

std::optional<std::int64_t> JsonReader::whole_number() const {
  std::int64_t value = 0;
  if (!element_ || element_->get(value) != SUCCESS) return std::nullopt;
  return value;
}

int JsonReader::small(int fallback) const {
  const std::int64_t value = integer(fallback);
  const bool fits =
      value >= std::numeric_limits<int>::min() && value <= std::numeric_limits<int>::max();
  return fits ? static_cast<int>(value) : fallback;
}

bool JsonReader::is_object() const {
  return element_ && element_->is_object();
}

bool JsonReader::is_text() const {
  return element_ && element_->is_string();
}

bool JsonReader::is_list() const {
  return element_ && element_->is_array();
}

bool JsonReader::is_boolean() const {
  return element_ && element_->is_bool();
}

std::string JsonReader::json() const {
  return element_ ? std::string(simdjson::minify(*element_)) : "null";
}

bool JsonReader::boolean(bool fallback) const {
  bool value = false;
  if (!element_ || element_->get(value) != SUCCESS) return fallback;
  return value;
}

std::vector<JsonReader> JsonReader::items() const {
  std::vector<JsonReader> out;
  simdjson::dom::array array;
  if (!element_ || element_->get(array) != SUCCESS) return out;
  for (const simdjson::dom::element item : array)
    out.emplace_back(item);
  return out;
}

std::vector<std::string> JsonReader::strings() const {
  std::vector<std::string> out;
  for (const JsonReader& item : items())
    out.push_back(item.str());
  return out;
}

std::map<std::string, std::string> JsonReader::string_map() const {
  std::map<std::string, std::string> out;
  simdjson::dom::object object;
  if (!element_ || element_->get(object) != SUCCESS) return out;
  for (const auto& [key, value] : object)
    out.emplace(key, JsonReader(value).str());
  return out;
}

namespace {

/// Without these the maps of all objects of a cluster would be kept: up to 256 KiB each, written by
/// whoever may edit the object.
bool is_kept(std::string_view key) {
  return key.starts_with("stagekeeper.dev/") || key == "batch.kubernetes.io/job-name";
}

std::map<std::string, std::string> kept_only(std::map<std::string, std::string> all) {
  std::erase_if(all, [](const auto& entry) { return !is_kept(entry.first); });
  return all;
}

}  // namespace

ObjectMeta read_meta(const JsonReader& object) {
  const JsonReader meta = object["metadata"];
  return ObjectMeta{
      .ns = meta["namespace"].str(),
      .name = meta["name"].str(),
      .uid = meta["uid"].str(),
      .resource_version = meta["resourceVersion"].str(),
      .generation = meta["generation"].integer(),
      .created = parse_time(meta["creationTimestamp"].str()).value_or(TimePoint{}),
      .deleting = meta["deletionTimestamp"].present(),
      .labels = kept_only(meta["labels"].string_map()),
      .annotations = kept_only(meta["annotations"].string_map()),
      .finalizers = meta["finalizers"].strings(),
  };
}

std::string controller_uid(const JsonReader& object) {
  for (const JsonReader& owner : object["metadata"]["ownerReferences"].items())
    if (owner["controller"].boolean()) return owner["uid"].str();
  return {};
}

std::string controller_text(const JsonReader& object) {
  for (const JsonReader& owner : object["metadata"]["ownerReferences"].items())
    if (owner["controller"].boolean()) return owner["kind"].str() + " " + owner["name"].str();
  return {};
}

JsonReader find_condition(const JsonReader& object, std::string_view type) {
  for (const JsonReader& condition : object["status"]["conditions"].items()) {
    if (condition["type"].str() == type) return condition;
  }
  return {};
}

}  // namespace stagekeeper::detail
