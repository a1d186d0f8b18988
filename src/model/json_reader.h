#pragma once

#include "model/meta.h"

#include <map>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vector>

// Only for the decoders of this folder.
namespace stagekeeper::detail {

/// A JSON value that may be absent: every accessor of an absent or differently typed value gives
/// the default, since the API server has validated the object against its schema already.
class JsonReader {
 public:
  JsonReader() = default;

  explicit JsonReader(simdjson::dom::element element) : element_(element) {}

  JsonReader operator[](std::string_view key) const;

  [[nodiscard]] bool present() const { return element_.has_value(); }

  [[nodiscard]] std::string str(std::string_view fallback = "") const;
  [[nodiscard]] std::int64_t integer(std::int64_t fallback = 0) const;

  [[nodiscard]] int small(int fallback = 0) const { return static_cast<int>(integer(fallback)); }

  [[nodiscard]] bool boolean(bool fallback = false) const;
  [[nodiscard]] std::vector<JsonReader> items() const;
  [[nodiscard]] std::vector<std::string> strings() const;
  [[nodiscard]] std::map<std::string, std::string> string_map() const;

 private:
  std::optional<simdjson::dom::element> element_;
};

ObjectMeta read_meta(const JsonReader& object);

/// The condition of that type in status.conditions, or an absent value.
JsonReader find_condition(const JsonReader& object, std::string_view type);

/// Where a decoder finds something missing. Collects the first problem only.
class Problems {
 public:
  void require(bool ok, std::string_view what) {
    if (!ok && first_.empty()) first_ = what;
  }

  [[nodiscard]] const std::string& first() const { return first_; }

 private:
  std::string first_;
};

}  // namespace stagekeeper::detail
