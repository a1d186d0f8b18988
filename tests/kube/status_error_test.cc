#include "kube/status_error.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::kube;  // NOLINT(google-build-using-namespace)

namespace {

std::string status_body(const std::string& reason, const std::string& message,
                        const std::string& details = "{}") {
  return R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":")" + reason +
         R"(","message":")" + message + R"(","details":)" + details + "}";
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("status error: every status has one code") {
  struct Row {
    int status;
    std::string reason;
    http::Headers headers;
    ErrorCode code;
  };

  const Row rows[] = {
      {400, "BadRequest", {}, ErrorCode::kInvalid},
      {401, "Unauthorized", {}, ErrorCode::kDenied},
      {403, "Forbidden", {}, ErrorCode::kDenied},
      {404, "NotFound", {}, ErrorCode::kNotFound},
      {405, "MethodNotAllowed", {}, ErrorCode::kInvalid},
      {408, "Timeout", {}, ErrorCode::kUnavailable},
      {409, "AlreadyExists", {}, ErrorCode::kAlreadyExists},
      {409, "Conflict", {}, ErrorCode::kConflict},
      {409, "", {}, ErrorCode::kConflict},
      {410, "Expired", {}, ErrorCode::kGone},
      {410, "Gone", {}, ErrorCode::kGone},
      {413, "RequestEntityTooLarge", {}, ErrorCode::kInvalid},
      {415, "UnsupportedMediaType", {}, ErrorCode::kInvalid},
      {422, "Invalid", {}, ErrorCode::kInvalid},
      {429, "TooManyRequests", {}, ErrorCode::kThrottled},
      {500, "InternalError", {}, ErrorCode::kUnavailable},
      {502, "", {}, ErrorCode::kUnavailable},
      {503, "ServiceUnavailable", {}, ErrorCode::kUnavailable},
      {503, "ServiceUnavailable", {{"Retry-After", "1"}}, ErrorCode::kThrottled},
      {504, "Timeout", {}, ErrorCode::kUnavailable},
      {301, "", {}, ErrorCode::kInvalid},
      {101, "", {}, ErrorCode::kUnavailable},
  };
  for (const Row& row : rows) {
    CAPTURE(row.status);
    CAPTURE(row.reason);
    const Error error =
        status_error("get x", row.status, status_body(row.reason, "because"), row.headers);
    CHECK(error.code == row.code);
    CHECK(error.message == "get x: because (" + std::to_string(row.status) + ")");
  }
}

TEST_CASE("status error: a resourceVersion that the server has not reached yet asks for a list") {
  const std::string text = "Timeout: Too large resource version: 1000, current: 500";
  const Error named = status_error(
      "watch pods", 504,
      status_body("Timeout", text,
                  R"({"causes":[{"reason":"ResourceVersionTooLarge"}],"retryAfterSeconds":1})"),
      {});
  CHECK(named.code == ErrorCode::kGone);
  CHECK(named.retry_after == std::chrono::seconds(1));
  CHECK(contains(named.message, text));
  // Servers before 1.21 name no cause; the words are all there is.
  CHECK(status_error("w", 504, status_body("Timeout", text), {}).code == ErrorCode::kGone);
  CHECK(status_error("w", 500, status_body("", text), {}).code == ErrorCode::kGone);
  CHECK(status_error("w", 504, status_body("Timeout", "x", R"({"causes":[1,{"reason":2}]})"), {})
            .code == ErrorCode::kUnavailable);
}

TEST_CASE("status error: a list that the server cannot carry at once asks for less") {
  const std::string text =
      "rpc error: code = ResourceExhausted desc = grpc: received message larger than max";
  CHECK(status_error("list pods", 500, status_body("", text), {}).code == ErrorCode::kTooLarge);
  CHECK(status_error("list pods", 500, status_body("", "ResourceExhausted: quota"), {}).code ==
        ErrorCode::kUnavailable);
}

