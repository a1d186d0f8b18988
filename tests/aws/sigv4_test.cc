#include "aws/sigv4.h"

#include "base/crypto.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper;
using aws::Credentials;
using aws::Secret;
using aws::SigningScope;

namespace {

std::string signature_of(const http::Request& request) {
  const std::string& value = request.headers.at("Authorization");
  return value.substr(value.find("Signature=") + 10);
}

std::string signed_headers_of(const http::Request& request) {
  const std::string& value = request.headers.at("Authorization");
  const std::size_t start = value.find("SignedHeaders=") + 14;
  return value.substr(start, value.find(',', start) - start);
}

// The keys of all published examples.
Credentials suite_credentials() {
  return {.access_key_id = "AKIDEXAMPLE",
          .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")};
}

Credentials s3_credentials() {
  return {.access_key_id = "AKIAIOSFODNN7EXAMPLE",
          .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")};
}

http::Request request(std::string method, std::string target, http::Headers headers,
                      std::string body = {}) {
  return {.method = std::move(method),
          .target = std::move(target),
          .headers = std::move(headers),
          .body = std::move(body)};
}

}  // namespace

// https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4 (the suite once
// published as aws-sig-v4-test-suite.zip): each row is a folder, with its header-signed-request.
TEST_CASE("sigv4: gives the signatures of AWS's test suite") {
  struct Row {
    const char* folder;
    http::Request request;
    const char* signature;
  };

  const http::Headers host = {{"Host", "example.amazonaws.com"}};
  const Row rows[] = {
      {"get-vanilla", request("GET", "/", host),
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-header-value-trim",
       request("GET", "/",
               {{"Host", "example.amazonaws.com"},
                {"My-Header1", " value1"},
                {"My-Header2", " \"a   b   c\""}}),
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"get-vanilla-query-order-key-case", request("GET", "/?Param2=value2&Param1=value1", host),
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-encoded",
       request("GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", host),
       "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
      {"get-vanilla-utf8-query", request("GET", "/?\u1234=bar", host),
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"get-utf8", request("GET", "/\u1234", host),
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-space-unnormalized", request("GET", "/example space/", host),
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"get-slash-dot-slash-unnormalized", request("GET", "/./", host),
       "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145"},
      {"get-unreserved",
       request("GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", host),
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"post-x-www-form-urlencoded",
       request("POST", "/",
               {{"Host", "example.amazonaws.com"},
                {"Content-Type", "application/x-www-form-urlencoded"},
                {"Content-Length", "13"},
                {"x-amz-content-sha256",
                 "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"}},
               "Param1=value1"),
       "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
  };
  const SigningScope scope{.region = "us-east-1",
                           .service = "service",
                           .time = parse_time("2015-08-30T12:36:00Z").value()};
  for (const Row& row : rows) {
    CAPTURE(row.folder);
    http::Request signed_request = row.request;
    aws::sign(signed_request, suite_credentials(), scope, sha256_hex(row.request.body));
    CHECK(signature_of(signed_request) == row.signature);
  }
}

// Same suite, post-sts-header-before: the session token is a header and is signed.
TEST_CASE("sigv4: signs the session token") {
  Credentials credentials = suite_credentials();
  credentials.session_token = Secret(
      "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfp"
      "SPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQ"
      "DYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+s"
      "cqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==");
  http::Request post = request("POST", "/", {{"Host", "example.amazonaws.com"}});
  aws::sign(post, credentials,
            {.region = "us-east-1",
             .service = "service",
             .time = parse_time("2015-08-30T12:36:00Z").value()},
            aws::kEmptyPayloadHash);
  CHECK(signed_headers_of(post) == "host;x-amz-date;x-amz-security-token");
  CHECK(signature_of(post) == "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, its four examples.
TEST_CASE("sigv4: gives the signatures of S3's documentation") {
  const std::string empty(aws::kEmptyPayloadHash);

  struct Row {
    const char* example;
    http::Request request;
    const char* signature;
  };

  const Row rows[] = {
      {"GET object",
       request("GET", "/test.txt",
               {{"Host", "examplebucket.s3.amazonaws.com"},
                {"Range", "bytes=0-9"},
                {"x-amz-content-sha256", empty}}),
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"PUT object",
       request("PUT", "/test%24file.text",
               {{"Host", "examplebucket.s3.amazonaws.com"},
                {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                {"x-amz-content-sha256",
                 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}},
               "Welcome to Amazon S3."),
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"GET bucket lifecycle",
       request("GET", "/?lifecycle",
               {{"Host", "examplebucket.s3.amazonaws.com"}, {"x-amz-content-sha256", empty}}),
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"GET bucket (list objects)",
       request("GET", "/?max-keys=2&prefix=J",
               {{"Host", "examplebucket.s3.amazonaws.com"}, {"x-amz-content-sha256", empty}}),
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.example);
    http::Request signed_request = row.request;
    aws::sign(signed_request, s3_credentials(),
              {.region = "us-east-1",
               .service = "s3",
               .time = parse_time("2013-05-24T00:00:00Z").value()},
              row.request.headers.at("x-amz-content-sha256"));
    CHECK(signature_of(signed_request) == row.signature);
  }
}

TEST_CASE("sigv4: writes the canonical request of the documentation") {
  const http::Request put = request(
      "PUT", "/b%75cket/a%20b//c?versionId=x%2Fy&retention=&a+b=%7e",
      {{"host", "h:1"}, {"X-Amz-Date", "20130524T000000Z"}, {"Authorization", "not signed"}});
  CHECK(aws::canonical_request(put, "HASH") ==
        "PUT\n/bucket/a%20b//c\na%2Bb=~&retention=&versionId=x%2Fy\n"
        "host:h:1\nx-amz-date:20130524T000000Z\n\nhost;x-amz-date\nHASH");
}

TEST_CASE("sigv4: a second signing replaces the first") {
  http::Request get = request("GET", "/", {{"Host", "h"}});
  const SigningScope scope{.region = "r", .service = "s3", .time = TimePoint{}};
  aws::sign(get, s3_credentials(), scope, aws::kEmptyPayloadHash);
  const std::string first = signature_of(get);
  aws::sign(get, s3_credentials(), scope, aws::kEmptyPayloadHash);
  CHECK(signature_of(get) == first);
}

TEST_CASE("sigv4: one changed input changes the signature") {
  const auto sign_with = [](const char* region, const char* time, const char* host,
                            const char* hash) {
    http::Request get = request("GET", "/k", {{"Host", host}});
    aws::sign(get, s3_credentials(),
              {.region = region, .service = "s3", .time = parse_time(time).value()}, hash);
    return signature_of(get);
  };
  const std::string base = sign_with("r", "2020-01-01T00:00:00Z", "h", "x");
  CHECK(sign_with("q", "2020-01-01T00:00:00Z", "h", "x") != base);
  CHECK(sign_with("r", "2020-01-01T00:00:01Z", "h", "x") != base);
  CHECK(sign_with("r", "2020-01-01T00:00:00Z", "i", "x") != base);
  CHECK(sign_with("r", "2020-01-01T00:00:00Z", "h", "y") != base);
}
