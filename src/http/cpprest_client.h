#pragma once

#include "base/result.h"
#include "http/client.h"

#include <chrono>
#include <memory>
#include <string>

namespace stagekeeper::http {

/// How to reach one server. PEM texts, not paths; the key is secret and never printed.
struct ClientOptions {
  std::string origin = {};  ///< "https://host:port"; http only where the caller accepts it
  std::string ca_pem = {};  ///< authorities to trust instead of the system's; empty: system
  std::string client_cert_pem = {};  ///< with client_key_pem, or both empty
  std::string client_key_pem = {};
  std::string server_name = {};  ///< expected in the certificate instead of the host; is also sent
                                 ///< as SNI and Host header
  std::chrono::milliseconds timeout = std::chrono::seconds(30);       ///< without any progress
  std::chrono::milliseconds total_timeout = std::chrono::minutes(2);  ///< whole send(), from the
                                                                      ///< second piece on
  std::size_t max_body_bytes = std::size_t{16} << 20U;
  std::string user_agent = "stagekeeper";
};

/// Sets cpprestsdk's process-wide pool to two threads (its default of 40 costs latency). Called
/// first in main; make_client and make_server call it too. Idempotent; aborts when something else
/// has started the pool before.
void initialize_pool() noexcept;

/// Flushes the standard streams and ends the process without running static destructors, as the
/// last act of a main that has used a client: a pool thread that still closes a TLS connection
/// meets an OpenSSL that has been taken down already, and spins for ever where the process should
/// be gone.
[[noreturn]] void end_process(int code) noexcept;

/// A client over cpprestsdk: HTTP/1.1, keep-alive, no redirects, no compression, no proxy.
///
/// Guarantees:
/// - the target is sent byte for byte; one that cannot be is refused as Invalid;
/// - the server is verified (chain, host name, TLS 1.2 or later), there is no way to turn that off;
/// - `timeout` runs without progress (name, connect, handshake, header, each body piece), so a
///   stream lives as long as pieces come more often;
/// - sinks run on a pool thread or on the caller's, and never after the call has returned. They
///   must not block and must not call a Client;
/// - nothing of ours throws or waits on a pool thread: a body that nobody wants any more is read
/// and
///   dropped until the caller's own thread has closed the connection.
///
/// Assumptions: a request without a body on a pooled connection that the server has closed
/// meanwhile is silently sent again, whatever its method, so every write must carry a name or a
/// precondition that makes the second one harmless; one with a body fails, unless it is marked as
/// idempotent. The body limit cannot stop a single chunk of a chunked body, nor the header block:
/// both are read whole by the library.
///
/// Errors: Invalid for unusable options.
Result<std::unique_ptr<Client>> make_client(const ClientOptions& options);

}  // namespace stagekeeper::http
