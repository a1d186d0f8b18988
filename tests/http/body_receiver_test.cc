#include "http/body_receiver.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper::http;  // NOLINT(google-build-using-namespace)

namespace {

BodyReceiver::Deadline far_away() {
  return std::chrono::steady_clock::now() + std::chrono::hours(1);
}

}  // namespace

TEST_CASE("body receiver: collects up to the limit and not one byte more") {
  BodyReceiver receiver(4, far_away());
  CHECK(receiver.accept("ab"));
  CHECK(receiver.begin(true));
  CHECK(receiver.accept("cd"));
  CHECK_FALSE(receiver.accept("e"));
  CHECK(receiver.end() == BodyEnd::kTooLarge);
}

TEST_CASE("body receiver: what comes before the status is known reaches the sink later, in order") {
  std::string got;
  const BodySink sink = [&](std::string_view piece) {
    got += piece;
    return true;
  };
  BodyReceiver receiver(4, sink);
  CHECK(receiver.accept("ab"));
  CHECK(got.empty());
  CHECK(receiver.begin(true));
  CHECK(got == "ab");
  CHECK(receiver.accept("cdefgh"));  // no limit while streaming
  CHECK(got == "abcdefgh");
  CHECK(receiver.take_body().empty());
}

TEST_CASE("body receiver: a failed answer is collected and never reaches the sink") {
  const BodySink sink = [](std::string_view) -> bool {
    FAIL("sink called");
    return true;
  };
  BodyReceiver receiver(8, sink);
  CHECK(receiver.accept("no"));
  CHECK(receiver.begin(false));
  CHECK(receiver.accept("pe"));
  CHECK(receiver.take_body() == "nope");
}

TEST_CASE("body receiver: a sink that has had enough, a deadline and close end it") {
  const BodySink full = [](std::string_view) { return false; };
  BodyReceiver stopped(8, full);
  CHECK(stopped.begin(true));
  CHECK_FALSE(stopped.accept("x"));
  CHECK(stopped.end() == BodyEnd::kStopped);

  BodyReceiver held(8, full);
  CHECK(held.accept("x"));
  CHECK_FALSE(held.begin(true));

  BodyReceiver late(8, std::chrono::steady_clock::now() - std::chrono::seconds(1));
  CHECK_FALSE(late.accept("x"));
  CHECK(late.end() == BodyEnd::kTooSlow);

  const BodySink never = [](std::string_view) -> bool {
    FAIL("sink called");
    return true;
  };
  BodyReceiver closed(8, never);
  CHECK(closed.begin(true));
  closed.close();
  CHECK_FALSE(closed.accept("x"));
}
