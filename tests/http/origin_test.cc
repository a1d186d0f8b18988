#include "http/origin.h"

#include "http/client.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::http;  // NOLINT(google-build-using-namespace)

TEST_CASE("origin: scheme, host and port, and the Host header that follows from them") {
  struct Row {
    const char* text;
    const char* host;
    int port;
    bool is_address;
    const char* header;
    const char* shown;
  };

  const Row rows[] = {
      {"https://api.example", "api.example", 443, false, "api.example", "api.example:443"},
      {"https://API.Example:443", "api.example", 443, false, "api.example", "api.example:443"},
      {"https://a:6443", "a", 6443, false, "a:6443", "a:6443"},
      {"http://10.0.0.1", "10.0.0.1", 80, true, "10.0.0.1", "10.0.0.1:80"},
      {"http://10.0.0.1:443", "10.0.0.1", 443, true, "10.0.0.1:443", "10.0.0.1:443"},
      {"https://a/", "a", 443, false, "a", "a:443"},
      {"HTTPS://S3.Example:9000/", "s3.example", 9000, false, "s3.example:9000", "s3.example:9000"},
      {"Http://LOCALHOST:80", "localhost", 80, false, "localhost", "localhost:80"},
      {"https://[FD00::A]:9000/", "fd00::a", 9000, true, "fd00::a:9000", "[fd00::a]:9000"},
      {"https://[fd00::1]", "fd00::1", 443, true, "fd00::1:443", "[fd00::1]:443"},
      {"https://[::1]:6443", "::1", 6443, true, "::1:6443", "[::1]:6443"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Origin origin = parse_origin(row.text).value();
    CHECK(origin.host == row.host);
    CHECK(origin.port == row.port);
    CHECK(origin.is_address == row.is_address);
    CHECK(origin.host_header() == row.header);
    CHECK(origin.str() == row.shown);
    CHECK(parse_origin(origin.url()).value().host_header() == row.header);
  }
}

TEST_CASE("origin: anything but scheme, host and port is refused") {
  for (const char* bad :
       {"", "api.example", "ftp://a", "https://", "https://a//", "https://a/b", "https:///",
        "https://a:0", "https://a:65536", "https://a:", "https://a:1x", "https://u@a",
        "https://a b", "https://[::1", "https://[::1]x", "https://::1", "https://[fe80::1%25eth0]",
        "https://a?x", "https://[1.2.3.4]"}) {
    CAPTURE(bad);
    const Result<Origin> origin = parse_origin(bad);
    REQUIRE_FALSE(origin);
    CHECK(origin.error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("origin: knows this machine from others") {
  CHECK(parse_origin("http://localhost:8001").value().is_loopback());
  CHECK(parse_origin("http://127.0.0.1").value().is_loopback());
  CHECK(parse_origin("http://[::1]").value().is_loopback());
  CHECK_FALSE(parse_origin("http://127.example").value().is_loopback());
  CHECK_FALSE(parse_origin("http://10.0.0.1").value().is_loopback());
}

TEST_CASE("headers: names compare without regard to case") {
  Headers headers{{"Retry-After", "3"}};
  CHECK(headers.find("retry-AFTER") != headers.end());
  CHECK(headers.find("Retry") == headers.end());
  headers.insert_or_assign("RETRY-after", std::string("4"));
  CHECK(headers.size() == 1);
}
