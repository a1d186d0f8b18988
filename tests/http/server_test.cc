#include "http/server.h"

#include "http/cpprest_client.h"
#include "tests/fakes/http_imposter.h"

#include <doctest/doctest.h>

#include <fmt/format.h>
#include <string>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::http;  // NOLINT(google-build-using-namespace)

namespace {

/// A port that was free a moment ago.
std::uint16_t free_port() {
  return fakes::HttpImposter().port();
}

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
