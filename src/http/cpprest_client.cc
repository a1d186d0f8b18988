#include "http/cpprest_client.h"

#include "base/mutex.h"
#include "http/body_receiver.h"
#include "http/origin.h"
#include "http/receiver_buffer.h"
#include "http/tls.h"

#include <cpprest/containerstream.h>
#include <cpprest/http_client.h>
#include <openssl/err.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <stdexcept>
#include <utility>

namespace stagekeeper::http {
namespace {

using web::http::http_request;
using web::http::http_response;
using web::http::client::http_client;

constexpr std::size_t kPoolThreads = 2;

bool is_header_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7F : c == '\t';
  });
}

Status check_headers(const Headers& headers) {
  for (const auto& [name, value] : headers) {
    const bool ok = !name.empty() && name.find_first_of(": \t") == std::string::npos &&
                    is_header_text(name) && is_header_text(value);
    if (!ok) return fail(ErrorCode::kInvalid, "a request header holds a character it must not");
  }
  return {};
}

/// The library's uri, when it would send the target byte for byte.
Result<web::uri> exact_uri(const std::string& target) {
  const auto bad = [&] {
    return fail(ErrorCode::kInvalid,
                fmt::format("not a request target: '{}'", target.substr(0, 200)));
  };
  // "//x" would be taken for a host, '#' for a fragment.
  if (!target.starts_with('/') || target.starts_with("//")) return bad();
  if (target.find('#') != std::string::npos) return bad();
  try {
    web::uri uri(target);
    const std::string sent = web::uri_builder().append(uri).to_uri().resource().to_string();
    if (sent != target) return bad();
    return uri;
  } catch (const web::uri_exception&) {
    return bad();
  }
}

Result<http_request> to_message(const Request& request, const std::string& server_name,
                                const std::string& user_agent) {
  if (Status s = check_headers(request.headers); !s) return tl::unexpected(s.error());
  Result<web::uri> uri = exact_uri(request.target);
  if (!uri) return tl::unexpected(uri.error());
  http_request message(request.method);
  message.set_request_uri(*uri);
  if (!request.body.empty()) {
    message.set_body(concurrency::streams::bytestream::open_istream(request.body),
                     request.body.size(), "application/octet-stream");
    message.headers().remove("Content-Type");
  }
  for (const auto& [name, value] : request.headers)
    message.headers()[name] = value;
  if (!message.headers().has("User-Agent")) message.headers()["User-Agent"] = user_agent;
  if (!server_name.empty()) message.headers()["Host"] = server_name;
  return message;
}

