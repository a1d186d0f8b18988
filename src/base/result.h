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
  kConflict,       ///< lost a compare-and-swap: read again, decide again
  kFieldConflict,  ///< another field manager owns what server-side apply would set: the text names
                   ///< it; only a person can settle that
  kGone,           ///< a watch or page token is too old: list again
  kDenied,         ///< the caller lacks a right; retried slowly
  kMisconfigured,  ///< what we were told to use does not work (keys, bucket, region, a clock):
                   ///< nothing was done, and the text says what somebody has to mend
  kInvalid,        ///< the request itself is wrong: never retried, shown to the user
  kTooLarge,       ///< the answer exceeds a limit of ours: ask for less at once
  kThrottled,      ///< the server asked for patience: see retry_after
  kUnavailable,    ///< network, timeout, 5xx: the effect is unknown, read back before assuming
                   ///< failure
  kCancelled,      ///< we are shutting down
  kCorrupt,        ///< data that cannot be believed: fail closed
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

/// Declares a variable with the value of a Result, or returns its error as it is:
///
///     SK_TRY(const Policy policy, read_policy(text));
///
/// The error and the value are moved out. It is two statements and a declaration: never the body of
/// an `if` without braces, and at most one on a line. Where the error needs words, write
/// `if (!x) return fail(std::move(x.error()), "reading the policy")`.
#define SK_TRY(declaration, ...) SK_TRY_AS(SK_JOINED(sk_try_, __LINE__), declaration, (__VA_ARGS__))

/// Returns the error of a Status, or of a Result whose value nobody needs, and goes on otherwise.
#define SK_CHECK_OK(...)                                      \
  do {                                                        \
    if (auto sk_checked = (__VA_ARGS__); !sk_checked)         \
      return ::tl::unexpected(std::move(sk_checked).error()); \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration in parentheses is none
#define SK_TRY_AS(result, declaration, expression)                 \
  auto result = expression;                                        \
  if (!result) return ::tl::unexpected(std::move(result).error()); \
  declaration = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)
#define SK_JOINED(a, b) SK_JOINED_LITERALLY(a, b)
#define SK_JOINED_LITERALLY(a, b) a##b

/// Whether trying the same thing again later can succeed. Invalid, Denied, Misconfigured and
/// Corrupt need somebody to act first; Cancelled means that nobody is waiting any more.
bool is_transient(const Error& error);

}  // namespace stagekeeper
