#include "operator/wiring/check.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

namespace {

/// An API server that knows who calls, and what it thinks of requests by what they claim.
class Server final : public kube::Api {
 public:
  std::map<std::string, Error> refuses;  ///< by spec.requester.username
  std::string gate_class;                ///< empty: there is none
  std::vector<std::string> calls;

  Result<std::string> call(const kube::Request& request) override {
    calls.push_back(request.method + " " + request.target);
    if (request.target.find("/selfsubjectreviews") != std::string::npos) {
      return R"({"status":{"userInfo":{"username":"system:serviceaccount:sk:stagekeeper-test",)"
             R"("uid":"u1","groups":["system:serviceaccounts"]}}})";
    }
    if (request.target.find("/gateclasses/") != std::string::npos) {
      if (gate_class.empty()) return fail(ErrorCode::kNotFound, "no such GateClass");
      return gate_class;
    }
    const auto body = nlohmann::json::parse(request.body);
    const auto found = refuses.find(body["spec"]["requester"]["username"].get<std::string>());
    if (found != refuses.end()) return tl::unexpected(found->second);
    return request.body;
  }

  Status watch(const kube::Request&, const kube::LineSink&, std::stop_token) override { return {}; }
};

constexpr const char* kLeads = "leader_election_master_status{name=\"stagekeeper\"} 1\n";
constexpr const char* kTrusts = "stagekeeper_audit_store_trusted 1\n";

OperatorReader answers(int ready, std::string metrics) {
  return [=](const std::string& path) -> Result<http::Response> {
    if (path == "/readyz") return http::Response{.status = ready, .body = "[-] list Approval\n"};
    return http::Response{.status = 200, .body = metrics};
  };
}

}  // namespace

TEST_CASE("check: an operator that is ready, leads and trusts its bucket is well") {
  CHECK(check_operator(answers(200, std::string("a 1\n") + kLeads + kTrusts)).ok);
}

TEST_CASE("check: an operator that lacks one of these is not well, and it is said what it lacks") {
  struct Row {
    OperatorReader read;
    const char* says;
  };

  const Row rows[] = {
      {answers(503, std::string(kLeads) + kTrusts), "list Approval"},
      {answers(200, kTrusts), "does not lead"},
      {answers(200,
               std::string("leader_election_master_status{name=\"stagekeeper\"} 0\n") + kTrusts),
       "does not lead"},
      {answers(200, kLeads), "does not trust the bucket"},
      {answers(200, std::string(kLeads) + "stagekeeper_audit_store_trusted 0\n"),
       "does not trust the bucket"},
      {[](const std::string&) -> Result<http::Response> {
         return fail(ErrorCode::kUnavailable, "no route");
       },
       "no route"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.says);
    const Finding found = check_operator(row.read);
    CHECK_FALSE(found.ok);
    CHECK(found.text.find(row.says) != std::string::npos);
  }
}

TEST_CASE("check: admission is well when only the forged request is refused, in dry runs") {
  Server server;
  server.refuses.emplace("somebody-else", Error{ErrorCode::kDenied, "by policy"});
  CHECK(check_admission(server, "sk").ok);
  REQUIRE(server.calls.size() == 3);
  for (std::size_t i = 1; i < 3; ++i)
    CHECK(server.calls[i].ends_with("&dryRun=All"));
}

TEST_CASE("check: admission that takes a forged request, or refuses an honest one, is not well") {
  Server open;
  CHECK_FALSE(check_admission(open, "sk").ok);
  Server closed;
  closed.refuses.emplace("somebody-else", Error{ErrorCode::kDenied, "no right"});
  closed.refuses.emplace("system:serviceaccount:sk:stagekeeper-test",
                         Error{ErrorCode::kDenied, "no right"});
  CHECK_FALSE(check_admission(closed, "sk").ok);
  Server away;
  away.refuses.emplace("somebody-else", Error{ErrorCode::kUnavailable, "timeout"});
  CHECK_FALSE(check_admission(away, "sk").ok);
}

TEST_CASE("check: a GateClass is well when the operator accepts it") {
  Server server;
  CHECK_FALSE(check_gate_class(server, "stagekeeper-smoke").ok);
  server.gate_class = R"({"status":{"conditions":[]}})";
  CHECK_FALSE(check_gate_class(server, "stagekeeper-smoke").ok);
  server.gate_class =
      R"({"status":{"conditions":[{"type":"Accepted","status":"False","message":"no such type"}]}})";
  const Finding refused = check_gate_class(server, "stagekeeper-smoke");
  CHECK_FALSE(refused.ok);
  CHECK(refused.text.find("no such type") != std::string::npos);
  server.gate_class = R"({"status":{"conditions":[{"type":"Accepted","status":"True"}]}})";
  CHECK(check_gate_class(server, "stagekeeper-smoke").ok);
}
