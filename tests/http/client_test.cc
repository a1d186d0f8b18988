#include "http/cpprest_client.h"
#include "tests/fakes/http_imposter.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::http;  // NOLINT(google-build-using-namespace)
using fakes::HttpImposter;
using std::chrono::milliseconds;

namespace {

std::unique_ptr<Client> client_for(const HttpImposter& server, ClientOptions options = {}) {
  options.origin = server.origin();
  return make_client(options).value();
}

Request get(std::string target) {
  return {.method = "GET", .target = std::move(target), .headers = {}, .body = ""};
}

milliseconds since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
}

/// Where a child tells that its exit handlers ran.
int g_told = -1;

}  // namespace

TEST_CASE("client: the target goes over the wire byte for byte") {
  HttpImposter server;
  server.on("GET", "*").always();
  const auto client = client_for(server);
  for (const char* target : {"/",
                             "/a:b",
                             "/a%2Fb",
                             "/a%2fb",
                             "/a=b~c",
                             "/a//b",
                             "/a/./b",
                             "/a/../b",
                             "/a%20b",
                             "/a+b",
                             "/x?b=2&a=1",
                             "/x?a",
                             "/x?a=",
                             "/x?a=%3D&a=%2C",
                             "/x?a=1&&b",
                             "/x?prefix=a%2Fb%3Ac&x=~",
                             "/x?list-type=2&prefix=",
                             "/a;b,c@d!$'()*",
                             "/x?fieldManager=a%2Fb&force=true",
                             "/x/",
                             "/x?q=a/b?c",
                             "/%E2%82%AC",
                             "/x?versions"}) {
    CAPTURE(target);
    const Result<Response> answer = client->send(get(target));
    CHECK(answer);
    const auto requests = server.requests();
    if (answer) CHECK(requests.back().target == target);
  }
}

TEST_CASE("client: an idempotent POST survives that the server closed the idle connection") {
  HttpImposter server;
  server.on("POST", "/warm").always().body("w").close();
  server.on("POST", "/score").always().body("scores");
  Request warm = get("/warm");
  warm.method = "POST";
  warm.body = "rows";
  Request score = warm;
  score.target = "/score";
  score.body = std::string(100'000, 'r');
  for (const Idempotency idempotency : {Idempotency::kUnknown, Idempotency::kIdempotent}) {
    CAPTURE(static_cast<int>(idempotency));
    const auto client = client_for(server);
    REQUIRE(client->send(warm));
    std::this_thread::sleep_for(milliseconds(50));  // the FIN arrives
    const auto before = server.requests().size();
    score.idempotency = idempotency;
    const auto begin = std::chrono::steady_clock::now();
    const Result<Response> answer = client->send(score);
    const auto took = std::chrono::steady_clock::now() - begin;
    if (idempotency == Idempotency::kUnknown) {
      REQUIRE_FALSE(answer);
      CHECK(answer.error().code == ErrorCode::kUnavailable);
    } else {
      REQUIRE(answer);
      CHECK(answer->body == "scores");
      CHECK(answer->wasted > Response{}.wasted);
      CHECK(answer->wasted < took);
      CHECK(server.requests().size() == before + 1);
      CHECK(server.requests().back().body == score.body);
    }
  }
}

TEST_CASE(
    "client: an idempotent request is not repeated after a part of an answer, silence, or for "
    "ever") {
  HttpImposter server;
  server.on("POST", "/warm").always().body("w");
  server.on("POST", "/half")
      .always()
      .raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
      .close();
  server.on("POST", "/silent").always().silence();
  server.on("POST", "/gone").always().close();
  ClientOptions options;
  options.timeout = milliseconds(200);

  struct Row {
    const char* target;
    std::size_t sent;
  };

  // One more than ours where the library repeats by itself what a used connection lost.
  for (const Row& row : {Row{"/half", 1}, Row{"/silent", 2}, Row{"/gone", 3}}) {
    CAPTURE(row.target);
    const auto client = client_for(server, options);
    Request request = get("/warm");
    request.method = "POST";
    request.body = "rows";
    request.idempotency = Idempotency::kIdempotent;
    REQUIRE(client->send(request));
    const auto before = server.requests().size();
    request.target = row.target;
    CHECK(client->send(request).error().code == ErrorCode::kUnavailable);
    CHECK(server.requests().size() - before <= row.sent);
  }
}

TEST_CASE("client: what cannot be sent exactly is refused before it is sent") {
  HttpImposter server;
  const auto client = client_for(server);
  for (const char* target :
       {"", "x", "//x", "/a b", "/a#b", "/a\r\nX: y", "/\xC3\xA4", "http://x/"}) {
    CAPTURE(target);
    const Result<Response> answer = client->send(get(target));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == ErrorCode::kInvalid);
  }
  for (const char* value : {"a\r\nX: y", "a\nb", "a\x01"}) {
    CAPTURE(value);
    Request request = get("/");
    request.headers["X-Test"] = value;
    CHECK(client->send(request).error().code == ErrorCode::kInvalid);
  }
  Request request = get("/");
  request.headers["X Test"] = "v";
  CHECK(client->send(request).error().code == ErrorCode::kInvalid);
  CHECK(server.requests().empty());
}

