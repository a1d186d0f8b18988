#include "aws/s3_request.h"

#include "aws/s3_error.h"
#include "base/crypto.h"
#include "tests/fakes/fake_s3.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;
using aws::S3Refusal;
using aws::S3Requests;

namespace {

const aws::ObjectVersionId kObject{.key = "v1/c/a b.json", .version_id = "01/Z+"};

http::Response answer(int status, std::string body = {}) {
  return {.status = status, .headers = {}, .body = std::move(body)};
}

}  // namespace

TEST_CASE("s3 request: a locked PUT creates, locks and carries its checksums") {
  const http::Request put = S3Requests("audit").put_locked(
      "v1/c/a b.json", "{}", parse_time("2030-01-02T03:04:05Z").value());
  CHECK(put.method == "PUT");
  CHECK(put.target == "/audit/v1/c/a%20b.json");
  CHECK(put.headers.at("If-None-Match") == "*");
  CHECK(put.headers.at("x-amz-object-lock-mode") == "COMPLIANCE");
  CHECK(put.headers.at("x-amz-object-lock-retain-until-date") == "2030-01-02T03:04:05Z");
  CHECK(put.headers.at("Content-MD5") == "mZFLkyvTelC5g8XnyQrpOw==");
  CHECK(put.headers.at("x-amz-checksum-sha256") == "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=");
}

TEST_CASE("s3 request: targets are path-style and encoded once") {
  const S3Requests requests("audit");
  CHECK(requests.get("k").target == "/audit/k");
  CHECK(requests.get(kObject.key, kObject.version_id).target ==
        "/audit/v1/c/a%20b.json?versionId=01%2FZ%2B");
  CHECK(requests.head(kObject).headers.at("x-amz-checksum-mode") == "ENABLED");
  CHECK(requests.get_retention(kObject).target ==
        "/audit/v1/c/a%20b.json?retention=&versionId=01%2FZ%2B");
  CHECK(requests.list_versions("v1/c/", {}).target ==
        "/audit?versions=&max-keys=1000&prefix=v1%2Fc%2F");
  CHECK(requests.list_versions("v1/", {.key_marker = "v1/a", .version_id_marker = "2"}, 5).target ==
        "/audit?versions=&max-keys=5&prefix=v1%2F&key-marker=v1%2Fa&version-id-marker=2");
  CHECK(requests.get_lock_configuration().target == "/audit?object-lock=");
  CHECK(requests.get_versioning().target == "/audit?versioning=");
}

TEST_CASE("s3 request: only the probe's requests can harm, and say so") {
  const S3Requests requests("audit");
  const http::Request plain = requests.delete_version(kObject, false);
  CHECK(plain.method == "DELETE");
  CHECK(plain.headers.empty());
  CHECK(requests.delete_version(kObject, true).headers.at("x-amz-bypass-governance-retention") ==
        "true");
  const http::Request shorten =
      requests.put_retention(kObject, parse_time("2030-01-02T03:04:05Z").value());
  CHECK(shorten.target == "/audit/v1/c/a%20b.json?retention=&versionId=01%2FZ%2B");
  CHECK(shorten.body.find("<Mode>COMPLIANCE</Mode><RetainUntilDate>2030-01-02T03:04:05Z<") !=
        std::string::npos);
  CHECK(shorten.headers.at("Content-MD5") == base64_encode(md5_raw(shorten.body)));
}

