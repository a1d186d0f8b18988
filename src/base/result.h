#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace stagekeeper {

/// What a caller can act on. The text of an Error names verb, object and cause.
enum class ErrorCode {
  kNotFound,
  kAlreadyExists,
  kConflict,     ///< lost a compare-and-swap: read again, decide again
  kGone,         ///< a watch or page token is too old: list again
  kDenied,       ///< the caller lacks a right; retried slowly
  kInvalid,      ///< the request itself is wrong: never retried, shown to the user
  kThrottled,    ///< the server asked for patience: see retry_after
  kUnavailable,  ///< network, timeout, 5xx: the effect is unknown, read back before assuming
                 ///< failure
  kCancelled,    ///< we are shutting down
  kCorrupt,      ///< data that cannot be believed: fail closed
};

/// The stable name of a code ("NotFound"), for logs and metrics.
std::string_view name(ErrorCode code);

/// A failure as a value.
struct [[nodiscard]] Error {
  ErrorCode code;
  std::string message;
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;

  /// The same error with "what: " before its text.
  Error context(std::string_view what) &&;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// Builds the error side of a Result: `return fail(ErrorCode::kNotFound, "get pod x")`.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

/// Passes an error on, with "what: " before its text.
inline tl::unexpected<Error> fail(Error error, std::string_view what) {
  return tl::unexpected<Error>(std::move(error).context(what));
}

/// Whether trying the same thing again later can succeed. Invalid, Denied and Corrupt need somebody
/// to act first; Cancelled means that nobody is waiting any more.
bool is_transient(const Error& error);

}  // namespace stagekeeper
