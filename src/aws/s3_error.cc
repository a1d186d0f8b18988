#include "aws/s3_error.h"

#include "aws/s3_address.h"
#include "aws/s3_xml.h"
#include "aws/server_text.h"
#include "base/time.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::aws {
namespace {

constexpr std::size_t kMaxErrorBytes = 32U << 10U;
constexpr std::chrono::seconds kMaxRetryAfter = std::chrono::minutes(10);

/// A region as AWS names them, or nothing: it goes into a signature and into advice.
std::string region_name(std::string_view text) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
  constexpr std::size_t kMaxBytes = 32;
  const bool good =
      text.size() <= kMaxBytes && text.find_first_not_of(kAllowed) == std::string_view::npos;
  return good ? std::string(text) : std::string();
}

/// The error in a body, if the body is one.
std::optional<S3Error> error_body(const http::Response& response) {
  if (response.body.empty() || response.body.size() > kMaxErrorBytes) return std::nullopt;
  // Records begin with '{': only what looks like XML is worth a parser.
  const std::size_t first = response.body.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || response.body[first] != '<') return std::nullopt;
  const Result<XmlElement> root = parse_xml(response.body);
  if (!root || root->name != "Error") return std::nullopt;
  return S3Error{.refusal = S3Refusal::kUnavailable,
                 .status = response.status,
                 .code = server_text(root->child_text("Code")),
                 .message = server_text(root->child_text("Message")),
                 .region = region_name(root->child_text("Region"))};
}

/// AWS and versitygw word a lock as AccessDenied with "… because object protected by object lock";
/// others have a code of their own.
bool speaks_of_lock(const S3Error& error) {
  if (error.code == "ObjectLocked") return true;
  return error.status == 403 && error.message.find("protected by object lock") != std::string::npos;
}

struct CodeRow {
  std::string_view code;
  S3Refusal refusal;
};

constexpr CodeRow kCodes[] = {
    {"NoSuchKey", S3Refusal::kNoSuchKey},
    {"NoSuchVersion", S3Refusal::kNoSuchKey},
    {"NoSuchObjectLockConfiguration", S3Refusal::kNoLock},
    {"ObjectLockConfigurationNotFoundError", S3Refusal::kNoLock},
    {"PreconditionFailed", S3Refusal::kExists},
    {"ConditionalRequestConflict", S3Refusal::kRace},
    {"RequestTimeTooSkewed", S3Refusal::kClockSkew},
    {"InvalidAccessKeyId", S3Refusal::kBadKeys},
    {"SignatureDoesNotMatch", S3Refusal::kBadKeys},
    {"InvalidToken", S3Refusal::kBadKeys},
    {"InvalidTokenId", S3Refusal::kBadKeys},
    {"ExpiredToken", S3Refusal::kExpired},
    {"ExpiredTokenException", S3Refusal::kExpired},
    {"TokenRefreshRequired", S3Refusal::kExpired},
    {"PermanentRedirect", S3Refusal::kOtherRegion},
    {"TemporaryRedirect", S3Refusal::kOtherRegion},
    {"IllegalLocationConstraintException", S3Refusal::kOtherRegion},
    {"SlowDown", S3Refusal::kThrottled},
    {"TooManyRequests", S3Refusal::kThrottled},
    {"InternalError", S3Refusal::kUnavailable},
    {"RequestTimeout", S3Refusal::kUnavailable},
    {"ServiceUnavailable", S3Refusal::kUnavailable},
    // A bucket that is gone says nothing of a record: it is not one that was never written.
    {"NoSuchBucket", S3Refusal::kNoBucket},
    {"AccessDenied", S3Refusal::kAccessDenied},
};

S3Refusal by_status(int status, std::string_view method) {
  // A HEAD has no body to name the cause. Any other bare 404 may come from something in between.
  if (status == 404 && method == "HEAD") return S3Refusal::kNoSuchKey;
  if (status == 404) return S3Refusal::kUnavailable;
  if (status == 301 || status == 307 || status == 308) return S3Refusal::kOtherRegion;
  if (status == 412) return S3Refusal::kExists;
  if (status == 409) return S3Refusal::kRace;
  if (status == 401 || status == 403) return S3Refusal::kAccessDenied;
  if (status == 429) return S3Refusal::kThrottled;
  if (status >= 500 || status == 408) return S3Refusal::kUnavailable;
  return S3Refusal::kInvalid;
}

