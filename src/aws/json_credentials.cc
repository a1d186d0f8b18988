#include "aws/json_credentials.h"

#include "aws/server_text.h"
#include "base/json_access.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper::aws {
namespace {

/// Both spellings are in use.
std::string either(const nlohmann::json& json, const char* one, const char* other) {
  std::string out = text_at(json, {one});
  return out.empty() ? text_at(json, {other}) : out;
}

}  // namespace

Result<Credentials> read_json_credentials(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kUnavailable, "the answer is not a JSON object");
  const std::string code = text_at(json, {"Code"});
  if (!code.empty() && code != "Success") {
    return fail(ErrorCode::kDenied,
                join_filled({server_text(code), server_text(text_at(json, {"Message"}))}, ": "));
  }
  Credentials out{.access_key_id = text_at(json, {"AccessKeyId"}),
                  .secret_access_key = Secret(text_at(json, {"SecretAccessKey"})),
                  .session_token = Secret(text_at(json, {"Token"}))};
  if (!well_formed(out)) {
    return fail(ErrorCode::kUnavailable,
                "the answer has no usable AccessKeyId and SecretAccessKey");
  }
  if (find_at(json, {"Expiration"}) == nullptr) return out;
  const Result<TimePoint> end = parse_time(text_at(json, {"Expiration"}));
  if (!end) {
    return fail(ErrorCode::kUnavailable,
                "the answer's Expiration is not a time of RFC 3339 in UTC");
  }
  out.expires_at = *end;
  return out;
}

std::string json_refusal(int status, std::string_view body, std::string_view secret) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  const std::string why = join_filled({server_text(either(json, "code", "Code"), secret),
                                       server_text(either(json, "message", "Message"), secret)},
                                      ": ");
  return why.empty() ? fmt::to_string(status) : fmt::format("{} ({})", status, why);
}

}  // namespace stagekeeper::aws
