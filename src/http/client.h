#pragma once

#include "base/result.h"

#include <chrono>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>

namespace stagekeeper::http {

/// Header names compare without regard to case; the value of a repeated header is joined by ", ".
struct HeaderLess {
  bool operator()(std::string_view a, std::string_view b) const;
  using is_transparent = void;
};

using Headers = std::map<std::string, std::string, HeaderLess>;

struct Response;

/// Sees status and headers of a successful answer before its body; false ends the call early.
using HeadSink = std::function<bool(const Response& head)>;

/// Whether a request may be sent a second time when nobody can tell if the first one arrived.
enum class Idempotency {
  kUnknown,     ///< the caller decides about a second attempt
  kIdempotent,  ///< a second one changes nothing more: a lost pooled connection is tried again once
};

struct Request {
  std::string method = {};  ///< "GET", "PUT", …
  std::string target =
      {};  ///< path and query exactly as sent, already percent-encoded: "/api/v1/pods?limit=5"
  Headers headers = {};
  std::string body = {};
  Idempotency idempotency = Idempotency::kUnknown;
  /// Of stream() alone: called on the caller's thread, once, for a 2xx and before the first piece.
  HeadSink on_head = {};
};

/// Any status is a successful call: turning 404 or 409 into an Error is the next layer's business.
struct Response {
  int status = 0;
  Headers headers;
  std::string body;
  /// Spent on a connection that turned out to be closed, before the attempt that was answered: no
  /// part of how long the server took.
  std::chrono::steady_clock::duration wasted{};
};

/// Takes the next piece of a streamed body, in order; false ends the stream early.
using BodySink = std::function<bool(std::string_view piece)>;

/// The value of a header; empty when it is absent. Points into `headers`.
std::string_view header_value(const Headers& headers, std::string_view name);

/// Port for HTTP/1.1 to one origin (scheme, host, port). Implementations are thread-safe.
///
/// Errors of both calls: Unavailable for anything between us and the server (name, TCP, TLS,
/// timeout, reset, broken framing), Cancelled after a stop request, TooLarge when the body exceeds
/// the limit.
class Client {
 public:
  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client(Client&&) = delete;
  Client& operator=(Client&&) = delete;
  virtual ~Client() = default;

  /// Sends and reads the whole answer, at most ClientOptions::max_body_bytes of it.
  /// An idempotent request that met a connection which the server had closed while it was idle, and
  /// of whose answer nothing has come, is sent once more on a fresh connection.
  virtual Result<Response> send(const Request& request) = 0;

  /// Sends and hands the body over piece by piece as it arrives, from the calling thread or another
  /// one, never concurrently. For a status other than 2xx nothing is streamed and the (bounded)
  /// body is in the Response. Returns when the server ends the body, the sink says stop (then with
  /// the response), the idle timeout passes or `stop` is requested. A sink that throws ends the
  /// stream as Unavailable.
  virtual Result<Response> stream(const Request& request, const BodySink& sink,
                                  std::stop_token stop) = 0;
};

}  // namespace stagekeeper::http
