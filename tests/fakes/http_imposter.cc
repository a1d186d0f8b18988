#include "tests/fakes/http_imposter.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace stagekeeper::fakes {
namespace {

constexpr int kPollMs = 10;

void must(bool ok) {
  if (!ok) std::abort();
}

/// Waits until the socket can be read (or has ended) or `limit` passes. False: stop or time.
bool wait_readable(int socket, const std::stop_token& stop, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
    pollfd wait{.fd = socket, .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, kPollMs) > 0) return true;
  }
  return false;
}

std::string chunk_of(const std::string& text) {
  return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}

}  // namespace

Answer& Answer::status(int code) {
  status_ = code;
  return *this;
}

Answer& Answer::header(const std::string& name, const std::string& value) {
  headers_.emplace_back(name, value);
  return *this;
}

Answer& Answer::body(std::string text) {
  body_ = std::move(text);
  return *this;
}

Answer& Answer::content_length(std::size_t lie) {
  return header("Content-Length", std::to_string(lie));
}

Answer& Answer::chunk(std::string text) {
  steps_.push_back({.kind = Kind::kChunk, .text = std::move(text)});
  return *this;
}

Answer& Answer::raw(std::string bytes) {
  steps_.push_back({.kind = Kind::kRaw, .text = std::move(bytes)});
  return *this;
}

Answer& Answer::pause(std::chrono::milliseconds time) {
  steps_.push_back({.kind = Kind::kPause, .time = time});
  return *this;
}

Answer& Answer::silence() {
  steps_.push_back({.kind = Kind::kSilence});
  return *this;
}

Answer& Answer::reset() {
  steps_.push_back({.kind = Kind::kReset});
  return *this;
}

Answer& Answer::close() {
  steps_.push_back({.kind = Kind::kClose});
  return *this;
}

Answer& Answer::always() {
  always_ = true;
  return *this;
}

struct HttpImposter::TlsContext {
  SSL_CTX* context = nullptr;

  explicit TlsContext(const ImposterTls& tls) : context(SSL_CTX_new(TLS_server_method())) {
    BIO* cert = BIO_new_mem_buf(tls.cert_pem.data(), static_cast<int>(tls.cert_pem.size()));
    X509* certificate = PEM_read_bio_X509(cert, nullptr, nullptr, nullptr);
    must(SSL_CTX_use_certificate(context, certificate) == 1);
    X509_free(certificate);
    BIO_free(cert);
    BIO* key_bio = BIO_new_mem_buf(tls.key_pem.data(), static_cast<int>(tls.key_pem.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(key_bio, nullptr, nullptr, nullptr);
    must(SSL_CTX_use_PrivateKey(context, key) == 1);
    EVP_PKEY_free(key);
    BIO_free(key_bio);
    if (!tls.client_ca_pem.empty()) demand_client(tls.client_ca_pem);
  }

  void demand_client(const std::string& ca_pem) const {
    BIO* bio = BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size()));
    X509* ca = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    must(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    X509_free(ca);
    BIO_free(bio);
  }

  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  TlsContext(TlsContext&&) = delete;
  TlsContext& operator=(TlsContext&&) = delete;

  ~TlsContext() { SSL_CTX_free(context); }
};

/// One accepted socket, with TLS or without.
class HttpImposter::Connection {
 public:
  Connection(int socket, SSL_CTX* tls, std::stop_token stop)
      : socket_(socket), stop_(std::move(stop)) {
    const timeval limit{.tv_sec = 5, .tv_usec = 0};  // no test hangs on a peer that says nothing
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, socket_);
    ok_ = SSL_accept(ssl_) == 1;
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;

  ~Connection() {
    if (ssl_ != nullptr) {
      if (ok_) SSL_shutdown(ssl_);
      SSL_free(ssl_);
    }
    ::close(socket_);
  }

  [[nodiscard]] bool ok() const { return ok_; }

  /// Appends what comes next to `buffer`. False at the end.
  bool read(std::string& buffer) {
    const bool pending = ssl_ != nullptr && SSL_pending(ssl_) > 0;
    if (!pending && !wait_readable(socket_, stop_, std::chrono::hours(1))) return false;
    std::array<char, 16384> piece{};
    const auto size = static_cast<int>(piece.size());
    const auto got = ssl_ != nullptr ? static_cast<ssize_t>(SSL_read(ssl_, piece.data(), size))
                                     : recv(socket_, piece.data(), piece.size(), 0);
    if (got <= 0) return false;
    buffer.append(piece.data(), static_cast<std::size_t>(got));
    return true;
  }