TEST_CASE("client: method, headers and body arrive as given, with every method") {
  HttpImposter server;
  const auto client = client_for(server);
  for (const char* method : {"PUT", "POST", "PATCH", "DELETE"}) {
    CAPTURE(method);
    server.on(method, "/x").status(201).header("ETag", "\"e\"").header("x-amz-version-id", "v1");
    const Result<Response> answer =
        client->send({.method = method,
                      .target = "/x",
                      .headers = {{"Content-Type", "application/apply-patch+yaml"},
                                  {"x-amz-checksum-sha256", "abc="}},
                      .body = "{\"a\":1}"});
    REQUIRE(answer);
    CHECK(answer->status == 201);
    CHECK(answer->headers.find("etag")->second == "\"e\"");
    CHECK(answer->headers.find("X-Amz-Version-Id")->second == "v1");
    const auto got = server.requests().back();
    CHECK(got.method == method);
    CHECK(got.body == "{\"a\":1}");
    CHECK(got.headers.find("content-type")->second == "application/apply-patch+yaml");
    CHECK(got.headers.find("content-length")->second == "7");
    CHECK(got.headers.find("x-amz-checksum-sha256")->second == "abc=");
    CHECK(got.headers.find("host")->second == server.origin().substr(7));
    CHECK(got.headers.find("user-agent")->second == "stagekeeper");
    CHECK(got.headers.find("transfer-encoding") == got.headers.end());
  }
}

TEST_CASE("client: HEAD has a length and no body, and an empty PUT says so") {
  HttpImposter server;
  server.on("HEAD", "/x").header("Content-Length", "12345");
  server.on("PUT", "/x");
  const auto client = client_for(server);
  const Result<Response> head =
      client->send({.method = "HEAD", .target = "/x", .headers = {}, .body = ""});
  REQUIRE(head);
  CHECK(head->headers.find("Content-Length")->second == "12345");
  CHECK(head->body.empty());
  const Result<Response> put =
      client->send({.method = "PUT", .target = "/x", .headers = {}, .body = ""});
  REQUIRE(put);
  const auto got = server.requests().back();
  CHECK(got.headers.find("Content-Length")->second == "0");
  CHECK(got.headers.find("Content-Type") == got.headers.end());
}

TEST_CASE("client: every status is an answer, redirects are not followed") {
  HttpImposter server;
  const auto client = client_for(server);
  for (const int status : {200, 204, 301, 304, 307, 404, 409, 429, 500, 503}) {
    CAPTURE(status);
    server.on("GET", "/x")
        .status(status)
        .header("Location", "/y")
        .header("Retry-After", "7")
        .body(status == 204 || status == 304 ? "" : "why");
    const Result<Response> answer = client->send(get("/x"));
    REQUIRE(answer);
    CHECK(answer->status == status);
    CHECK(answer->headers.find("retry-after")->second == "7");
  }
  CHECK(server.requests().size() == 10);
}

