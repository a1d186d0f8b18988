#include "model/json_reader.h"

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
      .labels = meta["labels"].string_map(),
      .annotations = meta["annotations"].string_map(),
      .finalizers = meta["finalizers"].strings(),
  };
}

JsonReader find_condition(const JsonReader& object, std::string_view type) {
  for (const JsonReader& condition : object["status"]["conditions"].items()) {
    if (condition["type"].str() == type) return condition;
  }
  return {};
}

}  // namespace stagekeeper::detail
