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

gates::GateInput asked_by(gates::VersionProof proof) {
  gates::GateInput out;
  out.model = "m";
  out.inference.proof = std::move(proof);
  return out;
}

const gates::VersionProof kHeader{.type = "Header", .header = "X-Model-Version"};

/// A model server on a `respond`, with the time in the test's hand.
struct Setting {
  ManualTimer timer;
  std::vector<http::Request> seen;
  std::unique_ptr<ModelServer> server;

  explicit Setting(Server::Respond respond, const gates::GateInput& input = asked_by(kHeader),
                   const std::string& token = {}) {
    server = std::make_unique<ModelServer>(
        std::make_unique<Server>(std::move(respond), seen), timer, input,
        gates::Endpoint{.url = "http://s", .version = "2"}, "candidate", token);
  }

  gates::Reasoned<Answer> score(std::size_t rows = 1) {
    return server->score(server->batch(table(rows), 0, {}).value());
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
  const auto answer = s.score(3);
  REQUIRE(answer);
  CHECK(answer->scores.size() == 3);
  CHECK(answer->elapsed == milliseconds(7));
  CHECK(s.seen.size() == 3);
}

TEST_CASE("model server: what never answered, or not in time, is asked once") {
  Setting never([&](const http::Request& /*unused*/) -> Result<http::Response> {
    return fail(ErrorCode::kUnavailable, "refused");
  });
  CHECK(never.score().error().code == "ScoringFailed");
  CHECK(never.seen.size() == 1);
  Setting slow([&](const http::Request& request) -> Result<http::Response> {
    if (request.method == "GET") return scores_for(request);
    slow.timer.time += seconds(30);
    return fail(ErrorCode::kUnavailable, "timed out");
  });
  REQUIRE(slow.server->check_health());
  CHECK(slow.score().error().code == "ScoringTimedOut");
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
  ModelServer champion(std::make_unique<Server>(scores_for, quick), s.timer, asked_by(kHeader),
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

TEST_CASE("model server: a header proves the version on every answer") {
  std::string named = "2";
  Setting s([&](const http::Request& request) -> Result<http::Response> {
    http::Response out = scores_for(request);
    out.headers = named.empty() ? http::Headers{} : http::Headers{{"x-model-version", named}};
    return out;
  });
  CHECK(s.server->check_health());
  CHECK(s.score());
  for (const char* wrong : {"1", ""}) {
    named = wrong;
    CHECK(s.server->check_health().error().code == "WrongVersion");
    CHECK(s.score().error().code == "WrongVersion");
    CHECK(s.server->seen_version() == wrong);
  }
}

TEST_CASE("model server: a body proves the version on scoring answers, the health path cannot") {
  nlohmann::json named = "2";
  Setting s(
      [&](const http::Request& request) -> Result<http::Response> {
        http::Response out{.status = 200};
        if (request.method == "POST")
          out.body = nlohmann::json{{"predictions", {0.5}}, {"version", named}}.dump();
        return out;
      },
      asked_by({.type = "Body", .pointer = "/version"}));
  CHECK(s.server->check_health());
  CHECK(s.server->seen_version().empty());
  CHECK(s.score());
  CHECK(s.server->seen_version() == "2");
  named = 2;
  CHECK(s.score());
  for (const nlohmann::json& wrong :
       {nlohmann::json("1"), nlohmann::json("v2"), nlohmann::json(2.0), nlohmann::json()}) {
    CAPTURE(wrong.dump());
    named = wrong;
    CHECK(s.score().error().code == "WrongVersion");
  }
}

TEST_CASE("model server: a path proves the version, and what is not there is another one") {
  gates::GateInput input = asked_by({.type = "Path"});
  input.inference.scoring_path = "/m/${model}/v/${version}:score";
  input.inference.health_path = "/m/${model}/v/${version}";
  int status = 200;
  Setting s(
      [&](const http::Request& request) -> Result<http::Response> {
        http::Response out = scores_for(request);
        out.status = status;
        return out;
      },
      input);
  CHECK(s.server->check_health());
  CHECK(s.score());
  CHECK(s.server->seen_version() == "2");
  CHECK(s.seen[0].target == "/m/m/v/2");
  CHECK(s.seen[1].target == "/m/m/v/2:score");
  status = 404;
  CHECK(s.server->check_health().error().code == "WrongVersion");
  CHECK(s.server->seen_version().empty());
  CHECK(s.score().error().code == "WrongVersion");
  status = 503;
  CHECK(s.server->check_health().error().code == "NotReady");
}

TEST_CASE("model server: where pods are the proof, no answer has to prove anything") {
  Setting s(
      [&](const http::Request& request) -> Result<http::Response> {
        http::Response out = scores_for(request);
        out.headers = {{"X-Model-Version", "1"}};
        return out;
      },
      asked_by({.type = "Pods"}));
  CHECK(s.server->check_health());
  CHECK(s.score());
  CHECK(s.server->seen_version().empty());
}

TEST_CASE("model server: a token goes with every request and into no reason") {
  int status = 200;
  Setting s(
      [&](const http::Request& request) -> Result<http::Response> {
        http::Response out = scores_for(request);
        out.status = status;
        return out;
      },
      asked_by(kHeader), "s3cret");
  REQUIRE(s.server->check_health());
  REQUIRE(s.score());
  status = 403;
  const auto refused = s.score();
  CHECK(refused.error().message.find("does not take the token") != std::string::npos);
  CHECK(refused.error().message.find("s3cret") == std::string::npos);
  for (const http::Request& request : s.seen)
    CHECK(header_value(request.headers, "Authorization") == "Bearer s3cret");
  Setting without([&](const http::Request& /*unused*/) -> Result<http::Response> {
    return http::Response{.status = 401};
  });
  CHECK(without.score().error().message.find("bearerTokenSecretRef") != std::string::npos);
}

TEST_CASE("model server: a refusal shows pages and fixed words, and no row") {
  std::string body;
  Setting s([&](const http::Request& /*unused*/) -> Result<http::Response> {
    return http::Response{.status = 500, .body = body};
  });
  const auto told = [&](const char* text) {
    body = text;
    return s.score().error().message;
  };
  CHECK(told("<html>\n<b>Bad gateway").find("\"<html>\"") != std::string::npos);
  CHECK(told("Internal Server Error").find("Internal Server Error") != std::string::npos);
  CHECK(told(R"({"error_code":"BAD_REQUEST","message":"row 4711"})").find("BAD_REQUEST") !=
        std::string::npos);
  CHECK(told(R"({"error_code":"BAD_REQUEST","message":"row 4711"})").find("4711") ==
        std::string::npos);
  CHECK(told("ValueError: row 4711 of Ada").find("Ada") == std::string::npos);
}
