#include "aws/instance_credentials.h"

#include "tests/aws/issuers.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using aws_test::Issuer;

TEST_CASE("instance: a token is fetched first, and goes with every question") {
  Issuer issuer(Issuer::Kind::kInstance);
  issuer.good("ASIA1");
  REQUIRE(issuer.source->get());
  const auto requests = issuer.imposter.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].method == "PUT");
  CHECK(requests[0].headers.at("X-aws-ec2-metadata-token-ttl-seconds") == "300");
  for (std::size_t i : {std::size_t{1}, std::size_t{2}})
    CHECK(requests[i].headers.at("X-aws-ec2-metadata-token") == "imds-token==");
  CHECK(requests[2].target == Issuer::kRoles + "node-role");
}

namespace {

/// The service with other answers to the first two steps.
std::string reason(void (*script)(fakes::HttpImposter&)) {
  fakes::HttpImposter imposter;
  fakes::ManualClock clock(aws_test::kNow);
  script(imposter);
  std::shared_ptr<http::Client> client =
      http::make_client({.origin = imposter.origin(), .timeout = std::chrono::milliseconds(200)})
          .value();
  const auto got = aws::instance_credentials(client, clock)->get();
  REQUIRE_FALSE(got);
  CHECK_FALSE(aws_test::tells_secrets(got.error().message));
  return got.error().message;
}

}  // namespace

TEST_CASE("instance: version 1 is never asked, and silence names the hop limit") {
  // A node whose hop limit is 1 lets the request through and the answer die on the way.
  const std::string silent =
      reason([](fakes::HttpImposter& i) { i.on("PUT", "/latest/api/token").always().silence(); });
  CHECK(silent.find("HttpPutResponseHopLimit 2") != std::string::npos);
  const std::string off =
      reason([](fakes::HttpImposter& i) { i.on("PUT", "/latest/api/token").status(403); });
  CHECK(off.find("switched off") != std::string::npos);
}

TEST_CASE("instance: what is no token and no role goes no further") {
  reason([](fakes::HttpImposter& i) {
    i.on("PUT", "/latest/api/token").body("a\r\nX-Injected: yes");
  });
  const std::string none = reason([](fakes::HttpImposter& i) {
    i.on("PUT", "/latest/api/token").body("t");
    i.on("GET", Issuer::kRoles).status(404);
  });
  CHECK(none.find("has the instance a role?") != std::string::npos);
  for (const auto script :
       {+[](fakes::HttpImposter& i) { i.on("GET", Issuer::kRoles).body("../../user-data"); },
        +[](fakes::HttpImposter& i) { i.on("GET", Issuer::kRoles).body(""); },
        +[](fakes::HttpImposter& i) { i.on("GET", Issuer::kRoles).body("<html>login</html>"); },
        +[](fakes::HttpImposter& i) { i.on("GET", Issuer::kRoles).body(std::string(65, 'r')); }}) {
    fakes::HttpImposter imposter;
    fakes::ManualClock clock(aws_test::kNow);
    imposter.on("PUT", "/latest/api/token").body("t");
    script(imposter);
    std::shared_ptr<http::Client> client = http::make_client({.origin = imposter.origin()}).value();
    const auto got = aws::instance_credentials(client, clock)->get();
    REQUIRE_FALSE(got);
    CHECK(got.error().message.find("names no role") != std::string::npos);
    CHECK(imposter.requests().size() == 2);
  }
}

TEST_CASE("instance: a refusal within a success is told by its code") {
  Issuer issuer(Issuer::Kind::kInstance);
  issuer.answer().body(R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume"})");
  const auto got = issuer.source->get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == ErrorCode::kDenied);
  CHECK(got.error().message.find("AssumeRoleUnauthorizedAccess") != std::string::npos);
}

TEST_CASE("instance: in clear only to addresses of the link") {
  CHECK(aws::instance_endpoint("").value() == "http://169.254.169.254");
  CHECK(aws::instance_endpoint("http://[fd00:ec2::254]").value() == "http://[fd00:ec2::254]:80");
  CHECK(aws::instance_endpoint("http://127.0.0.1:1338/").value() == "http://127.0.0.1:1338");
  for (const char* bad : {"http://10.0.0.1", "http://metadata.example",
                          "http://169.254.evil.example", "169.254.169.254"})
    CHECK_FALSE(aws::instance_endpoint(bad));
}