TEST_CASE("s3 error: refusals are told apart") {
  const std::string locked = "Access Denied because object protected by object lock.";

  struct Row {
    const char* method;
    int status;
    const char* code;
    std::string message;
    S3Refusal refusal;
    ErrorCode error;
  };

  const Row rows[] = {
      {"GET", 404, "NoSuchKey", "x", S3Refusal::kNoSuchKey, ErrorCode::kNotFound},
      {"GET", 404, "NoSuchVersion", "x", S3Refusal::kNoSuchKey, ErrorCode::kNotFound},
      {"GET", 404, "NoSuchObjectLockConfiguration", "x", S3Refusal::kNoLock, ErrorCode::kNotFound},
      {"GET", 404, "NoSuchBucket", "x", S3Refusal::kNoBucket, ErrorCode::kMisconfigured},
      {"PUT", 412, "PreconditionFailed", "x", S3Refusal::kExists, ErrorCode::kAlreadyExists},
      {"PUT", 409, "ConditionalRequestConflict", "x", S3Refusal::kRace, ErrorCode::kAlreadyExists},
      {"PUT", 409, "OperationAborted", "x", S3Refusal::kInvalid, ErrorCode::kInvalid},
      {"PUT", 403, "ObjectLocked", "x", S3Refusal::kObjectLocked, ErrorCode::kAlreadyExists},
      {"PUT", 400, "ObjectLocked", "x", S3Refusal::kObjectLocked, ErrorCode::kAlreadyExists},
      {"PUT", 400, "InvalidRequest", "Bucket is missing Object Lock Configuration",
       S3Refusal::kInvalid, ErrorCode::kInvalid},
      {"PUT", 403, "AccessDenied", locked, S3Refusal::kObjectLocked, ErrorCode::kAlreadyExists},
      {"DELETE", 403, "AccessDenied", locked, S3Refusal::kObjectLocked, ErrorCode::kDenied},
      {"PUT", 403, "AccessDenied", "Access Denied", S3Refusal::kAccessDenied, ErrorCode::kDenied},
      {"PUT", 403, "SignatureDoesNotMatch", "x", S3Refusal::kBadKeys, ErrorCode::kMisconfigured},
      {"PUT", 403, "InvalidAccessKeyId", "x", S3Refusal::kBadKeys, ErrorCode::kMisconfigured},
      {"PUT", 400, "InvalidToken", "x", S3Refusal::kBadKeys, ErrorCode::kMisconfigured},
      {"PUT", 400, "ExpiredToken", "x", S3Refusal::kExpired, ErrorCode::kMisconfigured},
      {"PUT", 400, "AuthorizationHeaderMalformed", "x", S3Refusal::kInvalid, ErrorCode::kInvalid},
      {"PUT", 403, "RequestTimeTooSkewed", "x", S3Refusal::kClockSkew, ErrorCode::kMisconfigured},
      {"PUT", 503, "SlowDown", "x", S3Refusal::kThrottled, ErrorCode::kThrottled},
      {"PUT", 500, "InternalError", "x", S3Refusal::kUnavailable, ErrorCode::kUnavailable},
      {"PUT", 200, "InternalError", "x", S3Refusal::kUnavailable, ErrorCode::kUnavailable},
      {"PUT", 200, "AccessDenied", "x", S3Refusal::kAccessDenied, ErrorCode::kDenied},
      {"PUT", 200, "SomethingNew", "x", S3Refusal::kUnavailable, ErrorCode::kUnavailable},
      {"PUT", 400, "BadDigest", "x", S3Refusal::kInvalid, ErrorCode::kInvalid},
      {"GET", 301, "PermanentRedirect", "x", S3Refusal::kOtherRegion, ErrorCode::kMisconfigured},
      {"GET", 307, "TemporaryRedirect", "x", S3Refusal::kOtherRegion, ErrorCode::kMisconfigured},
      {"GET", 307, "", "x", S3Refusal::kOtherRegion, ErrorCode::kMisconfigured},
  };
  for (const Row& row : rows) {
    CAPTURE(row.method);
    CAPTURE(row.status);
    CAPTURE(row.code);
    http::Request request;
    request.method = row.method;
    request.target = "/audit/k?versionId=1";
    const http::Response response = fakes::s3_error_answer(row.status, row.code, row.message);
    const auto refused = aws::refusal_of(request, response);
    REQUIRE(refused);
    CHECK(refused->refusal == row.refusal);
    const Error error = aws::to_error(*refused, request, response);
    CHECK(error.code == row.error);
    CHECK(error.message.find(row.code) != std::string::npos);
    CHECK(error.message.find("/audit/k:") != std::string::npos);
  }
}

TEST_CASE("s3 error: answers without S3's body are judged by status alone") {
  struct Row {
    const char* method;
    int status;
    const char* body;
    S3Refusal refusal;
  };

  const Row rows[] = {
      {"HEAD", 404, "", S3Refusal::kNoSuchKey},
      // A 404 that S3 did not word may come from a proxy: no proof that a record is not there.
      {"GET", 404, "", S3Refusal::kUnavailable},
      {"GET", 404, "<html><body>not found</body></html>", S3Refusal::kUnavailable},
      {"PUT", 412, "", S3Refusal::kExists},
      {"PUT", 409, "", S3Refusal::kRace},
      {"PUT", 403, "<Error><Code>Acc", S3Refusal::kAccessDenied},
      {"PUT", 429, "", S3Refusal::kThrottled},
      {"PUT", 502, "<html/>", S3Refusal::kUnavailable},
      {"PUT", 400, "", S3Refusal::kInvalid},
  };
  for (const Row& row : rows) {
    CAPTURE(row.method);
    CAPTURE(row.status);
    http::Request request;
    request.method = row.method;
    const auto refused = aws::refusal_of(request, answer(row.status, row.body));
    REQUIRE(refused);
    CHECK(refused->refusal == row.refusal);
  }
}

TEST_CASE("s3 error: a success is a success, whatever the object says") {
  for (const char* body :
       {"", "{\"Error\":1}", "<NotAnError/>", "<Error", "<ListVersionsResult/>"}) {
    CAPTURE(body);
    CHECK_FALSE(aws::refusal_of({}, answer(200, body)));
  }
}

TEST_CASE("s3 error: Retry-After is honoured within bounds") {
  struct Row {
    const char* value;
    std::optional<std::chrono::milliseconds> wait;
  };

  const Row rows[] = {{"3", std::chrono::seconds(3)},
                      {"86400", std::chrono::seconds(600)},
                      {"-1", std::nullopt},
                      {"soon", std::nullopt},
                      {"Wed, 21 Oct 2026 07:28:00 GMT", std::nullopt}};
  for (const Row& row : rows) {
    CAPTURE(row.value);
    http::Response response = fakes::s3_error_answer(503, "SlowDown", "x");
    response.headers.emplace("Retry-After", row.value);
    CHECK(aws::to_error(*aws::refusal_of({}, response), {}, response).retry_after == row.wait);
  }
}

TEST_CASE("s3 error: a server's text stays on one line and short") {
  const http::Response response =
      fakes::s3_error_answer(403, "AccessDenied", "a\nb" + std::string(1000, 'x'));
  const Error error = aws::to_error(*aws::refusal_of({}, response), {}, response);
  CHECK(error.message.find('\n') == std::string::npos);
  CHECK(error.message.size() < 400);
}
