#pragma once

#include "base/mutex.h"
#include "http/client.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace stagekeeper::fakes {

/// What a client sent.
struct ReceivedRequest {
  std::string method;
  std::string target;  ///< path and query as on the wire
  http::Headers headers;
  std::string body;
};

/// One scripted answer. Head first, then the steps in order. Without chunk() or raw() the body goes
/// out with its Content-Length; with chunk() it is chunked and ends properly unless the last step
/// is silence(), reset() or close().
class Answer {
 public:
  Answer& status(int code);
  Answer& header(const std::string& name, const std::string& value);
  Answer& body(std::string text);
  Answer& content_length(std::size_t lie);
  Answer& chunk(std::string text);
  Answer& raw(std::string bytes);  ///< sent as it is; as the first step it replaces the head
  Answer& pause(std::chrono::milliseconds time);
  Answer& silence();  ///< the connection stays open and nothing comes
  Answer& reset();    ///< the peer gets a RST
  Answer& close();    ///< the peer gets a FIN, mid-chunk or wherever it is
  Answer& always();   ///< this answer is not used up

 private:
  friend class HttpImposter;

  enum class Kind { kChunk, kRaw, kPause, kSilence, kReset, kClose };

  struct Step {
    Kind kind;
    std::string text = {};
    std::chrono::milliseconds time{0};
  };

  std::string method_;
  std::string path_;
  int status_ = 200;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::string body_;
  std::vector<Step> steps_;
  bool always_ = false;
  bool used_ = false;
};

/// Certificate and key of an imposter that speaks TLS. With `client_ca_pem` it demands a client
/// certificate of that authority.
struct ImposterTls {
  std::string cert_pem;
  std::string key_pem;
  std::string client_ca_pem = {};
};

/// An HTTP/1.1 server on 127.0.0.1 and a free port, run by its own threads, that answers from a
/// table: every request takes the first unused answer for its method and path. Script an answer
/// before the request that it is for. An unscripted request gets 501.
class HttpImposter {
 public:
  HttpImposter();
  explicit HttpImposter(const ImposterTls& tls);
  HttpImposter(const HttpImposter&) = delete;
  HttpImposter& operator=(const HttpImposter&) = delete;
  HttpImposter(HttpImposter&&) = delete;
  HttpImposter& operator=(HttpImposter&&) = delete;
  ~HttpImposter();

  /// `path` without query; "*" at its end matches any rest. The reference stays valid.
  Answer& on(const std::string& method, const std::string& path);

  /// "http://127.0.0.1:port" or "https://…"; with another host name when given.
  [[nodiscard]] std::string origin(const std::string& host = "127.0.0.1") const;

  [[nodiscard]] std::uint16_t port() const { return port_; }

  [[nodiscard]] std::vector<ReceivedRequest> requests() const;

  [[nodiscard]] int connection_count() const { return connection_count_; }

 private:
  class Connection;
  struct TlsContext;

  void listen_on_free_port();
  void accept_all(const std::stop_token& stop);
  void serve(int socket, const std::stop_token& stop);
  bool receive(Connection& connection, ReceivedRequest& out) const;
  Answer pick(const ReceivedRequest& request);
  bool play(Connection& connection, const Answer& answer, bool head_only,
            const std::stop_token& stop);

  std::unique_ptr<TlsContext> tls_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connection_count_ = 0;
  mutable Mutex mutex_;
  std::deque<Answer> answers_ SK_GUARDED_BY(mutex_);
  std::vector<ReceivedRequest> requests_ SK_GUARDED_BY(mutex_);
  std::vector<std::jthread> connections_ SK_GUARDED_BY(mutex_);
  std::jthread acceptor_;
};

}  // namespace stagekeeper::fakes
