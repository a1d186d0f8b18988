#include "promotion/views/json.h"

#include "base/canonical_json.h"
#include "base/text.h"
#include "model/decode.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>
#include <vector>

namespace stagekeeper::promotion::view {

using nlohmann::json;

void put(json& object, const char* key, std::string_view value, std::size_t most) {
  if (!value.empty()) object[key] = printable(value, most, CutMark::kEllipsis);
}

std::string message(std::string_view text, std::size_t most) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(printable(text.substr(at, end - at), most));
    at = end + 1;
  }
  return cut_utf8(join(lines, "\n"), most, CutMark::kEllipsis);
}

json version(const VersionRef& version) {
  json out = json::object();
  put(out, "version", version.version);
  put(out, "stage", version.stage);
  put(out, "digest", version.digest);
  return out;
}

std::string ledger_of_key(std::string_view key) {
  // v1/<cluster>/<namespace>/<kind>/<name>/rec/<sequence>.json: by place, since a namespace or a
  // model may be called "target".
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= key.size();) {
    const std::size_t end = std::min(key.find('/', at), key.size());
    parts.push_back(key.substr(at, end - at));
    at = end + 1;
  }
  constexpr std::size_t kParts = 7;
  if (parts.size() != kParts || parts[5] != "rec") return "";
  return fmt::format("{}/{}", parts[3], parts[4]);
}

json record(const RecordFact& record) {
  json out = {{"sequence", std::to_string(record.sequence)}};
  put(out, "ledger", ledger_of_key(record.key));
  put(out, "digest", record.digest);
  return out;
}

Result<json> status_of(std::string_view object_json) {
  Result<json> parsed = parse_strict_json(object_json, kMaxObjectBytes);
  if (!parsed || !parsed->is_object())
    return fail(ErrorCode::kCorrupt, "the object is no JSON object");
  return parsed->value("status", json::object());
}

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace stagekeeper::promotion::view
