#include "aws/s3_client.h"
#include "http/cpprest_client.h"
#include "tests/fakes/http_imposter.h"
#include "tests/fakes/memory_store.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using fakes::HttpImposter;
using fakes::ManualClock;

namespace {

const TimePoint kNow = parse_time("2026-03-03T09:15:00Z").value();

/// A source that has other keys when it is asked for them.
class TwoKeys final : public aws::CredentialSource {
 public:
  Result<aws::Credentials> get() override {
    if (failure) return tl::unexpected(*failure);
    return keys(current);
  }

  Result<aws::Credentials> renew(const aws::Credentials& refused) override {
    ++renewals;
    if (has_more && refused.access_key_id == "key" + std::to_string(current)) ++current;
    return get();
  }

  static aws::Credentials keys(int number) {
    const std::string text = std::to_string(number);
    return {.access_key_id = "key" + text,
            .secret_access_key = aws::Secret("hush" + text),
            .session_token = aws::Secret("session" + text)};
  }

  std::optional<Error> failure;
  bool has_more = true;
  int current = 1;
  int renewals = 0;
};

struct Wire {
  HttpImposter imposter;
  ManualClock clock{kNow};
  std::shared_ptr<TwoKeys> source = std::make_shared<TwoKeys>();
  std::unique_ptr<http::Client> http = http::make_client({.origin = imposter.origin()}).value();
  aws::S3Client s3{*http,
                   {.host = "127.0.0.1:" + std::to_string(imposter.port()),
                    .region = "us-east-1",
                    .bucket = "audit",
                    .source = source},
                   clock};

