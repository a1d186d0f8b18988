#pragma once

#include "base/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace stagekeeper::http {

struct ServerRequest {
  std::string path;   ///< "/metrics", percent-decoded never
  std::string query;  ///< without '?'
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
};

/// Answers one GET. Runs on the server's own thread, one at a time: must not block for long, or the
/// others wait. One that throws is answered with 500.
using Handler = std::function<ServerResponse(const ServerRequest&)>;

/// A listening HTTP/1.1 server; stops when destroyed.
class Server {
 public:
  Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Server(Server&&) = delete;
  Server& operator=(Server&&) = delete;
  virtual ~Server() = default;
};

/// Listens on an IPv4 address ("0.0.0.0", "127.0.0.1") and answers GET requests with `handler`,
/// other methods with 405 and targets longer than 2 kB with 414. For probes and metrics inside the
/// cluster: no TLS, idle connections end after 30 s.
///
/// Anybody may knock, so everything is bounded: 64 connections (a new one takes the place of the
/// one nearest to its end), 8 kB of headers (431), 5 s for a request and for taking its answer. A
/// body is refused unread (413). The library's own listener could not be used: it reads every body
/// and header block into memory whatever the handler says, on the threads that the watches need.
/// Errors: Invalid for an address that is not IPv4, Unavailable when it cannot be bound.
Result<std::unique_ptr<Server>> make_server(const std::string& listen_address, std::uint16_t port,
                                            Handler handler);

}  // namespace stagekeeper::http
