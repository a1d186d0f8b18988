#include "http/cpprest_client.h"

#include "base/mutex.h"
#include "http/body_receiver.h"
#include "http/origin.h"
#include "http/tls.h"

#include <cpprest/containerstream.h>
#include <cpprest/http_client.h>
#include <openssl/err.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <stdexcept>
#include <utility>

namespace stagekeeper::http {
namespace {

using web::http::http_request;
using web::http::http_response;
using web::http::client::http_client;
using ByteBuffer = concurrency::streams::details::streambuf_state_manager<std::uint8_t>;

constexpr std::size_t kPoolThreads = 2;

/// The write-only stream buffer that cpprestsdk fills: hands every piece to a BodyReceiver at once,
/// without the queue and the task switches of the library's own buffers (13 µs an event, not 400).
class ReceiverBuffer final : public ByteBuffer {
 public:
  explicit ReceiverBuffer(std::shared_ptr<BodyReceiver> receiver)
      : ByteBuffer(std::ios_base::out), receiver_(std::move(receiver)) {}

  [[nodiscard]] bool can_seek() const override { return false; }

  [[nodiscard]] bool has_size() const override { return false; }

  [[nodiscard]] std::size_t buffer_size(std::ios_base::openmode /*mode*/) const override {
    return 0;
  }

  void set_buffer_size(std::size_t /*size*/, std::ios_base::openmode /*mode*/) override {}

  [[nodiscard]] std::size_t in_avail() const override { return 0; }

  pos_type getpos(std::ios_base::openmode /*mode*/) const override { return nowhere(); }

  pos_type seekpos(pos_type /*pos*/, std::ios_base::openmode /*mode*/) override {
    return nowhere();
  }

  pos_type seekoff(off_type /*offset*/, std::ios_base::seekdir /*way*/,
                   std::ios_base::openmode /*mode*/) override {
    return nowhere();
  }

  bool acquire(std::uint8_t*& /*data*/, std::size_t& /*count*/) override { return false; }

  void release(std::uint8_t* /*data*/, std::size_t /*count*/) override {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    const char c = static_cast<char>(byte);
    if (!receiver_->accept({&c, 1})) return refused<int_type>();
    return pplx::task_from_result<int_type>(byte);
  }

  pplx::task<std::size_t> _putn(const std::uint8_t* data, std::size_t count) override {
    if (!receiver_->accept({reinterpret_cast<const char*>(data), count}))
      return refused<std::size_t>();
    return pplx::task_from_result(count);
  }

  pplx::task<int_type> _bumpc() override { return end(); }

  int_type _sbumpc() override { return traits::eof(); }

  pplx::task<int_type> _getc() override { return end(); }

  int_type _sgetc() override { return traits::eof(); }

  pplx::task<int_type> _nextc() override { return end(); }

  pplx::task<int_type> _ungetc() override { return end(); }

  pplx::task<std::size_t> _getn(std::uint8_t* /*data*/, std::size_t /*count*/) override {
    return pplx::task_from_result<std::size_t>(0);
  }

  std::size_t _scopy(std::uint8_t* /*data*/, std::size_t /*count*/) override { return 0; }

  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }

  std::uint8_t* _alloc(std::size_t /*count*/) override { return nullptr; }

  void _commit(std::size_t /*count*/) override {}

 private:
  static pos_type nowhere() { return static_cast<pos_type>(traits::eof()); }

  static pplx::task<int_type> end() { return pplx::task_from_result<int_type>(traits::eof()); }

  /// An exception is the only way to make cpprestsdk give up a body.
  template <typename T>
  static pplx::task<T> refused() {
    return pplx::task_from_exception<T>(std::runtime_error("body refused by its receiver"));
  }

  std::shared_ptr<BodyReceiver> receiver_;
};

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

/// One exchange in progress.
struct Exchange {
  std::shared_ptr<http_client> client;
  std::shared_ptr<BodyReceiver> receiver;
  pplx::cancellation_token_source cancel;
};

class CpprestClient final : public Client {
 public:
  CpprestClient(ClientOptions options, Origin origin, std::shared_ptr<TlsClient> tls)
      : options_(std::move(options)),
        origin_(std::move(origin)),
        tls_(std::move(tls)),
        client_(fresh_client()) {}

  Result<Response> send(const Request& request) override {
    auto receiver = std::make_shared<BodyReceiver>(
        options_.max_body_bytes, std::chrono::steady_clock::now() + options_.total_timeout);
    return exchange(request, std::move(receiver), {});
  }

  Result<Response> stream(const Request& request, const BodySink& sink,
                          std::stop_token stop) override {
    auto receiver = std::make_shared<BodyReceiver>(options_.max_body_bytes, sink);
    return exchange(request, std::move(receiver), stop);
  }

 private:
  [[nodiscard]] std::shared_ptr<http_client> fresh_client() const {
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
    return std::make_shared<http_client>(web::uri(base), config);
  }

  std::shared_ptr<http_client> current_client() SK_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return client_;
  }

  /// After a network failure nothing of the old client is kept: its idle connections lead to the
  /// same peer, and clients have been seen unusable after a broken status line.
  void replace_client(const std::shared_ptr<http_client>& failed) SK_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (client_ == failed) client_ = fresh_client();
  }

  Result<Response> exchange(const Request& request, std::shared_ptr<BodyReceiver> receiver,
                            const std::stop_token& stop) {
    if (stop.stop_requested()) return fail(ErrorCode::kCancelled, origin_.str() + ": stopped");
    Result<http_request> message = to_message(request, options_.server_name, options_.user_agent);
    if (!message) return tl::unexpected(message.error());
    Exchange now{current_client(), std::move(receiver), {}};
    message->set_response_stream(
        concurrency::streams::ostream(concurrency::streams::streambuf<std::uint8_t>(
            std::make_shared<ReceiverBuffer>(now.receiver))));
    Result<Response> out = run(*message, now, stop);
    now.receiver->close();
    if (!out && out.error().code == ErrorCode::kUnavailable) replace_client(now.client);
    return out;
  }

  /// Sends and waits, on the caller's thread. Maps every way in which the library fails.
  Result<Response> run(const http_request& message, Exchange& now, const std::stop_token& stop) {
    Response out;
    try {
      const std::stop_callback on_stop(stop, [&now] { now.cancel.cancel(); });
      http_response answer = now.client->request(message, now.cancel.get_token()).get();
      out = head_of(answer);
      if (!now.receiver->begin(is_success(out.status))) {
        now.cancel.cancel();
        return out;
      }
      answer.content_ready().get();
      out.body = now.receiver->take_body();
      return out;
    } catch (const web::http::http_exception& e) {
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
        return fail(ErrorCode::kInvalid, fmt::format("{}: answer larger than {} bytes",
                                                     origin_.str(), options_.max_body_bytes));
      case BodyEnd::kTooSlow:
        return fail(ErrorCode::kUnavailable,
                    fmt::format("{}: answer not complete after {} ms", origin_.str(),
                                options_.total_timeout.count()));
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
  std::shared_ptr<http_client> client_ SK_GUARDED_BY(mutex_);
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
