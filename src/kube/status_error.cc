#include "kube/status_error.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "base/text.h"
#include "base/time.h"

#include <nlohmann/json.hpp>

#include <algorithm>
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

/// What of a metav1.Status matters here.
struct StatusBody {
  std::string reason;
  std::string message;
  std::string conflicts;  ///< "manager "x" owns .spec.replicas", empty without any
  std::optional<std::chrono::seconds> retry_after;
  bool version_too_large = false;  ///< a resourceVersion that this server has not reached
};

/// `conflict with "kubectl" using apps/v1` → `"kubectl" owns .spec.replicas`.
std::string conflict_text(const json& cause) {
  const std::string message = text_at(cause, {"message"});
  const std::size_t open = message.find('"');
  const std::size_t close = open == std::string::npos ? open : message.find('"', open + 1);
  const std::string manager =
      close == std::string::npos ? "another manager" : message.substr(open, close - open + 1);
  const std::string field = text_at(cause, {"field"});
  return fmt::format("{} owns {}", manager, field.empty() ? "a field" : field);
}

std::string conflicts_of(const json& details) {
  const auto causes = details.find("causes");
  if (causes == details.end() || !causes->is_array()) return "";
  std::string out;
  std::size_t count = 0;
  for (const json& cause : *causes) {
    if (!cause.is_object() || text_at(cause, {"reason"}) != "FieldManagerConflict") continue;
    if (++count > kMaxNamedConflicts) continue;
    if (!out.empty()) out += ", ";
    out += conflict_text(cause);
  }
  if (count > kMaxNamedConflicts) out += fmt::format(" and {} more", count - kMaxNamedConflicts);
  return out;
}

/// Whether a cause has this reason. `details` may hold anything.
bool has_cause(const json& details, std::string_view reason) {
  const auto causes = details.find("causes");
  if (causes == details.end() || !causes->is_array()) return false;
  return std::any_of(causes->begin(), causes->end(), [reason](const json& cause) {
    return cause.is_object() && text_at(cause, {"reason"}) == reason;
  });
}

std::optional<StatusBody> parse_status(std::string_view text) {
  const Result<json> value = parse_strict_json(text, kMaxStatusBytes);
  if (!value || !value->is_object() || text_at(*value, {"kind"}) != "Status") return std::nullopt;
  StatusBody out{.reason = text_at(*value, {"reason"}),
                 .message = text_at(*value, {"message"}),
                 .conflicts = "",
                 .retry_after = std::nullopt};
  out.version_too_large = out.message.find("Too large resource version") != std::string::npos;
  const auto details = value->find("details");
  if (details == value->end() || !details->is_object()) return out;
  out.conflicts = conflicts_of(*details);
  if (has_cause(*details, "ResourceVersionTooLarge")) out.version_too_large = true;
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

/// The code, when the server's own words say more than its status.
std::optional<ErrorCode> code_of_words(int status, const StatusBody& body) {
  // A stale resourceVersion and a field that somebody else owns are both 409: one is cured by
  // looking again, the other by a person.
  if (status == 409 && !body.conflicts.empty()) return ErrorCode::kFieldConflict;
  if (status < 500) return std::nullopt;
  // After a restore, or from a server that lags behind: insisting on the version never helps.
  if (body.version_too_large) return ErrorCode::kGone;
  if (body.message.find("message larger than max") != std::string::npos)
    return ErrorCode::kTooLarge;  // etcd's answer to the server has a limit, too
  return std::nullopt;
}

/// One line for a log or a condition, within its limit.
std::string bounded(std::string_view text, std::size_t max_bytes) {
  return printable(text, max_bytes, CutMark::kEllipsis);
}

std::string message_of(int status, const std::optional<StatusBody>& parsed, std::string_view body) {
  if (parsed && !parsed->conflicts.empty())
    return "conflict with other field managers: " + parsed->conflicts;
  if (parsed && !parsed->message.empty()) return fmt::format("{} ({})", parsed->message, status);
  if (parsed && !parsed->reason.empty()) return fmt::format("{} ({})", parsed->reason, status);
  const std::string text = bounded(body, kMaxForeignBytes);
  return text.empty() ? fmt::format("status {}", status)
                      : fmt::format("status {}: {}", status, text);
}

}  // namespace

std::optional<std::chrono::milliseconds> retry_after(const http::Headers& headers) {
  return parse_retry_after(http::header_value(headers, "Retry-After"),
                           http::header_value(headers, "Date"), kMaxRetryAfter);
}

Error status_error(std::string_view what, int status, std::string_view body,
                   const http::Headers& headers) {
  const std::optional<StatusBody> parsed = parse_status(body);
  std::optional<std::chrono::milliseconds> wait = retry_after(headers);
  if (!wait && parsed && parsed->retry_after) wait = std::min(*parsed->retry_after, kMaxRetryAfter);
  ErrorCode code = code_of(status, parsed ? parsed->reason : "", wait.has_value());
  if (parsed) code = code_of_words(status, *parsed).value_or(code);
  const std::string text = fmt::format("{}: {}", what, message_of(status, parsed, body));
  return Error{code, bounded(text, kMaxMessageBytes), wait};
}

}  // namespace stagekeeper::kube
