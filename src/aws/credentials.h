#pragma once

#include "base/result.h"

#include <chrono>
#include <functional>
#include <string>
#include <utility>

namespace stagekeeper::aws {

/// A text that must not reach a log, a message or a status: it has no stream operator and no
/// implicit conversion, so that printing it takes a deliberate reveal().
class Secret {
 public:
  Secret() = default;

  explicit Secret(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] const std::string& reveal() const { return text_; }

  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

/// What signs requests to an S3 store. The session token is empty for long-lived keys.
struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token = {};
};

/// Cuts the line ends that `echo` and editors put behind a key: they are part of none.
Credentials without_line_ends(Credentials credentials);

/// The credentials of the next request. Thread-safe. Errors: why there are none.
using CredentialSource = std::function<Result<Credentials>()>;

/// Long-lived keys in two files that may be replaced while they are in use (a mounted Secret).
/// Followed within seconds; a file that is empty or cannot be read leaves the last good keys.
/// Errors of the source: Invalid, NotFound, Unavailable, before the first success only.
CredentialSource file_credentials(const std::string& access_key_file,
                                  const std::string& secret_key_file,
                                  std::chrono::milliseconds interval = std::chrono::seconds(3));

}  // namespace stagekeeper::aws
