#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace stagekeeper::http {

/// Scheme, host and port of a server.
struct Origin {
  bool tls = true;
  std::string host;         ///< lower case; an IPv6 address without brackets
  std::uint16_t port = 0;   ///< never 0 after parse_origin
  bool is_address = false;  ///< the host is an IPv4 or IPv6 address, not a name

  /// What parse_origin reads back as the same: "https://host:port".
  [[nodiscard]] std::string url() const;

  /// "host:port" for messages, with brackets around an IPv6 address.
  [[nodiscard]] std::string str() const;

  /// The Host header that the client sends: without the port when it is the scheme's own (443, 80).
  /// Whoever signs requests signs this value. An IPv6 host stands without brackets and always with
  /// its port, because cpprestsdk builds the header from the name that it resolves.
  [[nodiscard]] std::string host_header() const;

  /// Whether the host is this machine: "localhost", 127.0.0.0/8 or ::1.
  [[nodiscard]] bool is_loopback() const;
};

/// Reads "https://host", "https://host:6443", "https://[::1]:6443" or the same with http; a slash
/// at the end and capital letters make no difference. The one reader of origins and endpoints:
/// whoever connects, signs or checks uses it. Errors: Invalid for anything else, also for a path,
/// user name, zone or query.
Result<Origin> parse_origin(std::string_view text);

}  // namespace stagekeeper::http
