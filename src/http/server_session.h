#pragma once

#include "http/server.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace stagekeeper::http {

/// One connection of a Server as bytes in and bytes out, without a socket. Holds at most one header
/// block of what came. Not thread-safe.
class ServerSession {
 public:
  static constexpr std::size_t kMaxHeadBytes = 8192;
  static constexpr std::size_t kMaxTargetBytes = 2048;

  /// The handler must outlive the session.
  explicit ServerSession(const Handler& handler) : handler_(handler) {}

  /// Takes what came and answers every request that is complete now. Ignored once closing().
  void feed(std::string_view bytes);

  /// What is to be sent; the caller erases what it has sent.
  [[nodiscard]] std::string& out() { return out_; }

  /// No further request is read: close when out() has been sent.
  [[nodiscard]] bool closing() const { return closing_; }

  /// Whether a request has begun and is not complete.
  [[nodiscard]] bool in_request() const { return !in_.empty(); }

 private:
  void serve(std::string_view text);
  void answer(const ServerResponse& response);
  void refuse(int status, const char* why);
  [[nodiscard]] ServerResponse handle(std::string_view target) const;

  const Handler& handler_;
  std::string in_;
  std::string out_;
  bool closing_ = false;
};

}  // namespace stagekeeper::http
