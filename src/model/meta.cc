#include "model/meta.h"

namespace stagekeeper {
namespace {

std::string value_of(const std::map<std::string, std::string>& map, const char* key) {
  const auto found = map.find(key);
  return found == map.end() ? std::string() : found->second;
}

}  // namespace

std::string label_of(const ObjectMeta& meta, const char* key) {
  return value_of(meta.labels, key);
}

std::string annotation_of(const ObjectMeta& meta, const char* key) {
  return value_of(meta.annotations, key);
}

}  // namespace stagekeeper
