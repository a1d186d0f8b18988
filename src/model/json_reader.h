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

  /// The member of an object; absent also when it is null.
  JsonReader operator[](std::string_view key) const;

  [[nodiscard]] bool present() const { return element_.has_value(); }

  [[nodiscard]] bool is_object() const;
  [[nodiscard]] bool is_text() const;
  [[nodiscard]] bool is_list() const;
  [[nodiscard]] bool is_boolean() const;

  [[nodiscard]] std::string str(std::string_view fallback = "") const;
  [[nodiscard]] std::int64_t integer(std::int64_t fallback = 0) const;
  [[nodiscard]] std::optional<std::int64_t> whole_number() const;

  /// For numbers that Kubernetes keeps in 32 bits: what does not fit is the fallback.
  [[nodiscard]] int small(int fallback = 0) const;

  [[nodiscard]] bool boolean(bool fallback = false) const;
  [[nodiscard]] std::vector<JsonReader> items() const;
  [[nodiscard]] std::vector<std::string> strings() const;
  [[nodiscard]] std::map<std::string, std::string> string_map() const;

  /// The value as JSON text without spaces; "null" for an absent one.
  [[nodiscard]] std::string json() const;

 private:
  std::optional<simdjson::dom::element> element_;
};

/// Of labels and annotations only ours and those that the operator selects by: whatever else
/// somebody writes on an object is never kept in memory.
ObjectMeta read_meta(const JsonReader& object);

/// metadata.uid of the controlling owner, or empty.
std::string controller_uid(const JsonReader& object);

/// Its kind and name: "ReplicaSet credit-risk-eu-5d6f9bfc97", or empty.
std::string controller_text(const JsonReader& object);

/// The condition of that type in status.conditions, or an absent value.
JsonReader find_condition(const JsonReader& object, std::string_view type);

}  // namespace stagekeeper::detail
