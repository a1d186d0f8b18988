#include "http/server.h"

#include "http/cpprest_client.h"
#include "tests/fakes/http_imposter.h"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <chrono>
#include <fmt/format.h>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::http;  // NOLINT(google-build-using-namespace)

namespace {

/// A port that was free a moment ago.
std::uint16_t free_port() {
  return fakes::HttpImposter().port();
}

/// A peer that sends bytes as it likes.
class RawPeer {
 public:
  explicit RawPeer(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }

  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;
  RawPeer(RawPeer&&) = delete;
  RawPeer& operator=(RawPeer&&) = delete;

  ~RawPeer() { close(socket_); }

  /// False when the server has closed.
  bool say(std::string_view text) const {
    return send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }

  /// Everything until the server closes.
  [[nodiscard]] std::string rest() const {
    std::string out;
    char piece[4096];
    for (ssize_t got = 0; (got = recv(socket_, piece, sizeof piece, 0)) > 0;)
      out.append(piece, static_cast<std::size_t>(got));
    return out;
  }

 private:
  int socket_;
};

ServerResponse echo(const ServerRequest& request) {
  if (request.path != "/metrics") return {.status = 404, .body = "no " + request.path};
  return {.body = "metrics " + request.query};
}

}  // namespace

TEST_CASE("server: answers GET by its handler and refuses everything else") {
  const std::uint16_t port = free_port();
  const auto server = make_server("127.0.0.1", port, echo).value();
  const auto client = make_client({.origin = fmt::format("http://127.0.0.1:{}", port)}).value();

  struct Row {
    const char* method;
    std::string target;
    int status;
    const char* body;
  };

  const Row rows[] = {
      {"GET", "/metrics?a=1", 200, "metrics a=1"},
      {"GET", "/%6Detrics", 404, "no /%6Detrics"},
      {"GET", "/", 404, "no /"},
      {"POST", "/metrics", 405, "only GET is served\n"},
      {"DELETE", "/metrics", 405, "only GET is served\n"},
      {"GET", "/" + std::string(3000, 'a'), 414, "target too long\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.target.substr(0, 40));
    const Result<Response> answer =
        client->send({.method = row.method, .target = row.target, .headers = {}, .body = ""});
    REQUIRE(answer);
    CHECK(answer->status == row.status);
    CHECK(answer->body == row.body);
    CHECK(answer->headers.find("Content-Type")->second == "text/plain; charset=utf-8");
  }
}

TEST_CASE("server: frees its port when it ends, and says why it cannot listen") {
  const std::uint16_t port = free_port();
  {
    const auto first = make_server("127.0.0.1", port, echo);
    REQUIRE(first);
  }
  CHECK(make_server("127.0.0.1", port, echo));
  CHECK(make_server("::", 1234, echo).error().code == ErrorCode::kInvalid);
  CHECK(make_server("localhost", 1234, echo).error().code == ErrorCode::kInvalid);
  CHECK(make_server("127.0.0.1", 0, echo).error().code == ErrorCode::kInvalid);
  CHECK(make_server("192.0.2.1", port, echo).error().code == ErrorCode::kUnavailable);
}

TEST_CASE("server: a body is refused and never kept, nor is an endless header block") {
  struct Row {
    const char* what;
    std::string head;
    const char* status;
  };

  const Row rows[] = {
      {"length", "POST / HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n", "413"},
      {"chunks", "POST /metrics HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", "413"},
      {"a GET with a body", "GET /metrics HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello", "413"},
      {"no request", "\r\n\r\n", "400"},
      {"another protocol", "GET / SIP/2.0\r\n\r\n", "400"},
      {"no header", "GET / HTTP/1.1\r\nrubbish\r\n\r\n", "400"},
      {"endless headers", "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a'), "431"},
  };
  const std::uint16_t port = free_port();
  const auto server = make_server("127.0.0.1", port, echo).value();
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const RawPeer peer(port);
    (void)peer.say(row.head);
    for (int i = 0; i < 100 && peer.say(std::string(1000, 'x')); ++i) {
    }
    CHECK(peer.rest().starts_with(std::string("HTTP/1.1 ") + row.status));
  }
}

TEST_CASE("server: requests in pieces and several in one piece are answered in order") {
  const std::uint16_t port = free_port();
  const auto server = make_server("127.0.0.1", port, echo).value();
  const RawPeer peer(port);
  for (const char c : std::string("GET /metrics?1 HTTP/1.1\r\nHost: x\r\n\r\n"))
    REQUIRE(peer.say({&c, 1}));
  REQUIRE(peer.say("GET /metrics?2 HTTP/1.1\r\n\r\nGET /metrics?3 HTTP/1.0\r\n\r\nGET /late"));
  const std::string got = peer.rest();
  const std::size_t one = got.find("metrics 1");
  const std::size_t two = got.find("metrics 2");
  const std::size_t three = got.find("metrics 3");
  CHECK(one < two);
  CHECK(two < three);
  CHECK(three != std::string::npos);
  CHECK(got.find("late") == std::string::npos);
}

TEST_CASE("server: many silent peers keep nobody from being answered") {
  const std::uint16_t port = free_port();
  const auto server = make_server("127.0.0.1", port, echo).value();
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 200; ++i) {
    silent.push_back(std::make_unique<RawPeer>(port));
    (void)silent.back()->say("GET /metrics HTTP/1.1\r\nX: ");
  }
  const auto start = std::chrono::steady_clock::now();
  const RawPeer peer(port);
  REQUIRE(peer.say("GET /metrics?now HTTP/1.1\r\nConnection: close\r\n\r\n"));
  CHECK(peer.rest().find("metrics now") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

TEST_CASE("server: a handler that throws is answered for") {
  const std::uint16_t port = free_port();
  const auto server = make_server("127.0.0.1", port, [](const ServerRequest&) -> ServerResponse {
                        throw std::runtime_error("bug");
                      }).value();
  const RawPeer peer(port);
  REQUIRE(peer.say("GET / HTTP/1.0\r\n\r\n"));
  CHECK(peer.rest().starts_with("HTTP/1.1 500"));
}