S3Refusal judge(const S3Error& error, std::string_view method) {
  if (speaks_of_lock(error)) return S3Refusal::kObjectLocked;
  for (const CodeRow& row : kCodes) {
    if (row.code == error.code) return row.refusal;
  }
  // Also of a signature that is malformed in another way, and then no region is told.
  if (error.code == "AuthorizationHeaderMalformed" && !error.region.empty())
    return S3Refusal::kOtherRegion;
  // An error within a success: whatever it says, nothing can be taken as done.
  if (error.status < 300) return S3Refusal::kUnavailable;
  if (error.status == 409) return S3Refusal::kInvalid;  // a named conflict that is no race
  return by_status(error.status, method);
}

ErrorCode code_of(S3Refusal refusal, std::string_view method) {
  switch (refusal) {
    case S3Refusal::kNoSuchKey:
    case S3Refusal::kNoLock:
      return ErrorCode::kNotFound;
    case S3Refusal::kExists:
    case S3Refusal::kRace:
      return ErrorCode::kAlreadyExists;
    case S3Refusal::kObjectLocked:
      return method == "PUT" ? ErrorCode::kAlreadyExists : ErrorCode::kDenied;
    case S3Refusal::kAccessDenied:
      return ErrorCode::kDenied;
    case S3Refusal::kBadKeys:
    case S3Refusal::kExpired:
    case S3Refusal::kClockSkew:
    case S3Refusal::kNoBucket:
    case S3Refusal::kOtherRegion:
      return ErrorCode::kMisconfigured;
    case S3Refusal::kThrottled:
      return ErrorCode::kThrottled;
    case S3Refusal::kUnavailable:
      return ErrorCode::kUnavailable;
    case S3Refusal::kInvalid:
      return ErrorCode::kInvalid;
  }
  return ErrorCode::kUnavailable;
}

/// What somebody can do; empty: nothing.
std::string advice(const S3Error& refused) {
  switch (refused.refusal) {
    case S3Refusal::kAccessDenied:
      return "the account lacks a right";
    case S3Refusal::kBadKeys:
      if (refused.code == "SignatureDoesNotMatch") {
        return "the secret key does not belong to the access key, or something on the way changes "
               "requests";
      }
      return "the store does not know these keys: check the credentials and the endpoint";
    case S3Refusal::kExpired:
      return "the credentials have ended, and their source has no others";
    case S3Refusal::kClockSkew:
      return "compare this machine's clock with the store's";
    case S3Refusal::kNoBucket:
      return "create the bucket, with object lock where records go, or correct its name, the "
             "endpoint or the region";
    case S3Refusal::kOtherRegion:
      if (refused.region.empty())
        return "correct the region and the endpoint: the bucket is somewhere else";
      return fmt::format("the bucket is in region {0}: configure it, and at AWS endpoint {1}",
                         refused.region, aws_s3_endpoint(refused.region));
    case S3Refusal::kThrottled:
      return "the store asks for patience";
    default:
      return "";
  }
}

}  // namespace

bool is_misconfigured(S3Refusal refusal) {
  return code_of(refusal, "GET") == ErrorCode::kMisconfigured;
}

std::string wording(const S3Error& refused) {
  std::string text = fmt::to_string(refused.status);
  if (!refused.code.empty()) text += " " + refused.code;
  if (!refused.message.empty()) text += ": " + refused.message;
  const std::string todo = advice(refused);
  return todo.empty() ? text : fmt::format("{} ({})", text, todo);
}

std::optional<S3Error> refusal_of(const http::Request& request, const http::Response& response) {
  std::optional<S3Error> error = error_body(response);
  const bool success = response.status >= 200 && response.status < 300;
  if (success && !error) return std::nullopt;
  const std::string region =
      region_name(http::header_value(response.headers, "x-amz-bucket-region"));
  if (!error) {
    return S3Error{.refusal = by_status(response.status, request.method),
                   .status = response.status,
                   .code = {},
                   .message = {},
                   .region = region};
  }
  if (error->region.empty()) error->region = region;
  error->refusal = judge(*error, request.method);
  return error;
}

Error to_error(const S3Error& refused, const http::Request& request,
               const http::Response& response) {
  const std::string_view target(request.target);
  std::string text =
      fmt::format("{} {}: {}", request.method,
                  target.substr(0, std::min(target.find('?'), target.size())), wording(refused));
  if (refused.refusal == S3Refusal::kClockSkew) {
    text += fmt::format("; the store's clock says {}",
                        server_text(http::header_value(response.headers, "Date")));
  }
  Error error{code_of(refused.refusal, request.method), std::move(text)};
  if (error.code == ErrorCode::kThrottled || error.code == ErrorCode::kUnavailable) {
    error.retry_after =
        parse_retry_after(http::header_value(response.headers, "Retry-After"),
                          http::header_value(response.headers, "Date"), kMaxRetryAfter);
  }
  return error;
}

}  // namespace stagekeeper::aws
