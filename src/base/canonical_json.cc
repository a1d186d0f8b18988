#include "base/canonical_json.h"

#include "base/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <vector>

namespace stagekeeper {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 32;
constexpr std::int64_t kMaxExactInteger = 9007199254740992;  // 2^53

Status write(const json& value, int depth, std::string& out);

/// nlohmann escapes exactly as RFC 8785 asks (short escapes, lower-case \u00xx below 0x20) and
/// checks UTF-8.
Status write_string(const json& value, std::string& out) {
  try {
    out += value.dump(-1, ' ', false, json::error_handler_t::strict);
  } catch (const json::exception&) {
    return fail(ErrorCode::kInvalid, "canonical JSON: a string is not UTF-8");
  }
  return {};
}

Status write_object(const json& value, int depth, std::string& out) {
  std::vector<std::pair<std::u16string, json::const_iterator>> members;
  for (auto it = value.begin(); it != value.end(); ++it)
    members.emplace_back(utf16(it.key()), it);
  std::sort(members.begin(), members.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  out += '{';
  bool first = true;
  for (const auto& [unused, member] : members) {
    if (!first) out += ',';
    first = false;
    if (Status s = write_string(json(member.key()), out); !s) return s;
    out += ':';
    if (Status s = write(member.value(), depth + 1, out); !s) return s;
  }
  out += '}';
  return {};
}

Status write_array(const json& value, int depth, std::string& out) {
  out += '[';
  bool first = true;
  for (const json& element : value) {
    if (!first) out += ',';
    first = false;
    if (Status s = write(element, depth + 1, out); !s) return s;
  }
  out += ']';
  return {};
}

Status write_integer(const json& value, std::string& out) {
  const bool exact = value.is_number_unsigned() ? value.get<std::uint64_t>() <=
                                                      static_cast<std::uint64_t>(kMaxExactInteger)
                                                : value.get<std::int64_t>() >= -kMaxExactInteger &&
                                                      value.get<std::int64_t>() <= kMaxExactInteger;
  if (!exact) return fail(ErrorCode::kInvalid, "canonical JSON: integer beyond 2^53, use a string");
  out += value.dump();
  return {};
}

Status write(const json& value, int depth, std::string& out) {
  if (depth > kMaxDepth) return fail(ErrorCode::kInvalid, "canonical JSON: nested deeper than 32");
  switch (value.type()) {
    case json::value_t::object:
      return write_object(value, depth, out);
    case json::value_t::array:
      return write_array(value, depth, out);
    case json::value_t::string:
      return write_string(value, out);
    case json::value_t::boolean:
    case json::value_t::null:
      out += value.dump();
      return {};
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return write_integer(value, out);
    default:
      return fail(ErrorCode::kInvalid, "canonical JSON: a float; write decimals as strings");
  }
}

/// Watches a parse from outside: depth and duplicate keys, which nlohmann accepts silently.
class StrictParse {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    // depth counts from 0 at the outermost value.
    if (depth >= kMaxDepth) too_deep_ = true;
    switch (event) {
      case json::parse_event_t::object_start:
        keys_.emplace_back();
        break;
      case json::parse_event_t::object_end:
        if (!keys_.empty()) keys_.pop_back();
        break;
      case json::parse_event_t::key:
        if (!keys_.empty() && !keys_.back().insert(parsed.get<std::string>()).second)
          duplicate_ = true;
        break;
      default:
        break;
    }
    return true;
  }

  [[nodiscard]] bool too_deep() const { return too_deep_; }

  [[nodiscard]] bool duplicate() const { return duplicate_; }

 private:
  std::vector<std::set<std::string>> keys_;
  bool too_deep_ = false;
  bool duplicate_ = false;
};

/// Cheap scan before the real parse, so that deep nesting cannot exhaust memory or the stack.
bool nested_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<std::string> canonical_json(const json& value) {
  std::string out;
  if (Status s = write(value, 0, out); !s) return tl::unexpected(s.error());
  return out;
}

Result<json> parse_strict_json(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(ErrorCode::kInvalid, fmt::format("JSON of {} bytes is larger than the limit of {}",
                                                 text.size(), max_bytes));
  }
  if (nested_too_deep(text)) return fail(ErrorCode::kInvalid, "JSON nested deeper than 32");
  StrictParse watcher;
  try {
    json value = json::parse(text.begin(), text.end(), std::ref(watcher));
    if (watcher.duplicate()) return fail(ErrorCode::kInvalid, "JSON with a duplicate key");
    if (watcher.too_deep()) return fail(ErrorCode::kInvalid, "JSON nested deeper than 32");
    return value;
  } catch (const json::exception& e) {
    // The message of nlohmann quotes the input near the error; only its number is safe to repeat.
    return fail(ErrorCode::kInvalid, fmt::format("malformed JSON (parser error {})", e.id));
  }
}

}  // namespace stagekeeper
