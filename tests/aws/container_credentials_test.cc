#include "aws/container_credentials.h"

#include "tests/aws/issuers.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using aws_test::Issuer;

TEST_CASE("container: http only where the SDKs allow it") {
  struct Row {
    const char* uri;
    const char* origin;  ///< null: refused
    const char* target;
  };

  const Row rows[] = {
      {"http://169.254.170.23/v1/credentials", "http://169.254.170.23:80", "/v1/credentials"},
      {"http://[fd00:ec2::23]/v1/credentials", "http://[fd00:ec2::23]:80", "/v1/credentials"},
      {"http://169.254.170.2/c?id=1", "http://169.254.170.2:80", "/c?id=1"},
      {"http://127.0.0.1:8080/c", "http://127.0.0.1:8080", "/c"},
      {"http://localhost:8080/c", "http://localhost:8080", "/c"},
      {"http://[::1]:8080?x", "http://[::1]:8080", "/?x"},
      {"https://credentials.example/c", "https://credentials.example:443", "/c"},
      {"HTTPS://Credentials.Example", "https://credentials.example:443", "/"},
      {"http://169.254.169.254/latest", nullptr, ""},
      {"http://169.254.170.24/c", nullptr, ""},
      {"http://10.0.0.1/c", nullptr, ""},
      {"http://credentials.example/c", nullptr, ""},
      {"http://127.0.0.1.evil.example/c", nullptr, ""},
      {"http://localhost@evil.example/c", nullptr, ""},
      {"ftp://127.0.0.1/c", nullptr, ""},
      {"/v1/credentials", nullptr, ""},
      {"", nullptr, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.uri);
    const auto endpoint = aws::container_endpoint("", row.uri);
    REQUIRE(endpoint.has_value() == (row.origin != nullptr));
    if (!endpoint) {
      CHECK(endpoint.error().code == ErrorCode::kInvalid);
      continue;
    }
    CHECK(endpoint->origin == row.origin);
    CHECK(endpoint->target == row.target);
  }
}

TEST_CASE("container: a relative URI goes first, to the task's address alone") {
  const auto endpoint = aws::container_endpoint("/v2/credentials/a", "http://127.0.0.1/c");
  REQUIRE(endpoint);
  CHECK(endpoint->origin == "http://169.254.170.2");
  CHECK(endpoint->target == "/v2/credentials/a");
  CHECK_FALSE(aws::container_endpoint("@evil.example/", ""));
}

TEST_CASE("container: the authorization is the file's, read anew each time") {
  Issuer issuer(Issuer::Kind::kContainer);
  issuer.good("ASIA1");
  REQUIRE(issuer.source->get());
  issuer.files.write("token", "Basic rotated\n");
  issuer.clock.advance(std::chrono::hours(7));
  issuer.answer().body(aws_test::json_keys("ASIA2", "2026-03-03T22:15:00Z"));
  CHECK(issuer.source->get()->access_key_id == "ASIA2");
  const auto requests = issuer.imposter.requests();
  CHECK(requests.at(0).headers.at("Authorization") == aws_test::kToken);
  CHECK(requests.at(1).headers.at("Authorization") == "Basic rotated");
}

TEST_CASE("container: a token with a line end is refused before anything is sent") {
  Issuer issuer(Issuer::Kind::kContainer);
  issuer.files.write("token", "a\r\nX-Injected: yes");
  const auto got = issuer.source->get();
  REQUIRE_FALSE(got);
  CHECK(got.error().message.find("more than one line") != std::string::npos);
  CHECK(issuer.imposter.requests().empty());
}

TEST_CASE("container: what the endpoint says of a refusal is told, and no token that it echoes") {
  Issuer issuer(Issuer::Kind::kContainer);
  issuer.answer().status(400).body(R"({"code":"AccessDenied","message":"not for )" +
                                   aws_test::kToken + R"("})");
  const auto got = issuer.source->get();
  REQUIRE_FALSE(got);
  CAPTURE(got.error().message);
  CHECK(got.error().code == ErrorCode::kDenied);
  CHECK(got.error().message.find("AccessDenied") != std::string::npos);
  CHECK(got.error().message.find("service account") != std::string::npos);
  CHECK_FALSE(aws_test::tells_secrets(got.error().message));
}

TEST_CASE("container: keys without a token and without an end are long-lived ones") {
  Issuer issuer(Issuer::Kind::kContainer);
  issuer.answer().body(R"({"AccessKeyId":"AKID","SecretAccessKey":"hush"})");
  const auto got = issuer.source->get();
  REQUIRE_MESSAGE(got, got.error().message);
  CHECK(got->session_token.empty());
  CHECK_FALSE(got->expires_at);
}
