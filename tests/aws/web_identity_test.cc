#include "aws/web_identity.h"

#include "tests/aws/issuers.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using aws_test::Issuer;

TEST_CASE("web identity: the token goes in a form, never in a URL, and is read anew each time") {
  Issuer issuer(Issuer::Kind::kWebIdentity);
  issuer.good("ASIA1");
  REQUIRE(issuer.source->get());
  issuer.files.write("token", "rotated.token.here");
  issuer.clock.advance(std::chrono::hours(7));
  issuer.answer().body(issuer.body("ASIA2", "2026-03-03T22:15:00Z"));
  CHECK(issuer.source->get()->access_key_id == "ASIA2");
  const auto requests = issuer.imposter.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].target == "/");
  CHECK(requests[0].headers.at("Content-Type") == "application/x-www-form-urlencoded");
  CHECK(requests[0].headers.find("Authorization") == requests[0].headers.end());
  CHECK(requests[0].body ==
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole"
        "%2Faudit&RoleSessionName=stagekeeper&WebIdentityToken=" +
            aws_test::kToken);
  CHECK(requests[1].body.ends_with("WebIdentityToken=rotated.token.here"));
}

TEST_CASE("web identity: STS's causes are told with what to do, and without the token") {
  struct Row {
    int status;
    std::string code;
    ErrorCode means;
    std::string told;
  };

  const Row rows[] = {
      {403, "AccessDenied", ErrorCode::kDenied, "trust policy"},
      {400, "ExpiredTokenException", ErrorCode::kDenied, "the token in the file has ended"},
      {400, "InvalidIdentityToken", ErrorCode::kDenied, "issuer"},
      {403, "IDPRejectedClaim", ErrorCode::kDenied, "audience"},
      {403, "RegionDisabledException", ErrorCode::kDenied, "switched off"},
      {400, "ValidationError", ErrorCode::kDenied, "ARN"},
      {400, "IDPCommunicationError", ErrorCode::kUnavailable, "IDPCommunicationError"},
      {400, "Throttling", ErrorCode::kThrottled, "Throttling"},
      {400, "SomethingNew", ErrorCode::kDenied, "SomethingNew"},
      {500, "InternalFailure", ErrorCode::kUnavailable, "InternalFailure"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.code);
    const auto got = aws::read_web_identity(
        {.status = row.status,
         .headers = {},
         .body = aws_test::sts_error(row.code, "why; you sent " + aws_test::kToken)},
        aws_test::kToken);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == row.means);
    CAPTURE(got.error().message);
    CHECK(got.error().message.find(row.told) != std::string::npos);
    CHECK(got.error().message.find("why") != std::string::npos);
    CHECK_FALSE(aws_test::tells_secrets(got.error().message));
  }
}

TEST_CASE("web identity: a session token of any usual size is read, prefixed namespaces, too") {
  std::string xml = aws_test::xml_keys("ASIA1", Issuer::kEnd);
  xml.replace(xml.find(aws_test::kSession), aws_test::kSession.size(), std::string(12'000, 'x'));
  const auto long_one = aws::read_web_identity({.status = 200, .headers = {}, .body = xml}, "t");
  REQUIRE_MESSAGE(long_one, long_one.error().message);
  CHECK(long_one->session_token.reveal().size() == 12'000);
  const auto prefixed = aws::read_web_identity(
      {.status = 200,
       .headers = {},
       .body = "<s:R xmlns:s=\"urn:s\"><s:AssumeRoleWithWebIdentityResult><s:Credentials>"
               "<s:AccessKeyId>A</s:AccessKeyId><s:SecretAccessKey>B</s:SecretAccessKey>"
               "<s:SessionToken>C</s:SessionToken><s:Expiration>2026-03-03T15:15:00.123Z"
               "</s:Expiration></s:Credentials></s:AssumeRoleWithWebIdentityResult></s:R>"},
      "t");
  REQUIRE_MESSAGE(prefixed, prefixed.error().message);
  CHECK(prefixed->access_key_id == "A");
}

TEST_CASE("web identity: a document type in the answer is refused") {
  const auto got = aws::read_web_identity(
      {.status = 200, .headers = {}, .body = "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}, "t");
  REQUIRE_FALSE(got);
  CHECK(got.error().code == ErrorCode::kUnavailable);
}

TEST_CASE("web identity: token files that hold no token are named, never quoted") {
  Issuer issuer(Issuer::Kind::kWebIdentity);
  for (const std::string& text : {std::string(), std::string("\n \n"), std::string("two words"),
                                  std::string("line\r\nInjected: yes"), std::string(70'000, 'x')}) {
    issuer.files.write("token", text);
    const auto got = issuer.source->get();
    REQUIRE_FALSE(got);
    CHECK(got.error().message.find(issuer.token_file) != std::string::npos);
    CHECK(got.error().message.find("Injected") == std::string::npos);
    issuer.clock.advance(std::chrono::minutes(2));
  }
  CHECK(issuer.imposter.requests().empty());
}

TEST_CASE("web identity: the endpoint of a region") {
  CHECK(aws::sts_endpoint("eu-central-1").value() == "https://sts.eu-central-1.amazonaws.com");
  CHECK(aws::sts_endpoint("cn-north-1").value() == "https://sts.cn-north-1.amazonaws.com.cn");
  for (const char* bad : {"", "a.b", "x/y", "evil.example#", "EU-CENTRAL-1"})
    CHECK_FALSE(aws::sts_endpoint(bad));
}
