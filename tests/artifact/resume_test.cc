#include "artifact/resume.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;            // NOLINT(google-build-using-namespace)
using namespace stagekeeper::artifact;  // NOLINT(google-build-using-namespace)

namespace {

const ReadFrom kMiddle{.offset = 5, .etag = "\"v1\""};

}  // namespace

TEST_CASE("resume: the first answer tells the size and by what to go on") {
  const AnswerBody body =
      read_answer({}, {.status = 200, .etag = "\"v1\"", .content_length = "10"}).value();
  CHECK(body.skip_bytes == 0);
  CHECK(body.size_bytes == 10);
  CHECK(body.etag == "\"v1\"");
  CHECK(range_header({}).empty());
}

TEST_CASE("resume: a weak or odd ETag is nothing to go on by") {
  for (const std::string& etag : {std::string(), std::string("W/\"v1\""), std::string("v1"),
                                  std::string("\"\""), '"' + std::string(300, 'a') + '"'}) {
    CAPTURE(etag);
    CHECK(read_answer({}, {.status = 200, .etag = etag}).value().etag.empty());
  }
}

TEST_CASE("resume: the rest of the same object follows what is there") {
  CHECK(range_header(kMiddle) == "bytes=5-");
  const AnswerBody body =
      read_answer(kMiddle, {.status = 206, .etag = "\"v1\"", .content_range = "bytes 5-9/10"})
          .value();
  CHECK(body.skip_bytes == 0);
  CHECK(body.size_bytes == 10);
}

TEST_CASE("resume: a server that begins again is read again, without what is there") {
  const AnswerBody body =
      read_answer(kMiddle, {.status = 200, .etag = "\"v1\"", .content_length = "10"}).value();
  CHECK(body.skip_bytes == 5);
  CHECK(body.size_bytes == 10);
}

TEST_CASE("resume: another object is never put behind the first one's bytes") {
  for (const AnswerHead& head :
       {AnswerHead{.status = 206, .etag = "\"v2\"", .content_range = "bytes 5-9/10"},
        AnswerHead{.status = 206, .content_range = "bytes 5-9/10"},
        AnswerHead{.status = 200, .etag = "\"v2\""}}) {
    const auto body = read_answer(kMiddle, head);
    REQUIRE_FALSE(body);
    CHECK(body.error().code == ErrorCode::kConflict);
  }
}

TEST_CASE("resume: bytes from elsewhere in the object are refused") {
  for (const char* range : {"", "bytes 4-9/10", "bytes 6-9/10", "bytes 5-8/10", "bytes 5-9/*",
                            "bytes 5-4/5", "bytes */10", "5-9/10", "bytes 05-9/10"}) {
    CAPTURE(range);
    const auto body =
        read_answer(kMiddle, {.status = 206, .etag = "\"v1\"", .content_range = range});
    REQUIRE_FALSE(body);
    CHECK(body.error().code == ErrorCode::kUnavailable);
  }
  CHECK_FALSE(read_answer({}, {.status = 206, .content_range = "bytes 0-9/10"}));
  CHECK_FALSE(read_answer({}, {.status = 204}));
}
