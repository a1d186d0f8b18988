#include "gates/table.h"
#include "operator/gate/scoring.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gate;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

class ManualTimer final : public Timer {
 public:
  Duration time{};

  [[nodiscard]] Duration now() const override { return time; }

  void sleep(Duration duration) override { time += duration; }
};

/// A server that is a function of the request; every request is kept.
class Server final : public http::Client {
 public:
  using Respond = std::function<Result<http::Response>(const http::Request&)>;

  Server(Respond respond, std::vector<http::Request>& seen)
      : respond_(std::move(respond)), seen_(seen) {}

  Result<http::Response> send(const http::Request& request) override {
    seen_.push_back(request);
    return respond_(request);
  }

  Result<http::Response> stream(const http::Request& request, const http::BodySink& /*unused*/,
                                std::stop_token /*unused*/) override {
    return send(request);
  }

 private:
  Respond respond_;
  std::vector<http::Request>& seen_;
};

gates::Table table(std::size_t rows) {
  std::string csv = "x\n";
  for (std::size_t i = 0; i < rows; ++i)
    csv += std::to_string(i) + ".5\n";
  return gates::read_table(csv, {{.name = "x"}}).value();
}

std::size_t rows_of(const http::Request& request) {
  return nlohmann::json::parse(request.body).at("dataframe_split").at("data").size();
}

http::Response scores_for(const http::Request& request) {
  http::Response out{.status = 200, .headers = {{"X-Model-Version", "2"}}};
  if (request.method == "POST")
    out.body = nlohmann::json{{"predictions", std::vector<double>(rows_of(request), 0.5)}}.dump();
  return out;
}

/// A model server on a `respond`, with the time in the test's hand.
struct Setting {
  ManualTimer timer;
  std::vector<http::Request> seen;
  std::unique_ptr<ModelServer> server;

  explicit Setting(Server::Respond respond) {
    server = std::make_unique<ModelServer>(
        std::make_unique<Server>(std::move(respond), seen), timer, gates::GateInput{},
        gates::Endpoint{.url = "http://s", .version = "2"}, "candidate");
  }
};

}  // namespace

TEST_CASE("model server: a connection that was closed meanwhile is no failure, and costs no time") {
  bool closed = false;
  Setting s([&](const http::Request& request) -> Result<http::Response> {
    s.timer.time += milliseconds(7);
    if (std::exchange(closed, false)) return fail(ErrorCode::kUnavailable, "broken pipe");
    return scores_for(request);
  });
  REQUIRE(s.server->check_health());
  closed = true;
  const auto answer = s.server->score(dataframe_split(table(3), 0, {}));
  REQUIRE(answer);
  CHECK(answer->scores.size() == 3);
  CHECK(answer->elapsed == milliseconds(7));
  CHECK(s.seen.size() == 3);
}

TEST_CASE("model server: what never answered, or not in time, is asked once") {
  Setting never([&](const http::Request& /*unused*/) -> Result<http::Response> {
    return fail(ErrorCode::kUnavailable, "refused");
  });
  CHECK(never.server->score(dataframe_split(table(1), 0, {})).error().code == "ScoringFailed");
  CHECK(never.seen.size() == 1);
  Setting slow([&](const http::Request& request) -> Result<http::Response> {
    if (request.method == "GET") return scores_for(request);
    slow.timer.time += seconds(30);
    return fail(ErrorCode::kUnavailable, "timed out");
  });
  REQUIRE(slow.server->check_health());
  CHECK(slow.server->score(dataframe_split(table(1), 0, {})).error().code == "ScoringTimedOut");
  CHECK(slow.seen.size() == 2);
}

TEST_CASE(
    "scoring: a server too slow for a batch gets smaller ones, and every row is scored once") {
  Setting s([&](const http::Request& request) -> Result<http::Response> {
    if (rows_of(request) <= 10) return scores_for(request);
    s.timer.time += seconds(30);
    return fail(ErrorCode::kUnavailable, "timed out");
  });
  std::vector<http::Request> quick;
  ModelServer champion(std::make_unique<Server>(scores_for, quick), s.timer, gates::GateInput{},
                       gates::Endpoint{.url = "http://c", .version = "2"}, "champion");
  const auto scores = score_all(table(100), *s.server, &champion);
  REQUIRE(scores);
  CHECK(scores->candidate.size() == 100);
  CHECK(scores->champion.size() == 100);
  CHECK(rows_of(s.seen[0]) == 100);
  CHECK(rows_of(s.seen[1]) == 12);
  CHECK(rows_of(s.seen[2]) == 1);
}

TEST_CASE("scoring: a server too slow for one row fails, and says for how many") {
  Setting s([&](const http::Request& /*unused*/) -> Result<http::Response> {
    s.timer.time += seconds(30);
    return fail(ErrorCode::kUnavailable, "timed out");
  });
  const auto scores = score_all(table(2), *s.server, nullptr);
  REQUIRE_FALSE(scores);
  CHECK(scores.error().code == "ScoringTimedOut");
  CHECK(scores.error().message.find("1 rows") != std::string::npos);
}
