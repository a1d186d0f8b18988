#include "operator/cli/create.h"

#include "operator/cli/manifest.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

namespace {

/// Knows who calls, keeps what is created, and refuses what `refuses` is part of.
class Server final : public kube::Api {
 public:
  std::string refuses = "\n";
  std::vector<std::string> targets;
  std::vector<nlohmann::json> created;

  Result<std::string> call(const kube::Request& request) override {
    if (request.target.find("/selfsubjectreviews") != std::string::npos) {
      return R"({"status":{"userInfo":{"username":"alice","uid":"uid-alice",)"
             R"("groups":["mrm","mrm","","system:authenticated"]}}})";
    }
    if (request.body.find(refuses) != std::string::npos)
      return fail(ErrorCode::kDenied, "not in your name");
    targets.push_back(request.target);
    created.push_back(nlohmann::json::parse(request.body));
    return request.body;
  }

  Status watch(const kube::Request&, const kube::LineSink&, std::stop_token) override { return {}; }
};

constexpr const char* kApproval = R"(
apiVersion: stagekeeper.dev/v1alpha1
kind: Approval
metadata: {name: a, namespace: credit}
spec: {model: credit-risk, stage: Production, decision: Approve}
)";

constexpr const char* kVersion = R"(
apiVersion: stagekeeper.dev/v1alpha1
kind: ModelVersion
metadata: {name: credit-risk-47}
spec: {model: credit-risk, version: "47"}
)";

nlohmann::json read_one(const char* text) {
  return cli::read_manifest(text)->at(0);
}

}  // namespace

TEST_CASE("manifest: scalars become what YAML says, and quoted ones stay texts") {
  const auto read = read_one(
      "{a: 1, b: \"1\", c: true, d: 'true', e: 0.5, f: 1e3, g: ~, h: 1.2.3, "
      "i: 0x1f, j: inf, k: 2026-11, l: -7, m: '', n: v1, o: !!str 47}");
  CHECK(read.dump() ==
        R"({"a":1,"b":"1","c":true,"d":"true","e":0.5,"f":1000.0,"g":null,"h":"1.2.3","i":"0x1f",)"
        R"("j":"inf","k":"2026-11","l":-7,"m":"","n":"v1","o":"47"})");
}

TEST_CASE("manifest: what cannot be meant is refused") {
  std::string deep;
  for (int i = 0; i < 100; ++i)
    deep += "[";
  for (int i = 0; i < 100; ++i)
    deep += "]";
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j)
      laughs += (j == 0 ? "" : ",") + before;
    laughs += "]\n";
  }
  for (const std::string& text :
       {std::string("a: [1"), std::string("- 1"), std::string("{a: 1, a: 2}"), "a: " + deep, laughs,
        std::string("a: &self [*self]"), std::string("? [a]\n: 1"),
        std::string((1U << 20U) + 1, ' ')}) {
    CAPTURE(text.substr(0, 60));
    const auto read = cli::read_manifest(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kInvalid);
  }
  CHECK(cli::read_manifest("---\n---\n")->empty());
}

TEST_CASE("create: says who made each object, and names what was made") {
  Server server;
  const auto out =
      cli::create(server, std::string(kVersion) + "---" + kApproval, "models", false, false);
  CHECK(out.code == cli::ExitCode::kOk);
  CHECK(out.text ==
        "modelversion.stagekeeper.dev/credit-risk-47 created\n"
        "approval.stagekeeper.dev/a created\n");
  REQUIRE(server.created.size() == 2);
  const auto who = nlohmann::json::parse(
      R"({"username":"alice","uid":"uid-alice","groups":["mrm","system:authenticated"]})");
  CHECK(server.created[0]["spec"]["registeredBy"] == who);
  CHECK(server.created[0]["spec"]["version"] == "47");
  CHECK(server.created[1]["spec"]["approver"] == who);
  CHECK(server.targets[0].find("/namespaces/models/modelversions?") != std::string::npos);
  CHECK(server.targets[1].find("/namespaces/credit/approvals?") != std::string::npos);
}

TEST_CASE("create: what somebody wrote about himself stays, for the API server to judge") {
  auto object = read_one(kApproval);
  object["spec"]["approver"]["username"] = "bob";
  CHECK(cli::fill_in(object, {.username = "alice", .uid = "", .groups = {}}));
  CHECK(object["spec"]["approver"].dump() == R"({"username":"bob"})");
}

TEST_CASE("create: makes nothing when one object cannot be meant") {
  struct Row {
    std::string manifest;
    const char* says;
  };

  const Row rows[] = {
      {std::string(kVersion) + "---\n{apiVersion: v1, kind: Secret, metadata: {name: x}}",
       "use kubectl create"},
      {std::string(kVersion) + "---\n{apiVersion: stagekeeper.dev/v1alpha1, kind: Approval}",
       "Approval without spec"},
      {std::string(kVersion) + "---" + kApproval, "of namespace credit, not models"},
      {"", "holds no object"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.says);
    Server server;
    const auto out = cli::create(server, row.manifest, "models", true, false);
    CHECK(out.code == cli::ExitCode::kUsage);
    CHECK(out.errors.find(row.says) != std::string::npos);
    CHECK(server.created.empty());
  }
}

TEST_CASE("create: a refusal ends it, and what was made before is said") {
  Server server;
  server.refuses = "\"Approval\"";
  const auto out =
      cli::create(server, std::string(kVersion) + "---" + kApproval, "credit", true, true);
  CHECK(out.code == cli::ExitCode::kRefused);
  CHECK(out.text == "modelversion.stagekeeper.dev/credit-risk-47 created (server dry run)\n");
  CHECK(out.errors == "error: not in your name\n");
  CHECK(server.targets.at(0).ends_with("&dryRun=All"));
}
