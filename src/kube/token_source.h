#pragma once

#include "base/mutex.h"
#include "base/result.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace stagekeeper::kube {

/// Port for the bearer token of the next request. Implementations are thread-safe.
class TokenSource {
 public:
  TokenSource() = default;
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;
  TokenSource(TokenSource&&) = delete;
  TokenSource& operator=(TokenSource&&) = delete;
  virtual ~TokenSource() = default;

  /// The token, or empty when requests carry none. Secret.
  virtual Result<std::string> token() = 0;

  /// Called after a 401: what token() returned must not be believed any longer.
  virtual void expire() = 0;
};

/// Always the same token; empty for none.
std::unique_ptr<TokenSource> static_token(std::string token);

/// A token that somebody else rotates in a file (a projected service account token). Read again
/// when older than `max_age` and after expire(). While the file cannot be read, the last token goes
/// on being used.
class FileToken final : public TokenSource {
 public:
  explicit FileToken(std::string path,
                     std::chrono::milliseconds max_age = std::chrono::seconds(60));

  /// Errors: NotFound, Unavailable when the file has never been readable; Invalid when it is larger
  /// than 16 kB, empty, or holds anything but one word.
  Result<std::string> token() override;
  void expire() override;

 private:
  using Time = std::chrono::steady_clock::time_point;

  const std::string path_;
  const std::chrono::milliseconds max_age_;
  Mutex mutex_;
  std::string token_ SK_GUARDED_BY(mutex_);
  std::optional<Time> read_at_ SK_GUARDED_BY(mutex_);  ///< absent: to be read before use
};

/// Checks that a text can stand in an Authorization header and cuts white space around it.
/// Errors: Invalid; the text is never quoted.
Result<std::string> clean_token(const std::string& text);

}  // namespace stagekeeper::kube
