#pragma once

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

}  // namespace stagekeeper::aws
