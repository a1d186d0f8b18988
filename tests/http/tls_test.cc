#include "http/cpprest_client.h"
#include "tests/fakes/http_imposter.h"
#include "tests/fakes/test_pki.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::http;  // NOLINT(google-build-using-namespace)
using fakes::CertificateAndKey;
using fakes::CertificateWish;
using fakes::HttpImposter;
using fakes::TestCa;

namespace {

const Request kGet{.method = "GET", .target = "/x", .headers = {}, .body = ""};

HttpImposter& answering(HttpImposter& server) {
  server.on("GET", "/x").always().body("fine");
  return server;
}

}  // namespace

TEST_CASE("tls: a server whose certificate fits is believed, by address and by name") {
  const TestCa ca("authority");
  const CertificateAndKey leaf = ca.issue({.dns = "localhost", .ip = "127.0.0.1"});
  HttpImposter server({.cert_pem = leaf.cert_pem, .key_pem = leaf.key_pem});
  answering(server);
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    CAPTURE(host);
    const auto client = make_client({.origin = server.origin(host), .ca_pem = ca.pem()}).value();
    const Result<Response> answer = client->send(kGet);
    if (!answer) FAIL_CHECK(answer.error().message);
    REQUIRE(answer);
    CHECK(answer->body == "fine");
    const auto got = server.requests().back();
    CHECK(got.headers.find("host")->second == server.origin(host).substr(8));
  }
}

TEST_CASE("tls: a server that cannot prove who it is is refused and the reason named") {
  const TestCa ca("authority");
  const TestCa other("other authority");

  struct Row {
    const char* what;
    const TestCa* issuer;
    CertificateWish wish;
    std::string trusted;
    const char* text;
  };

  const Row rows[] = {
      {"wrong authority", &other, {.ip = "127.0.0.1"}, ca.pem(), "unable to get local issuer"},
      {"authority not among the system's", &ca, {.ip = "127.0.0.1"}, "", "unable to get local"},
      {"wrong address", &ca, {.ip = "127.0.0.2"}, ca.pem(), "IP address mismatch"},
      {"a name only", &ca, {.dns = "localhost"}, ca.pem(), "IP address mismatch"},
      {"expired", &ca, {.ip = "127.0.0.1", .expired = true}, ca.pem(), "certificate has expired"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const CertificateAndKey leaf = row.issuer->issue(row.wish);
    HttpImposter server({.cert_pem = leaf.cert_pem, .key_pem = leaf.key_pem});
    answering(server);
    const auto client = make_client({.origin = server.origin(), .ca_pem = row.trusted}).value();
    const Result<Response> answer = client->send(kGet);
    REQUIRE_FALSE(answer);
    CAPTURE(answer.error().message);
    CHECK(answer.error().code == ErrorCode::kUnavailable);
    CHECK(answer.error().message.find("server certificate refused") != std::string::npos);
    CHECK(answer.error().message.find(row.text) != std::string::npos);
    CHECK(server.requests().empty());
  }
}

TEST_CASE("tls: an authority below the root may be trusted alone") {
  const TestCa root("root");
  const TestCa below("below", root);
  const TestCa stranger("stranger", root);
  const CertificateAndKey leaf = below.issue({.ip = "127.0.0.1"});
  HttpImposter server({.cert_pem = leaf.cert_pem, .key_pem = leaf.key_pem});
  answering(server);
  const auto client = make_client({.origin = server.origin(), .ca_pem = below.pem()}).value();
  const Result<Response> answer = client->send(kGet);
  if (!answer) FAIL_CHECK(answer.error().message);
  const auto other = make_client({.origin = server.origin(), .ca_pem = stranger.pem()}).value();
  CHECK_FALSE(other->send(kGet));
}

TEST_CASE("tls: a wrong host name is refused, and server_name says which one is expected") {
  const TestCa ca("authority");
  const CertificateAndKey leaf = ca.issue({.dns = "kubernetes"});
  HttpImposter server({.cert_pem = leaf.cert_pem, .key_pem = leaf.key_pem});
  answering(server);
  const auto wrong =
      make_client({.origin = server.origin("localhost"), .ca_pem = ca.pem()}).value();
  const Result<Response> refused = wrong->send(kGet);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("hostname mismatch") != std::string::npos);
  for (const std::string host : {"localhost", "127.0.0.1"}) {
    CAPTURE(host);
    const auto named =
        make_client(
            {.origin = server.origin(host), .ca_pem = ca.pem(), .server_name = "kubernetes"})
            .value();
    const Result<Response> answer = named->send(kGet);
    if (!answer) FAIL_CHECK(answer.error().message);
    CHECK(answer);
  }
}

TEST_CASE(
    "tls: a client certificate is presented; without it the server's refusal is Unavailable") {
  const TestCa ca("authority");
  const CertificateAndKey leaf = ca.issue({.ip = "127.0.0.1"});
  const CertificateAndKey mine = ca.issue({.dns = "me"});
  HttpImposter server(
      {.cert_pem = leaf.cert_pem, .key_pem = leaf.key_pem, .client_ca_pem = ca.pem()});
  answering(server);
  const auto with = make_client({.origin = server.origin(),
                                 .ca_pem = ca.pem(),
                                 .client_cert_pem = mine.cert_pem,
                                 .client_key_pem = mine.key_pem})
                        .value();
  const Result<Response> answer = with->send(kGet);
  if (!answer) FAIL_CHECK(answer.error().message);
  CHECK(answer);
  const auto without = make_client({.origin = server.origin(), .ca_pem = ca.pem()}).value();
  const Result<Response> refused = without->send(kGet);
  REQUIRE_FALSE(refused);
  // The alert that names the reason may be overtaken by the RST of the closed connection.
  CHECK(refused.error().code == ErrorCode::kUnavailable);
}

TEST_CASE("tls: broken PEM texts are refused when the client is made, and never quoted") {
  const TestCa ca("authority");
  const CertificateAndKey one = ca.issue({.dns = "one"});
  const CertificateAndKey two = ca.issue({.dns = "two"});
  const std::string broken = "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n";

  struct Row {
    const char* what;
    ClientOptions options;
    const char* text;
  };

  const Row rows[] = {
      {"no PEM as authority", {.ca_pem = "secret"}, "certificate authority"},
      {"second authority broken", {.ca_pem = ca.pem() + broken}, "certificate authority"},
      {"key of another certificate",
       {.client_cert_pem = one.cert_pem, .client_key_pem = two.key_pem},
       "does not belong"},
      {"no key", {.client_cert_pem = one.cert_pem}, "belong together"},
      {"no PEM as key",
       {.client_cert_pem = one.cert_pem, .client_key_pem = "secret"},
       "client key"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ClientOptions options = row.options;
    options.origin = "https://127.0.0.1";
    const auto client = make_client(options);
    REQUIRE_FALSE(client);
    CHECK(client.error().code == ErrorCode::kInvalid);
    CHECK(client.error().message.find(row.text) != std::string::npos);
    CHECK(client.error().message.find("secret") == std::string::npos);
  }
}
