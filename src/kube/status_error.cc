#include "kube/status_error.h"

#include "base/canonical_json.h"
#include "base/clock.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <string>

namespace stagekeeper::kube {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxMessageBytes = 1000;
constexpr std::size_t kMaxStatusBytes = 256UL * 1024;
constexpr std::size_t kMaxForeignBytes = 200;
constexpr std::size_t kMaxNamedConflicts = 3;
constexpr std::chrono::seconds kMaxRetryAfter = std::chrono::hours(1);

std::optional<std::string> string_at(const json& value, const char* key) {
  const auto found = value.find(key);
  if (found == value.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

/// What of a metav1.Status matters here.
struct StatusBody {
  std::string reason;
  std::string message;
  std::string conflicts;  ///< "manager "x" owns .spec.replicas", empty without any
  std::optional<std::chrono::seconds> retry_after;
};

/// `conflict with "kubectl" using apps/v1` → `"kubectl" owns .spec.replicas`.
std::string conflict_text(const json& cause) {
  const std::string message = string_at(cause, "message").value_or("");
  const std::size_t open = message.find('"');
  const std::size_t close = open == std::string::npos ? open : message.find('"', open + 1);
  const std::string manager =
      close == std::string::npos ? "another manager" : message.substr(open, close - open + 1);
  return fmt::format("{} owns {}", manager, string_at(cause, "field").value_or("a field"));
}

std::string conflicts_of(const json& details) {
  const auto causes = details.find("causes");
  if (causes == details.end() || !causes->is_array()) return "";
  std::string out;
  std::size_t count = 0;
  for (const json& cause : *causes) {
    if (!cause.is_object() || string_at(cause, "reason") != "FieldManagerConflict") continue;
    if (++count > kMaxNamedConflicts) continue;
    if (!out.empty()) out += ", ";
    out += conflict_text(cause);
  }
  if (count > kMaxNamedConflicts) out += fmt::format(" and {} more", count - kMaxNamedConflicts);
  return out;
}

std::optional<StatusBody> parse_status(std::string_view text) {
  const Result<json> value = parse_strict_json(text, kMaxStatusBytes);
  if (!value || !value->is_object() || string_at(*value, "kind") != "Status") return std::nullopt;
  StatusBody out{.reason = string_at(*value, "reason").value_or(""),
                 .message = string_at(*value, "message").value_or(""),
                 .conflicts = "",
                 .retry_after = std::nullopt};
  const auto details = value->find("details");
  if (details == value->end() || !details->is_object()) return out;
  out.conflicts = conflicts_of(*details);
  const auto seconds = details->find("retryAfterSeconds");
  if (seconds != details->end() && seconds->is_number_unsigned() && seconds->get<unsigned>() > 0)
    out.retry_after = std::chrono::seconds(seconds->get<unsigned>());
  return out;
}

ErrorCode code_of(int status, std::string_view reason, bool asks_patience) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::kDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return reason == "AlreadyExists" ? ErrorCode::kAlreadyExists : ErrorCode::kConflict;
    case 410:
      return ErrorCode::kGone;
    case 408:
      return ErrorCode::kUnavailable;
    case 429:
      return ErrorCode::kThrottled;
    case 503:
      return asks_patience ? ErrorCode::kThrottled : ErrorCode::kUnavailable;
    default:
      break;
  }
  return status >= 500 || status < 200 ? ErrorCode::kUnavailable : ErrorCode::kInvalid;
}

/// Cuts at a whole UTF-8 character and takes out what could break a line of a log or a condition.
std::string bounded(std::string text, std::size_t max_bytes) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  text.resize(end);
  return text + "...";
}

std::string message_of(int status, const std::optional<StatusBody>& parsed, std::string_view body) {
  if (parsed && !parsed->conflicts.empty())
    return "conflict with other field managers: " + parsed->conflicts;
  if (parsed && !parsed->message.empty()) return fmt::format("{} ({})", parsed->message, status);
  if (parsed && !parsed->reason.empty()) return fmt::format("{} ({})", parsed->reason, status);
  const std::string text =
      bounded(std::string(body.substr(0, kMaxForeignBytes + 3)), kMaxForeignBytes);
  return text.empty() ? fmt::format("status {}", status)
                      : fmt::format("status {}: {}", status, text);
}

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110's preferred form) by way of RFC 3339.
std::optional<TimePoint> parse_http_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || !text.ends_with(" GMT") || text.substr(3, 2) != ", ")
    return std::nullopt;
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  const Result<TimePoint> out = parse_time(fmt::format(
      "{}-{:02}-{}T{}Z", text.substr(12, 4), month / 3 + 1, text.substr(5, 2), text.substr(17, 8)));
  return out ? std::optional(*out) : std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> retry_after(const http::Headers& headers) {
  const auto found = headers.find("Retry-After");
  if (found == headers.end()) return std::nullopt;
  const std::string& text = found->second;
  std::uint32_t seconds = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (ec == std::errc() && end == text.data() + text.size())
    return std::min(std::chrono::seconds(seconds), kMaxRetryAfter);
  const std::optional<TimePoint> until = parse_http_date(text);
  const auto date = headers.find("Date");
  if (!until || date == headers.end()) return std::nullopt;
  const std::optional<TimePoint> now = parse_http_date(date->second);
  if (!now) return std::nullopt;
  return std::clamp(*until - *now, std::chrono::seconds(0), kMaxRetryAfter);
}

Error status_error(std::string_view what, int status, std::string_view body,
                   const http::Headers& headers) {
  const std::optional<StatusBody> parsed = parse_status(body);
  std::optional<std::chrono::milliseconds> wait = retry_after(headers);
  if (!wait && parsed && parsed->retry_after) wait = std::min(*parsed->retry_after, kMaxRetryAfter);
  const ErrorCode code = code_of(status, parsed ? parsed->reason : "", wait.has_value());
  const std::string text = fmt::format("{}: {}", what, message_of(status, parsed, body));
  return Error{code, bounded(text, kMaxMessageBytes), wait};
}

}  // namespace stagekeeper::kube
