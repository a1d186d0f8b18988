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
  kAccessDenied,  ///< 403 because of the caller's rights or keys
  kClockSkew,     ///< 403 RequestTimeTooSkewed
  kThrottled,     ///< 503 SlowDown, 429
  kUnavailable,   ///< any other 5xx, a missing bucket, an answer that is not S3's
  kInvalid,       ///< any other 4xx: the request itself is wrong
};

/// A refusal as S3 words it.
struct S3Error {
  S3Refusal refusal;
  int status = 0;
  std::string code;     ///< "AccessDenied"; empty without a readable body
  std::string message;  ///< cut at 300 bytes, control characters replaced
};

/// What an answer refuses, or nothing for success. An answer of 2xx whose body is an S3 error is a
/// refusal: S3 sends such answers. Pure.
std::optional<S3Error> refusal_of(const http::Request& request, const http::Response& response);

/// The refusal as an Error with "what: " in front. NotFound for kNoSuchKey and kNoLock,
/// AlreadyExists for kExists, kRace and a PUT that met a lock, Denied for rights and clock skew,
/// Throttled with Retry-After, Unavailable, Invalid.
Error to_error(const S3Error& refused, const http::Request& request,
               const http::Response& response);

}  // namespace stagekeeper::aws