  /// The Authorization of a request, by its place.
  [[nodiscard]] std::string signature(std::size_t index) const {
    return imposter.requests().at(index).headers.at("Authorization");
  }
};

std::string xml(const std::string& code, const std::string& more = "") {
  return "<Error><Code>" + code + "</Code><Message>why</Message>" + more + "</Error>";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("s3 refusals: ended credentials are renewed, and the request is sent once more") {
  for (const char* code : {"ExpiredToken", "InvalidAccessKeyId"}) {
    CAPTURE(code);
    Wire wire;
    // The answer carries the token that has ended, which may be long.
    wire.imposter.on("GET", "/audit/k")
        .status(400)
        .body(xml(code, "<Token-0>" + std::string(9000, 't') + "</Token-0>"));
    wire.imposter.on("GET", "/audit/k").body("bytes");
    CHECK(wire.s3.get("k").value() == "bytes");
    CHECK(has(wire.signature(0), "Credential=key1/"));
    CHECK(has(wire.signature(1), "Credential=key2/"));
    CHECK(wire.imposter.requests()[1].headers.at("x-amz-security-token") == "session2");
  }
}

TEST_CASE("s3 refusals: a write that was refused for its credentials is sent once more") {
  Wire wire;
  wire.imposter.on("PUT", "/audit/k").status(400).body(xml("ExpiredToken"));
  wire.imposter.on("PUT", "/audit/k").header("x-amz-version-id", "v1");
  CHECK(wire.s3.put_locked("k", "{}", kNow).value() == "v1");
  CHECK(wire.imposter.requests().size() == 2);
}

TEST_CASE("s3 refusals: without other credentials nothing is repeated, and not twice in any case") {
  Wire wire;
  wire.source->has_more = false;
  wire.imposter.on("GET", "/audit/k").always().status(400).body(xml("ExpiredToken"));
  const auto first = wire.s3.get("k");
  REQUIRE_FALSE(first);
  CHECK(first.error().code == ErrorCode::kMisconfigured);
  CHECK(has(first.error().message, "the credentials have ended"));
  CHECK(wire.imposter.requests().size() == 1);
  wire.source->has_more = true;
  CHECK_FALSE(wire.s3.get("k"));
  CHECK(wire.imposter.requests().size() == 3);
}

TEST_CASE("s3 refusals: a HEAD cannot say why, so temporary credentials are renewed") {
  Wire wire;
  wire.imposter.on("HEAD", "/audit/k").status(400);
  wire.imposter.on("HEAD", "/audit/k").header("x-amz-version-id", "v1");
  CHECK(wire.s3.head({.key = "k", .version_id = "v1"})->version_id == "v1");
  CHECK(has(wire.signature(1), "Credential=key2/"));
}

TEST_CASE("s3 refusals: streams are renewed, too") {
  Wire wire;
  wire.imposter.on("GET", "/audit/k").status(400).body(xml("ExpiredToken"));
  wire.imposter.on("GET", "/audit/k").body("bytes");
  std::string got;
  REQUIRE(wire.s3.stream("k", {},
                         [&](std::string_view piece) {
                           got += piece;
                           return true;
                         },
                         {}));
  CHECK(got == "bytes");
}

TEST_CASE("s3 refusals: the region that the store names is signed for, and kept") {
  Wire wire;
  wire.imposter.on("GET", "/audit/k")
      .status(400)
      .body(xml("AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"));
  wire.imposter.on("GET", "/audit/k").always().body("bytes");
  CHECK(wire.s3.get("k").value() == "bytes");
  CHECK(has(wire.signature(0), "/us-east-1/s3/"));
  CHECK(has(wire.signature(1), "/eu-central-1/s3/"));
  CHECK(has(wire.signature(1), "Credential=key1/"));
  CHECK(wire.s3.get("k"));
  CHECK(has(wire.signature(2), "/eu-central-1/s3/"));
  CHECK(wire.source->renewals == 0);
}

TEST_CASE("s3 refusals: two regions that point at each other are no endless way") {
  Wire wire;
  for (const char* region : {"eu-central-1", "us-east-1"}) {
    wire.imposter.on("GET", "/audit/k")
        .status(400)
        .body(xml("AuthorizationHeaderMalformed", std::string("<Region>") + region + "</Region>"));
  }
  CHECK_FALSE(wire.s3.get("k"));
  CHECK(wire.imposter.requests().size() == 2);
}

TEST_CASE("s3 refusals: another host is named and never asked") {
  for (const int status : {301, 307}) {
    CAPTURE(status);
    HttpImposter elsewhere;
    Wire wire;
    wire.imposter.on("GET", "/audit/k")
        .status(status)
        .header("x-amz-bucket-region", "eu-central-1")
        .header("Location", elsewhere.origin() + "/audit/k")
        .body(xml("PermanentRedirect", "<Endpoint>evil.example</Endpoint>"));
    const auto got = wire.s3.get("k");
    REQUIRE_FALSE(got);
    CHECK(got.error().code == ErrorCode::kMisconfigured);
    CAPTURE(got.error().message);
    CHECK(has(got.error().message, "in region eu-central-1"));
    CHECK(has(got.error().message, "https://s3.eu-central-1.amazonaws.com"));
    CHECK_FALSE(has(got.error().message, "evil"));
    CHECK(elsewhere.requests().empty());
    CHECK(wire.imposter.requests().size() == 1);
  }
}

TEST_CASE("s3 refusals: what is no region is not signed for, and not told") {
  Wire wire;
  wire.imposter.on("GET", "/audit/k")
      .status(400)
      .body(xml("AuthorizationHeaderMalformed", "<Region>eu/../evil</Region>"));
  const auto got = wire.s3.get("k");
  REQUIRE_FALSE(got);
  CHECK_FALSE(has(got.error().message, "evil"));
  CHECK(wire.imposter.requests().size() == 1);
}

TEST_CASE("s3 refusals: each is said as what it is, with what to do, and without secrets") {
  struct Row {
    int status;
    const char* code;
    ErrorCode means;
    const char* told;
  };

  const Row rows[] = {
      {403, "RequestTimeTooSkewed", ErrorCode::kMisconfigured, "clock"},
      {404, "NoSuchBucket", ErrorCode::kMisconfigured, "create the bucket"},
      {403, "InvalidAccessKeyId", ErrorCode::kMisconfigured, "does not know these keys"},
      {403, "SignatureDoesNotMatch", ErrorCode::kMisconfigured,
       "does not belong to the access key"},
      {400, "ExpiredToken", ErrorCode::kMisconfigured, "have ended"},
      {403, "AccessDenied", ErrorCode::kDenied, "lacks a right"},
      {503, "SlowDown", ErrorCode::kThrottled, "patience"},
      {503, "ServiceUnavailable", ErrorCode::kUnavailable, "ServiceUnavailable"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.code);
    Wire wire;
    wire.source->has_more = false;
    wire.imposter.on("PUT", "/audit/k")
        .status(row.status)
        .header("Date", "Tue, 03 Mar 2026 10:15:00 GMT")
        .body("<Error><Code>" + std::string(row.code) +
              "</Code><Message>you signed "
              "hush1hush1hush1hush1hush1hush1hush1hush1hush1</Message></Error>");
    const auto got = wire.s3.put_locked("k", "{}", kNow);
    REQUIRE_FALSE(got);
    CAPTURE(got.error().message);
    CHECK(got.error().code == row.means);
    CHECK(has(got.error().message, row.code));
    CHECK(has(got.error().message, row.told));
    CHECK_FALSE(has(got.error().message, "hush"));
    if (std::string(row.code) == "RequestTimeTooSkewed")
      CHECK(has(got.error().message, "Tue, 03 Mar 2026 10:15:00 GMT"));
  }
}

TEST_CASE("s3 refusals: a missing key file is not a missing object") {
  Wire wire;
  for (const ErrorCode code : {ErrorCode::kNotFound, ErrorCode::kAlreadyExists, ErrorCode::kInvalid,
                               ErrorCode::kDenied, ErrorCode::kTooLarge}) {
    wire.source->failure = Error{code, "no file"};
    CHECK(wire.s3.get("k").error().code == ErrorCode::kMisconfigured);
  }
  wire.source->failure = Error{ErrorCode::kUnavailable, "STS is away"};
  CHECK(wire.s3.get("k").error().code == ErrorCode::kUnavailable);
  CHECK(wire.imposter.requests().empty());
}

TEST_CASE("s3 refusals: a bucket in the host is no part of the path") {
  Wire wire;
  aws::S3Client s3{*wire.http,
                   {.host = "127.0.0.1:" + std::to_string(wire.imposter.port()),
                    .region = "us-east-1",
                    .bucket = "audit",
                    .bucket_in = aws::BucketIn::kHost,
                    .source = wire.source},
                   wire.clock};
  wire.imposter.on("GET", "/a/b").body("bytes");
  CHECK(s3.get("a/b").value() == "bytes");
  wire.imposter.on("GET", "/")
      .always()
      .body("<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>");
  CHECK(s3.list_versions("v1/", {}));
  CHECK(wire.imposter.requests().back().target == "/?versions=&max-keys=1000&prefix=v1%2F");
  wire.imposter.on("GET", "/").always();
  CHECK_FALSE(s3.bucket_lock());
  CHECK(wire.imposter.requests().back().target == "/?object-lock=");
}
