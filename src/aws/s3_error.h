#pragma once

#include "base/result.h"
#include "http/client.h"

#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::aws {

/// Why a store said no, finer than ErrorCode where the difference matters.
enum class S3Refusal {
  kNoSuchKey,     ///< the object or version is not there (NoSuchKey, NoSuchVersion)
  kNoLock,        ///< the version or bucket carries no lock
  kExists,        ///< 412: the key has a current version
  kRace,          ///< 409 ConditionalRequestConflict: another PUT of the key is under way
  kObjectLocked,  ///< 403 because of the lock itself
  kAccessDenied,  ///< 403 because of the caller's rights
  kBadKeys,       ///< the keys are not known, or do not belong together
  kExpired,       ///< temporary credentials have ended
  kClockSkew,     ///< 403 RequestTimeTooSkewed
  kNoBucket,      ///< the bucket is not there: no answer about any object in it
  kOtherRegion,   ///< the bucket is in another region than the request was signed for, or sent to
  kThrottled,     ///< 503 SlowDown, 429
  kUnavailable,   ///< any other 5xx, an answer that is not S3's
  kInvalid,       ///< any other 4xx: the request itself is wrong
};

/// A refusal as S3 words it.
struct S3Error {
  S3Refusal refusal;
  int status = 0;
  std::string code;         ///< "AccessDenied"; empty without a readable body
  std::string message;      ///< as server_text() makes it
  std::string region = {};  ///< the bucket's, where the answer tells it
};

/// What an answer refuses, or nothing for success. An answer of 2xx whose body is an S3 error is a
/// refusal: S3 sends such answers. Pure.
std::optional<S3Error> refusal_of(const http::Request& request, const http::Response& response);

/// "403 InvalidAccessKeyId: …" and what to do about it, where somebody can do something.
std::string wording(const S3Error& refused);

/// Whether the request was refused for what it came with and not for what it asked: keys, clock,
/// bucket, region. Nothing was done.
bool is_misconfigured(S3Refusal refusal);

/// The refusal as an Error with "what: " in front. NotFound for kNoSuchKey and kNoLock,
/// AlreadyExists for kExists, kRace and a PUT that met a lock, Denied for rights, Misconfigured as
/// is_misconfigured() says, Throttled with Retry-After, Unavailable, Invalid.
Error to_error(const S3Error& refused, const http::Request& request,
               const http::Response& response);

}  // namespace stagekeeper::aws
