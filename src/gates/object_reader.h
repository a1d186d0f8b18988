#pragma once

#include "base/decimal.h"
#include "gates/reason.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace stagekeeper::gates {

/// Reads typed members of a JSON object from outside and keeps the first problem, so that a whole
/// struct can be read and checked once at the end. After a problem, readers return empty values.
/// Borrows the object. Not thread-safe.
class ObjectReader {
 public:
  /// `where` names the object in messages ("accuracy"); a value that is no object is a problem.
  ObjectReader(const nlohmann::json& object, std::string where);

  [[nodiscard]] bool has(const char* key) const;

  /// The member's name with where it stands ("accuracy.auc"), for problems of the caller's own.
  [[nodiscard]] std::string path(std::string_view key) const;

  /// A string of at most `max_bytes`. Problems: MissingField, BadValue.
  std::string text(const char* key, std::size_t max_bytes);
  std::optional<std::string> optional_text(const char* key, std::size_t max_bytes);

  /// A whole number, 0…max.
  std::uint64_t number(const char* key, std::uint64_t max);
  std::optional<std::uint64_t> optional_number(const char* key, std::uint64_t max);

  /// A whole number written as a string of at most 15 digits.
  std::uint64_t count(const char* key);

  /// A decimal written as a string. Problems: MissingField, NotFinite ("nan", "inf"), BadValue.
  Decimal decimal(const char* key);
  std::optional<Decimal> optional_decimal(const char* key);

  bool boolean(const char* key);

  /// A member for another reader; null when absent (a problem unless `optional`).
  const nlohmann::json* member(const char* key, bool optional = false);

  /// Reports a problem of the caller's own.
  void problem(std::string code, std::string message);

  /// Takes a problem over from a reader of a member.
  void adopt(const ObjectReader& inner);

  /// Makes any member that nobody asked for a problem: UnknownField.
  void refuse_unknown();

  [[nodiscard]] const std::optional<Reason>& problem() const { return problem_; }

 private:
  const nlohmann::json* find(const char* key);
  const nlohmann::json* require(const char* key);

  const nlohmann::json* object_;
  std::string where_;
  std::set<std::string, std::less<>> known_;
  std::optional<Reason> problem_;
};

/// Parses the text of a JSON object from outside, at most `max_bytes`, and hands its members to
/// `read`; members that `read` did not ask for are refused. `where` names the object in messages.
/// Reasons: NotJson, and those of ObjectReader.
Reasoned<void> read_members(std::string_view text, std::size_t max_bytes, const char* where,
                            const std::function<void(ObjectReader&)>& read);

}  // namespace stagekeeper::gates