Response head_of(const http_response& message) {
  Response out;
  out.status = message.status_code();
  for (const auto& [name, value] : message.headers())
    out.headers.emplace(name, value);
  return out;
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

/// The library drops an error's category; its number still tells system errors from OpenSSL's.
std::string reason_of(int code) {
  constexpr int kEndOfFile = 2;  // of asio's own category: a system's ENOENT cannot happen here
  constexpr int kMaxErrno = 133;
  if (code == kEndOfFile) return "connection closed";
  if (code == EHOSTUNREACH) return "refused, or no route";  // the library's word for both
  if (code > 0 && code <= kMaxErrno) return std::generic_category().message(code);
  const char* reason = ERR_reason_error_string(static_cast<unsigned int>(code));
  return reason == nullptr ? "" : reason;
}

/// One of the library's clients with its pool of connections.
struct Connections {
  explicit Connections(const web::uri& base, const web::http::client::http_client_config& config)
      : client(base, config) {}

  http_client client;
  std::atomic<bool> used = false;  ///< an answer has come: connections may be idle in the pool
};

/// One exchange in progress.
struct Exchange {
  std::shared_ptr<Connections> connections;
  std::shared_ptr<BodyReceiver> receiver;
  std::shared_ptr<Bell> bell = std::make_shared<Bell>();
  pplx::cancellation_token_source cancel = {};
  HeadSink on_head = {};
  bool stale = false;  ///< failed without any answer, as it does on a connection closed meanwhile
};

/// Waits on the caller's thread for a task, or until the receiver wants no more of the body. Then
/// the connection is closed from here: on a pool thread the library would wait for itself.
template <typename T>
void wait_for(const pplx::task<T>& task, Exchange& now) {
  // Runs on a pool thread and observes nothing: the caller gets the task's outcome.
  task.then([bell = now.bell](const pplx::task<T>&) { bell->ring(); });
  now.bell->wait([&] { return task.is_done() || now.receiver->end() != BodyEnd::kOpen; });
  if (!task.is_done()) now.cancel.cancel();
}

class CpprestClient final : public Client {
 public:
  CpprestClient(ClientOptions options, Origin origin, std::shared_ptr<TlsClient> tls)
      : options_(std::move(options)),
        origin_(std::move(origin)),
        tls_(std::move(tls)),
        connections_(fresh_connections()) {}

  Result<Response> send(const Request& request) override {
    const auto start = std::chrono::steady_clock::now();
    bool stale = false;
    Result<Response> out = send_once(request, stale);
    if (out || !stale || request.idempotency != Idempotency::kIdempotent) return out;
    const auto again = std::chrono::steady_clock::now();
    out = send_once(request, stale);
    if (out) out->wasted = again - start;
    return out;
  }

  Result<Response> stream(const Request& request, const BodySink& sink,
                          std::stop_token stop) override {
    Exchange now{current(), std::make_shared<BodyReceiver>(options_.max_body_bytes, sink)};
    now.on_head = request.on_head;
    return exchange(request, now, stop);
  }

 private:
  [[nodiscard]] std::shared_ptr<Connections> fresh_connections() const {
    web::http::client::http_client_config config;
    config.set_timeout(options_.timeout);
    config.set_max_redirects(0);
    // An address is no server name (RFC 6066 §3).
    config.set_tlsext_sni_enabled(!origin_.is_address || !options_.server_name.empty());
    config.set_ssl_context_callback([tls = tls_](boost::asio::ssl::context& context) {
      if (!tls->configure(context.native_handle()))
        throw std::runtime_error("TLS settings refused by OpenSSL");
    });
    const std::string base =
        fmt::format("{}://{}", origin_.tls ? "https" : "http", origin_.host_header());
    return std::make_shared<Connections>(web::uri(base), config);
  }

  std::shared_ptr<Connections> current() SK_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return connections_;
  }

  /// After a network failure nothing of the old client is kept: its idle connections lead to the
  /// same peer, and clients have been seen unusable after a broken status line.
  void replace(const std::shared_ptr<Connections>& failed) SK_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (connections_ == failed) connections_ = fresh_connections();
  }

  Result<Response> send_once(const Request& request, bool& stale) {
    Exchange now{current(), std::make_shared<BodyReceiver>(
                                options_.max_body_bytes,
                                std::chrono::steady_clock::now() + options_.total_timeout)};
    Result<Response> out = exchange(request, now, {});
    stale = now.stale;
    return out;
  }

  Result<Response> exchange(const Request& request, Exchange& now, const std::stop_token& stop) {
    if (stop.stop_requested()) return fail(ErrorCode::kCancelled, origin_.str() + ": stopped");
    Result<http_request> message = to_message(request, options_.server_name, options_.user_agent);
    if (!message) return tl::unexpected(message.error());
    message->set_response_stream(
        concurrency::streams::ostream(concurrency::streams::streambuf<std::uint8_t>(
            std::make_shared<ReceiverBuffer>(now.receiver, now.bell))));
    Result<Response> out = run(*message, now, stop);
    now.receiver->close();
    if (out) now.connections->used = true;
    if (!out && out.error().code == ErrorCode::kUnavailable) replace(now.connections);
    return out;
  }

  /// Sends and waits, on the caller's thread. Maps every way in which the library fails.
  Result<Response> run(const http_request& message, Exchange& now, const std::stop_token& stop) {
    Response out;
    const auto start = std::chrono::steady_clock::now();
    try {
      const std::stop_callback on_stop(stop, [&now] { now.cancel.cancel(); });
      const pplx::task<http_response> head =
          now.connections->client.request(message, now.cancel.get_token());
      wait_for(head, now);
      const http_response answer = head.get();
      out = head_of(answer);
      if (is_success(out.status) && now.on_head && !now.on_head(out)) now.receiver->stop();
      if (!now.receiver->begin(is_success(out.status))) now.cancel.cancel();
      const auto body = answer.content_ready();
      wait_for(body, now);
      body.get();
      if (now.receiver->end() != BodyEnd::kOpen) return failed(out, now, stop, "");
      out.body = now.receiver->take_body();
      return out;
    } catch (const web::http::http_exception& e) {
      // No head, and no silence either: what a connection looks like that was closed while idle.
      now.stale = out.status == 0 && now.connections->used &&
                  std::chrono::steady_clock::now() - start < options_.timeout;
      return failed(out, now, stop, describe(e));
    } catch (const pplx::task_canceled&) {
      return failed(out, now, stop, "cancelled");
    } catch (const std::exception& e) {
      return failed(out, now, stop, e.what());
    }
  }

  /// The reason as far as the receiver or the stop request knows it better than the exception.
  Result<Response> failed(Response& head, const Exchange& now, const std::stop_token& stop,
                          const std::string& what) const {
    switch (now.receiver->end()) {
      case BodyEnd::kStopped:
        return std::move(head);
      case BodyEnd::kTooLarge:
        return fail(ErrorCode::kTooLarge, fmt::format("{}: answer larger than {} bytes",
                                                      origin_.str(), options_.max_body_bytes));
      case BodyEnd::kTooSlow:
        return fail(ErrorCode::kUnavailable,
                    fmt::format("{}: answer not complete after {} ms", origin_.str(),
                                options_.total_timeout.count()));
      case BodyEnd::kBroken:
        return fail(ErrorCode::kUnavailable, fmt::format("{}: whoever reads the answer failed: {}",
                                                         origin_.str(), now.receiver->broken_by()));
      case BodyEnd::kOpen:
        break;
    }
    if (stop.stop_requested()) return fail(ErrorCode::kCancelled, origin_.str() + ": stopped");
    return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", origin_.str(), what));
  }

  [[nodiscard]] std::string describe(const web::http::http_exception& e) const {
    const int code = e.error_code().value();
    if (code == ETIMEDOUT)
      return fmt::format("timed out, nothing received for {} ms", options_.timeout.count());
    const std::string what = e.what();
    const std::string refusal = tls_->last_refusal();
    if (what.find("SSL handshake") != std::string::npos && !refusal.empty())
      return "server certificate refused: " + refusal;
    const bool has_reason = what.find("resolving") == std::string::npos;
    const std::string reason = has_reason ? reason_of(code) : "";
    return reason.empty() ? what : fmt::format("{} ({})", what, reason);
  }

  const ClientOptions options_;
  const Origin origin_;
  const std::shared_ptr<TlsClient> tls_;
  Mutex mutex_;
  std::shared_ptr<Connections> connections_ SK_GUARDED_BY(mutex_);
};

}  // namespace

