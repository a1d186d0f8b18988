#include "gates/object_reader.h"

#include "base/canonical_json.h"
#include "base/numbers.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::gates {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDecimalBytes = 40;
constexpr std::size_t kMaxCountDigits = 15;

/// What printf and repr write for numbers that are none, in any case and with a sign.
bool is_not_finite(std::string_view written) {
  std::string text = lower_ascii(written);
  if (text.starts_with('-') || text.starts_with('+')) text.erase(0, 1);
  return text.starts_with("nan") || text.starts_with("inf");
}

}  // namespace

ObjectReader::ObjectReader(const json& object, std::string where)
    : object_(&object), where_(std::move(where)) {
  if (!object.is_object()) {
    problem("BadValue", fmt::format("{} is not an object", where_.empty() ? "the text" : where_));
  }
}

bool ObjectReader::has(const char* key) const {
  return object_->is_object() && object_->contains(key);
}

const json* ObjectReader::find(const char* key) {
  known_.insert(key);
  if (!object_->is_object()) return nullptr;
  const auto found = object_->find(key);
  return found == object_->end() ? nullptr : &*found;
}

const json* ObjectReader::require(const char* key) {
  const json* found = find(key);
  if (found == nullptr) problem("MissingField", fmt::format("{} is missing", path(key)));
  return found;
}

std::string ObjectReader::path(std::string_view key) const {
  return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
}

std::string ObjectReader::text(const char* key, std::size_t max_bytes) {
  const json* found = require(key);
  if (found == nullptr) return {};
  if (!found->is_string() || found->get_ref<const std::string&>().size() > max_bytes) {
    problem("BadValue",
            fmt::format("{} is not a string of at most {} bytes", path(key), max_bytes));
    return {};
  }
  return found->get<std::string>();
}

std::optional<std::string> ObjectReader::optional_text(const char* key, std::size_t max_bytes) {
  if (find(key) == nullptr) return std::nullopt;
  return text(key, max_bytes);
}

std::uint64_t ObjectReader::number(const char* key, std::uint64_t max) {
  const json* found = require(key);
  if (found == nullptr) return 0;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > max) {
    problem("BadValue", fmt::format("{} is not a whole number from 0 to {}", path(key), max));
    return 0;
  }
  return found->get<std::uint64_t>();
}

std::optional<std::uint64_t> ObjectReader::optional_number(const char* key, std::uint64_t max) {
  if (find(key) == nullptr) return std::nullopt;
  return number(key, max);
}

std::uint64_t ObjectReader::count(const char* key) {
  const std::string digits = text(key, kMaxCountDigits);
  if (problem_) return 0;
  const auto value = whole_number<std::uint64_t>(digits);
  if (!value) problem("BadValue", fmt::format("{} is not a count written as a string", path(key)));
  return value.value_or(0);
}

Decimal ObjectReader::decimal(const char* key) {
  const std::string written = text(key, kMaxDecimalBytes);
  if (problem_) return {};
  if (is_not_finite(written)) {
    problem("NotFinite", fmt::format("{} is not a finite number", path(key)));
    return {};
  }
  const Result<Decimal> value = Decimal::parse(written);
  if (!value) {
    problem("BadValue", fmt::format("{} is not a decimal written as a string", path(key)));
    return {};
  }
  return *value;
}

std::optional<Decimal> ObjectReader::optional_decimal(const char* key) {
  if (find(key) == nullptr) return std::nullopt;
  return decimal(key);
}

bool ObjectReader::boolean(const char* key) {
  const json* found = require(key);
  if (found == nullptr) return false;
  if (!found->is_boolean()) {
    problem("BadValue", fmt::format("{} is not true or false", path(key)));
    return false;
  }
  return found->get<bool>();
}

const json* ObjectReader::member(const char* key, bool optional) {
  return optional ? find(key) : require(key);
}

void ObjectReader::problem(std::string code, std::string message) {
  if (!problem_) problem_ = Reason{.code = std::move(code), .message = std::move(message)};
}

void ObjectReader::adopt(const ObjectReader& inner) {
  if (inner.problem_) problem(inner.problem_->code, inner.problem_->message);
}

void ObjectReader::refuse_unknown() {
  if (!object_->is_object()) return;
  for (auto it = object_->begin(); it != object_->end(); ++it) {
    if (!known_.contains(it.key())) {
      problem("UnknownField", fmt::format("{} is not known", path(printable(it.key(), 64))));
      return;
    }
  }
}

Reasoned<void> read_members(std::string_view text, std::size_t max_bytes, const char* where,
                            const std::function<void(ObjectReader&)>& read) {
  const Result<json> parsed = parse_strict_json(text, max_bytes);
  if (!parsed) return because("NotJson", fmt::format("{}: {}", where, parsed.error().message));
  ObjectReader reader(*parsed, where);
  read(reader);
  reader.refuse_unknown();
  if (reader.problem()) return tl::unexpected(*reader.problem());
  return {};
}

}  // namespace stagekeeper::gates