TEST_CASE("client: a body arrives whole, by length and by chunks, and is bounded while read") {
  HttpImposter server;
  const std::string large(300'000, 'x');
  server.on("GET", "/length").always().body(large);
  server.on("GET", "/chunks").always().chunk("ab").pause(milliseconds(20)).chunk("c").chunk(large);
  const auto client = client_for(server);
  CHECK(client->send(get("/length")).value().body == large);
  CHECK(client->send(get("/chunks")).value().body == "abc" + large);
  const auto small = client_for(server, {.max_body_bytes = 299'999});
  for (const char* target : {"/length", "/chunks"}) {
    CAPTURE(target);
    const Result<Response> answer = small->send(get(target));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == ErrorCode::kTooLarge);
    CHECK(answer.error().message.find("larger than 299999 bytes") != std::string::npos);
  }
}

TEST_CASE("client: whatever breaks between us and the server is Unavailable and says what") {
  HttpImposter server;
  const auto client = client_for(server, {.timeout = milliseconds(150)});
  server.on("GET", "/silence").silence();
  server.on("GET", "/reset").reset();
  server.on("GET", "/close").close();
  server.on("GET", "/garbage").raw("SSH-2.0-OpenSSH\r\n\r\n").close();
  server.on("GET", "/short").content_length(10).body("abc").close();
  server.on("GET", "/stall").content_length(10).body("abc").silence();
  server.on("GET", "/mid-chunk").chunk("abc").raw("5\r\nab").close();
  server.on("GET", "/mid-chunk-reset").chunk("abc").raw("5\r\nab").reset();
  server.on("GET", "/bad-chunk").chunk("abc").raw("zz\r\n").close();
  for (const char* target : {"/silence", "/reset", "/close", "/garbage", "/short", "/stall",
                             "/mid-chunk", "/mid-chunk-reset", "/bad-chunk"}) {
    CAPTURE(target);
    const Result<Response> answer = client->send(get(target));
    REQUIRE_FALSE(answer);
    CAPTURE(answer.error().message);
    CHECK(answer.error().code == ErrorCode::kUnavailable);
    CHECK(answer.error().message.find(server.origin().substr(7) + ": ") == 0);
    CHECK(answer.error().message.size() < 300);
    const bool silent =
        std::string_view(target) == "/silence" || std::string_view(target) == "/stall";
    if (silent) CHECK(answer.error().message.find("timed out") != std::string::npos);
  }
  server.on("GET", "/after").body("fine");
  CHECK(client->send(get("/after")).value().body == "fine");
}

TEST_CASE("client: a refused connection and an unknown name are Unavailable") {
  std::string origin;
  {
    const HttpImposter gone;
    origin = gone.origin();
  }
  for (const std::string& where : {origin, std::string("http://no-such-host.invalid:80")}) {
    CAPTURE(where);
    const auto client = make_client({.origin = where}).value();
    const Result<Response> answer = client->send(get("/"));
    REQUIRE_FALSE(answer);
    CAPTURE(answer.error().message);
    CHECK(answer.error().code == ErrorCode::kUnavailable);
  }
}

TEST_CASE("client: a server that drips is given up after the total timeout") {
  HttpImposter server;
  fakes::Answer& drip = server.on("GET", "/drip");
  for (int i = 0; i < 50; ++i)
    drip.chunk("x").pause(milliseconds(20));
  const auto client = client_for(server, {.total_timeout = milliseconds(100)});
  const auto begin = std::chrono::steady_clock::now();
  const Result<Response> answer = client->send(get("/drip"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ErrorCode::kUnavailable);
  CHECK(since(begin) < milliseconds(700));
}

TEST_CASE("client: a request on a pooled connection that has closed is sent again by the library") {
  HttpImposter server;
  server.on("POST", "/x").body("first");
  server.on("POST", "/x").close();
  server.on("POST", "/x").body("second");
  const auto client = client_for(server);
  const Request request{.method = "POST", .target = "/x", .headers = {}, .body = "once"};
  CHECK(client->send(request).value().body == "first");
  std::this_thread::sleep_for(milliseconds(100));  // until the connection is back in the pool
  CHECK(client->send(request).value().body == "second");
  const auto requests = server.requests();
  REQUIRE(requests.size() == 3);  // known, documented, and why every write needs a precondition
  CHECK(requests[2].body == "once");
}

TEST_CASE("client: options that cannot work are refused with a reason") {
  CHECK(make_client({.origin = "localhost:80"}).error().code == ErrorCode::kInvalid);
  CHECK(make_client({.origin = "https://a/b"}).error().code == ErrorCode::kInvalid);
  CHECK(make_client({.origin = "https://a", .ca_pem = "x"}).error().code == ErrorCode::kInvalid);
  CHECK(make_client({.origin = "https://a", .client_cert_pem = "x"}).error().code ==
        ErrorCode::kInvalid);
  CHECK(make_client({.origin = "https://a", .server_name = "a b"}).error().code ==
        ErrorCode::kInvalid);
}

TEST_CASE("client: connections are kept and used again") {
  HttpImposter server;
  server.on("GET", "/x").always();
  const auto client = client_for(server);
  for (int i = 0; i < 20; ++i)
    CHECK(client->send(get("/x")));
  CHECK(server.connection_count() < 10);  // a connection may return to the pool a moment late
}

TEST_CASE("client: many threads share one client") {
  HttpImposter server;
  server.on("GET", "*").always().body("fine");
  const auto client = client_for(server);
  std::atomic<int> fine = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          const Result<Response> answer = client->send(get("/x"));
          if (answer && answer->body == "fine") ++fine;
        }
      });
    }
  }
  CHECK(fine == 160);
  CHECK(server.connection_count() < 80);
}

TEST_CASE("process: ends with its code and without exit handlers, which race with the pool") {
  int ends[2] = {-1, -1};
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    g_told = ends[1];
    std::atexit([] { [[maybe_unused]] const auto told = write(g_told, "x", 1); });
    end_process(3);
  }
  close(ends[1]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 3);
  char letter = 0;
  CHECK(read(ends[0], &letter, 1) == 0);
  close(ends[0]);
}