void initialize_pool() noexcept {
  // initialize_with_threads throws when the pool already runs: noexcept makes that the abort that
  // it is worth.
  [[maybe_unused]] static const bool done = [] {
    crossplat::threadpool::initialize_with_threads(kPoolThreads);
    return true;
  }();
}

void end_process(int code) noexcept {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  std::_Exit(code);
}

Result<std::unique_ptr<Client>> make_client(const ClientOptions& options) {
  initialize_pool();
  Result<Origin> origin = parse_origin(options.origin);
  if (!origin) return tl::unexpected(origin.error());
  const bool renamed = !options.server_name.empty();
  if (renamed && !parse_origin("https://" + options.server_name))
    return fail(ErrorCode::kInvalid, "not a server name: " + options.server_name.substr(0, 100));
  Result<std::shared_ptr<TlsClient>> tls =
      TlsClient::create({.ca_pem = options.ca_pem,
                         .client_cert_pem = options.client_cert_pem,
                         .client_key_pem = options.client_key_pem,
                         .peer = renamed ? options.server_name : origin->host,
                         .peer_is_address = !renamed && origin->is_address});
  if (!tls) return tl::unexpected(tls.error());
  try {
    return std::make_unique<CpprestClient>(options, std::move(*origin), std::move(*tls));
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: {}", options.origin.substr(0, 100), e.what()));
  }
}

}  // namespace stagekeeper::http