TEST_CASE("status error: a conflict of server-side apply names the other managers and fields") {
  const std::string cause =
      R"({"reason":"FieldManagerConflict","message":"conflict with \"kubectl-edit\" using apps/v1","field":".spec.replicas"})";
  const auto conflict = [&](const std::string& causes) {
    return status_error("apply deployments/m in ml", 409,
                        status_body("Conflict", "Apply failed", R"({"causes":[)" + causes + "]}"),
                        {});
  };
  const Error one = conflict(cause);
  CHECK(one.code == ErrorCode::kFieldConflict);
  CHECK(one.message ==
        "apply deployments/m in ml: conflict with other field managers: \"kubectl-edit\" owns "
        ".spec.replicas");
  CHECK(contains(conflict(cause + "," + cause + "," + cause + "," + cause + "," + cause).message,
                 "and 2 more"));
  CHECK(contains(conflict(R"({"reason":"FieldManagerConflict"})").message,
                 "another manager owns a field"));
  CHECK(contains(conflict(R"({"reason":"Other","message":"x"})").message, "Apply failed"));
  CHECK(contains(conflict(R"(1,null,"x")").message, "Apply failed"));
}

TEST_CASE("status error: a body that is no Status is quoted briefly and harmlessly") {
  CHECK(status_error("w", 502, "", {}).message == "w: status 502");
  CHECK(status_error("w", 502, "<html>\r\nbad\x1b[0m", {}).message ==
        "w: status 502: <html>  bad?[0m");
  CHECK(status_error("w", 500, R"({"kind":"Pod","message":"x"})", {}).message ==
        R"(w: status 500: {"kind":"Pod","message":"x"})");
  CHECK(status_error("w", 500, "[1]", {}).message == "w: status 500: [1]");
  const Error long_text = status_error("w", 500, std::string(5000, 'x'), {});
  CHECK(long_text.message.size() < 230);
  CHECK(long_text.message.ends_with("\xE2\x80\xA6"));
}

TEST_CASE("status error: a long message is cut at 1 kB between characters") {
  std::string message;
  for (int i = 0; i < 1000; ++i)
    message += "\xC3\xA4";
  for (const char* what : {"a", "ab"}) {
    const Error error = status_error(what, 422, status_body("Invalid", message), {});
    CHECK(error.message.size() <= 1000);
    CHECK(error.message.size() > 990);
    CHECK(error.message.ends_with("\xC3\xA4\xE2\x80\xA6"));
  }
}

TEST_CASE("retry after: seconds, HTTP dates against the answer's own clock, or nothing") {
  struct Row {
    http::Headers headers;
    int seconds;  // -1: nothing
  };

  const char* date = "Sun, 06 Nov 1994 08:49:37 GMT";
  const Row rows[] = {
      {{}, -1},
      {{{"retry-after", "7"}}, 7},
      {{{"Retry-After", "0"}}, 0},
      {{{"Retry-After", "99999"}}, 3600},
      {{{"Retry-After", "-1"}}, -1},
      {{{"Retry-After", "1.5"}}, -1},
      {{{"Retry-After", ""}}, -1},
      {{{"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}, {"Date", date}}, 60},
      {{{"Retry-After", "Sun, 06 Nov 1994 08:40:37 GMT"}, {"Date", date}}, 0},
      {{{"Retry-After", "Mon, 07 Nov 1994 08:49:37 GMT"}, {"Date", date}}, 3600},
      {{{"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}}, -1},
      {{{"Retry-After", "Sun, 06 Foo 1994 08:50:37 GMT"}, {"Date", date}}, -1},
      {{{"Retry-After", "Sun, 06 anF 1994 08:50:37 GMT"}, {"Date", date}}, -1},
      {{{"Retry-After", "Sun, 32 Nov 1994 08:50:37 GMT"}, {"Date", date}}, -1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.headers.empty() ? "" : row.headers.rbegin()->second);
    const auto wait = retry_after(row.headers);
    CHECK(wait.has_value() == (row.seconds >= 0));
    if (wait) CHECK(*wait == std::chrono::seconds(row.seconds));
  }
}

TEST_CASE("status error: the Status' own retryAfterSeconds counts when there is no header") {
  const std::string body = status_body("TooManyRequests", "slow", R"({"retryAfterSeconds":5})");
  CHECK(status_error("w", 429, body, {}).retry_after == std::chrono::seconds(5));
  CHECK(status_error("w", 429, body, {{"Retry-After", "2"}}).retry_after ==
        std::chrono::seconds(2));
  CHECK(status_error("w", 503, body, {}).code == ErrorCode::kThrottled);
  CHECK_FALSE(status_error("w", 429, "", {}).retry_after);
}
