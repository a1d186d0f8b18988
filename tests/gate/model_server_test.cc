#include "operator/gate/model_server.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gate;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;

namespace {

class HandTimer final : public Timer {
 public:
  Duration time{};

  [[nodiscard]] Duration now() const override { return time; }

  void sleep(Duration duration) override { time += duration; }
};

/// A server whose first connection was closed while it was idle: 70 ms are lost to it, and the
/// answer takes 5 ms.
class ClosedOnce final : public http::Client {
 public:
  explicit ClosedOnce(HandTimer& timer) : timer_(timer) {}

  Result<http::Response> send(const http::Request& request) override {
    last = request;
    timer_.time += milliseconds(75);
    http::Response out;
    out.status = 200;
    out.headers["X-Version"] = "2";
    out.body = R"({"predictions": [0.25]})";
    out.wasted = milliseconds(70);
    return out;
  }

  Result<http::Response> stream(const http::Request& /*request*/, const http::BodySink& /*sink*/,
                                std::stop_token /*stop*/) override {
    return fail(ErrorCode::kInvalid, "no stream here");
  }

  http::Request last;

 private:
  HandTimer& timer_;
};

}  // namespace

TEST_CASE("model server: scoring may be repeated, and only the answered attempt has a latency") {
  HandTimer timer;
  ClosedOnce client(timer);
  gates::GateInput input;
  input.inference.version_header = "X-Version";
  input.inference.scoring_path = "/invocations";
  gates::Endpoint endpoint;
  endpoint.version = "2";
  ModelServer server(client, timer, input, endpoint, "candidate");
  Batch batch;
  batch.body = "{}";
  batch.rows = 1;
  const auto answer = server.score(batch);
  REQUIRE(answer);
  CHECK(answer->scores == std::vector<double>{0.25});
  CHECK(answer->elapsed == milliseconds(5));
  CHECK(client.last.idempotency == http::Idempotency::kIdempotent);
}