  bool write(std::string_view text) {
    while (!text.empty()) {
      const auto sent =
          ssl_ != nullptr
              ? static_cast<ssize_t>(SSL_write(ssl_, text.data(), static_cast<int>(text.size())))
              : send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Lets the time pass, or all of it until the peer goes when `time` is zero.
  void wait(std::chrono::milliseconds time) {
    if (time.count() == 0) {
      wait_readable(socket_, stop_, std::chrono::hours(1));
      return;
    }
    const auto until = std::chrono::steady_clock::now() + time;
    while (!stop_.stop_requested() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::min(time, std::chrono::milliseconds(5)));
  }

  void reset_on_close() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ok_ = false;  // no close_notify before the RST
  }

  std::string& rest() { return rest_; }

 private:
  int socket_;
  std::stop_token stop_;
  SSL* ssl_ = nullptr;
  bool ok_ = true;
  std::string rest_;  ///< read beyond the last request
};

HttpImposter::HttpImposter() {
  listen_on_free_port();
}

HttpImposter::HttpImposter(const ImposterTls& tls) : tls_(std::make_unique<TlsContext>(tls)) {
  listen_on_free_port();
}

HttpImposter::~HttpImposter() {
  acceptor_.request_stop();
  acceptor_.join();
  std::vector<std::jthread> connections;
  {
    const MutexLock lock(mutex_);
    connections.swap(connections_);
  }
  connections.clear();  // asks each to stop and waits for it
  ::close(listener_);
}

void HttpImposter::listen_on_free_port() {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(listener_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  must(bind(listener_, generic, size) == 0 && listen(listener_, SOMAXCONN) == 0);
  must(getsockname(listener_, generic, &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
}

std::string HttpImposter::origin(const std::string& host) const {
  return fmt::format("{}://{}:{}", tls_ ? "https" : "http", host, port_);
}

Answer& HttpImposter::on(const std::string& method, const std::string& path) {
  const MutexLock lock(mutex_);
  Answer& answer = answers_.emplace_back();
  answer.method_ = method;
  answer.path_ = path;
  return answer;
}

std::vector<ReceivedRequest> HttpImposter::requests() const {
  const MutexLock lock(mutex_);
  return requests_;
}

void HttpImposter::accept_all(const std::stop_token& stop) {
  while (wait_readable(listener_, stop, std::chrono::hours(1))) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++connection_count_;
    const MutexLock lock(mutex_);
    connections_.emplace_back(
        [this, socket](const std::stop_token& own_stop) { serve(socket, own_stop); });
  }
}

void HttpImposter::serve(int socket, const std::stop_token& stop) {
  Connection connection(socket, tls_ ? tls_->context : nullptr, stop);
  while (connection.ok() && !stop.stop_requested()) {
    ReceivedRequest request;
    if (!receive(connection, request)) return;
    {
      const MutexLock lock(mutex_);
      requests_.push_back(request);
    }
    if (!play(connection, pick(request), request.method == "HEAD", stop)) return;
  }
}

bool HttpImposter::receive(Connection& connection, ReceivedRequest& out) const {
  std::string& buffer = connection.rest();
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!connection.read(buffer)) return false;
  }
  const std::string head = buffer.substr(0, end + 2);
  buffer.erase(0, end + 4);
  const std::size_t line_end = head.find("\r\n");
  const std::string line = head.substr(0, line_end);
  const std::size_t space = line.find(' ');
  out.method = line.substr(0, space);
  out.target = line.substr(space + 1, line.rfind(' ') - space - 1);
  for (std::size_t pos = line_end + 2; pos < head.size();) {
    const std::size_t stop = head.find("\r\n", pos);
    const std::size_t colon = head.find(':', pos);
    const std::size_t value = std::min(head.find_first_not_of(' ', colon + 1), stop);
    out.headers[head.substr(pos, colon - pos)] = head.substr(value, stop - value);
    pos = stop + 2;
  }
  const auto length = out.headers.find("Content-Length");
  const std::size_t size = length == out.headers.end() ? 0 : std::stoul(length->second);
  while (buffer.size() < size) {
    if (!connection.read(buffer)) return false;
  }
  out.body = buffer.substr(0, size);
  buffer.erase(0, size);
  return true;
}

Answer HttpImposter::pick(const ReceivedRequest& request) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const auto matches = [&](const Answer& answer) {
    if (answer.used_ || answer.method_ != request.method) return false;
    if (!answer.path_.ends_with('*')) return answer.path_ == path;
    return path.starts_with(std::string_view(answer.path_).substr(0, answer.path_.size() - 1));
  };
  const MutexLock lock(mutex_);
  const auto found = std::find_if(answers_.begin(), answers_.end(), matches);
  if (found == answers_.end()) return Answer().status(501).body("not scripted: " + path);
  found->used_ = !found->always_;
  return *found;
}

bool HttpImposter::play(Connection& connection, const Answer& answer, bool head_only,
                        const std::stop_token& stop) {
  using Kind = Answer::Kind;
  const auto has = [&](Kind kind) {
    return std::any_of(answer.steps_.begin(), answer.steps_.end(),
                       [kind](const Answer::Step& step) { return step.kind == kind; });
  };
  const bool chunked = has(Kind::kChunk);
  const bool has_length = std::any_of(answer.headers_.begin(), answer.headers_.end(),
                                      [](const auto& h) { return h.first == "Content-Length"; });
  std::string head = fmt::format("HTTP/1.1 {} Scripted\r\n", answer.status_);
  for (const auto& [name, value] : answer.headers_)
    head += fmt::format("{}: {}\r\n", name, value);
  if (chunked)
    head += "Transfer-Encoding: chunked\r\n";
  else if (!has_length)
    head += fmt::format("Content-Length: {}\r\n", answer.body_.size());
  head += "\r\n";
  if (!head_only) head += answer.body_;
  const bool no_head = !answer.steps_.empty() && answer.steps_[0].kind != Kind::kChunk &&
                       answer.body_.empty() && !chunked;
  if (!no_head && !connection.write(head)) return false;
  for (const Answer::Step& step : answer.steps_) {
    if (stop.stop_requested()) return false;
    if (step.kind == Kind::kChunk && !connection.write(chunk_of(step.text))) return false;
    if (step.kind == Kind::kRaw && !connection.write(step.text)) return false;
    if (step.kind == Kind::kPause) connection.wait(step.time);
    if (step.kind == Kind::kSilence) connection.wait({});
    if (step.kind == Kind::kReset) connection.reset_on_close();
    if (step.kind == Kind::kSilence || step.kind == Kind::kReset || step.kind == Kind::kClose)
      return false;
  }
  return !chunked || connection.write("0\r\n\r\n");
}

}  // namespace stagekeeper::fakes
