#include "promotion/manifests.h"

#include "fixtures.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

constexpr const char* kPrimary = R"({
  "apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "credit-risk-eu", "namespace": "credit", "uid": "uid-deployment",
               "labels": {"team": "credit"}, "annotations": {"helm": "yes"}},
  "spec": {
    "replicas": 5,
    "selector": {"matchLabels": {"app": "credit-risk"},
                 "matchExpressions": [{"key": "tier", "operator": "In", "values": ["web"]}]},
    "template": {
      "metadata": {"labels": {"app": "credit-risk", "tier": "web", "part-of": "scoring",
                              "version": "v1", "pod-template-hash": "x"},
                   "annotations": {"sidecar": "no"}},
      "spec": {"serviceAccountName": "server",
               "containers": [
                 {"name": "proxy", "env": [{"name": "MODEL_VERSION", "value": "mine"}]},
                 {"name": "server", "image": "example.com/server@sha256:1",
                  "resources": {"limits": {"memory": "256Mi"}},
                  "env": [{"name": "PORT", "value": "8080"},
                          {"name": "MODEL_VERSION", "value": "1"}]}]}}}})";

Service service(const std::string& name, std::map<std::string, std::string> selector) {
  Service out;
  out.meta = {.ns = "credit", .name = name};
  out.selector = std::move(selector);
  return out;
}

struct CloneCase {
  PromotionRequest request = fixtures::request("2", "Production");
  ServingTarget target = serving_target();
  std::vector<Service> services = {service("by-app", {{"app", "credit-risk"}}),
                                   service("by-part", {{"part-of", "scoring"}}),
                                   service("headless", {}), service("others", {{"version", "v9"}})};
  std::vector<DisruptionBudget> budgets;
  std::string primary = kPrimary;
  EnsureClone clone = {
      .role = "candidate", .version = version_ref("2"), .evaluation = digest_of('a')};

  [[nodiscard]] CloneSource source() const {
    return {.deployment_json = primary,
            .services = services,
            .budgets = budgets,
            .request = &request,
            .target = &target};
  }

  [[nodiscard]] json body() const { return json::parse(clone_deployment(source(), clone).value()); }
};

struct JobCase {
  PromotionRequest request = fixtures::request("2", "Production");
  GateClass gate_class = fixtures::gate_class(GateType::kAccuracy);

  [[nodiscard]] json body() const {
    GateJobSpec spec{.ns = "stagekeeper-gates",
                     .request = &request,
                     .gate_class = &gate_class,
                     .action = {.gate = gate_spec("accuracy", GateType::kAccuracy),
                                .attempt = 2,
                                .input_digest = digest_of('a'),
                                .candidate = version_ref("2"),
                                .champion = {},
                                .golden_row = "",
                                .golden_score = ""},
                     .nonce = "00ff",
                     .input = R"({"schema":1})"};
    return json::parse(gate_job(spec));
  }
};

const json& named(const json& list, const std::string& name) {
  static const json kNone;
  const auto found =
      std::ranges::find_if(list, [&](const json& each) { return each["name"] == name; });
  return found == list.end() ? kNone : *found;
}

}  // namespace

TEST_CASE("clone: users' traffic cannot reach it, and nothing of the primary adopts it") {
  const json body = CloneCase().body();
  const json labels = body["spec"]["template"]["metadata"]["labels"];
  CHECK(labels == json{{"version", "v1"},
                       {kCloneLabel, "candidate"},
                       {kCloneOfLabel, "uid-2-prod-candidate"}});
  CHECK(body["spec"]["selector"]["matchLabels"] ==
        json{{kCloneLabel, "candidate"}, {kCloneOfLabel, "uid-2-prod-candidate"}});
  CHECK_FALSE(body["spec"]["selector"].contains("matchExpressions"));
  CHECK(body["spec"]["replicas"] == 1);
}

TEST_CASE("clone: no disruption budget of the primary counts it") {
  struct Row {
    const char* what;
    std::map<std::string, std::string> match_labels;
    std::vector<std::string> expression_keys;
    bool keeps;
  };

  const Row rows[] = {{"a budget that matches", {{"version", "v1"}}, {}, false},
                      {"one of other pods", {{"version", "v9"}}, {}, true},
                      {"one by expression", {}, {"version"}, false},
                      {"one by both", {{"app", "credit-risk"}}, {"version"}, false},
                      {"one of others by both", {{"app", "fraud"}}, {"version"}, true}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CloneCase c;
    DisruptionBudget budget;
    budget.match_labels = row.match_labels;
    budget.expression_keys = row.expression_keys;
    c.budgets = {budget};
    const json body = c.body();
    CHECK(body["spec"]["template"]["metadata"]["labels"].contains("version") == row.keeps);
  }
}

TEST_CASE("clone: belongs to its request and copies the template only") {
  const json body = CloneCase().body();
  const json& meta = body["metadata"];
  CHECK(meta["name"] == "credit-risk-eu-candidate");
  CHECK(meta["namespace"] == "credit");
  CHECK(meta["labels"] == json{{kCloneLabel, "candidate"}, {kRequestUidLabel, "uid-2-prod"}});
  CHECK(meta["annotations"] ==
        json{{kCloneVersionAnnotation, "2"}, {kEvaluationAnnotation, digest_of('a')}});
  REQUIRE(meta["ownerReferences"].size() == 1);
  CHECK(meta["ownerReferences"][0]["uid"] == "uid-2-prod");
  CHECK(meta["ownerReferences"][0]["kind"] == "PromotionRequest");
  CHECK(body["spec"]["template"]["metadata"]["annotations"] == json{{"sidecar", "no"}});
  CHECK(body["spec"]["template"]["spec"]["serviceAccountName"] == "server");
}

TEST_CASE("clone: pinned in the target's container, with the primary's resources") {
  const json body = CloneCase().body();
  const json& containers = body["spec"]["template"]["spec"]["containers"];
  const json& server = named(containers, "server");
  CHECK(server["env"] == json::parse(R"([{"name":"PORT","value":"8080"},
      {"name":"MODEL_VERSION","value":"2"},
      {"name":"MODEL_URI","value":"s3://models/credit-risk/2/model.json"},
      {"name":"MODEL_DIGEST","value":")" +
                                     digest_of('2') + R"("}])"));
  CHECK(server["resources"]["limits"]["memory"] == "256Mi");
  CHECK(named(containers, "proxy")["env"][0]["value"] == "mine");
}

TEST_CASE("clone: a malformed Deployment is an error, not a crash") {
  for (const std::string& bad :
       {std::string("{}"), std::string("[]"), std::string("no json"), std::string(),
        std::string(R"({"spec":{"template":{"spec":{"containers":[1]}},"selector":{}}})"),
        std::string(R"({"spec":{"template":{"spec":{"containers":[]}}}})"),
        std::string(R"({"spec":{"template":{"spec":{"containers":[]}},"selector":7}})")}) {
    CAPTURE(bad);
    CloneCase c;
    c.primary = bad;
    const auto body = clone_deployment(c.source(), c.clone);
    REQUIRE_FALSE(body);
    CHECK(body.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("clone: its Service selects it alone") {
  const CloneCase c;
  const json body = json::parse(clone_service(c.source(), c.clone));
  CHECK(body["spec"]["type"] == "ClusterIP");
  CHECK(body["spec"]["selector"] ==
        json{{kCloneLabel, "candidate"}, {kCloneOfLabel, "uid-2-prod-candidate"}});
  CHECK(body["spec"]["ports"][0]["port"] == 8080);
  CHECK(body["metadata"]["ownerReferences"][0]["uid"] == "uid-2-prod");
}

TEST_CASE("clone: a Service that selects its pods is found, the clones' own are not") {
  auto labels = clone_labels("uid-2-prod", "candidate");
  labels["version"] = "v1";
  const auto stray = [&](const Service& each) {
    return stray_service({each}, "credit-risk-eu", labels);
  };
  CHECK(stray(service("a", {{"version", "v1"}})) == "a");
  CHECK(stray(service("a", {{"version", "v1"}, {"app", "x"}})).empty());
  CHECK(stray(service("a", {{"version", "v2"}})).empty());
  CHECK(stray(service("a", {})).empty());
  CHECK(stray(service("debug", {{kCloneLabel, "candidate"}})) == "debug");
  CHECK(
      stray(service("credit-risk-eu-candidate", clone_labels("uid-2-prod", "candidate"))).empty());
  // Of the right name, but made by somebody for users.
  CHECK(stray(service("credit-risk-eu-candidate", {{"version", "v1"}})) ==
        "credit-risk-eu-candidate");
}

TEST_CASE("gate job: found by labels, one attempt, never collected with an object elsewhere") {
  const json body = JobCase().body();
  CHECK(body["metadata"]["name"] == job_name("uid-2-prod", "accuracy", 2));
  CHECK(body["metadata"]["namespace"] == "stagekeeper-gates");
  CHECK_FALSE(body["metadata"].contains("ownerReferences"));
  CHECK(body["metadata"]["labels"] ==
        json{{kRequestUidLabel, "uid-2-prod"}, {kGateTypeLabel, "Accuracy"}, {kAttemptLabel, "2"}});
  CHECK(body["metadata"]["annotations"] == json{{kGateAnnotation, "accuracy"},
                                                {kNonceAnnotation, "00ff"},
                                                {kInputDigestAnnotation, digest_of('a')},
                                                {kRequestAnnotation, "credit/2-prod"}});
  const json& spec = body["spec"];
  CHECK(spec["backoffLimit"] == 0);
  CHECK(spec["activeDeadlineSeconds"] == 600);
  CHECK_FALSE(spec.contains("ttlSecondsAfterFinished"));
  CHECK_FALSE(spec.contains("podFailurePolicy"));
}

TEST_CASE("gate job: credentials are in the fetch container and nowhere else") {
  JobCase c;
  c.gate_class.ca_config_map = "s3-ca";
  const json body = c.body();
  const json& pod = body["spec"]["template"]["spec"];
  REQUIRE(pod["containers"].size() == 1);
  REQUIRE(pod["initContainers"].size() == 1);
  const std::string gate = pod["containers"][0].dump();
  for (const char* secret : {"secretKeyRef", "gate-s3", "AWS_", "S3_"}) {
    CAPTURE(std::string(secret));
    CHECK(gate.find(secret) == std::string::npos);
    CHECK(pod["initContainers"][0].dump().find(secret) != std::string::npos);
  }
  CHECK(pod["containers"][0]["volumeMounts"] ==
        json::parse(R"([{"name":"work","mountPath":"/work","readOnly":true}])"));
  CHECK(named(pod["initContainers"][0]["env"], "AWS_ACCESS_KEY_ID")["valueFrom"]["secretKeyRef"] ==
        json{{"name", "gate-s3"}, {"key", "accessKey"}});
  CHECK(named(pod["volumes"], "work")["emptyDir"].contains("sizeLimit"));
}

TEST_CASE("gate job: runs in the restricted profile, with a report only it can write") {
  const json body = JobCase().body();
  const json& pod = body["spec"]["template"]["spec"];
  CHECK(pod["automountServiceAccountToken"] == false);
  CHECK(pod["enableServiceLinks"] == false);
  CHECK(pod["serviceAccountName"] == "stagekeeper-gate");
  CHECK(pod["restartPolicy"] == "Never");
  CHECK(pod["securityContext"]["runAsNonRoot"] == true);
  CHECK(pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault");
  for (const json& container : {pod["containers"][0], pod["initContainers"][0]}) {
    CHECK(container["securityContext"] ==
          json::parse(R"({"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,
                          "capabilities":{"drop":["ALL"]}})"));
    CHECK(container["terminationMessagePolicy"] == "File");
    CHECK(container["image"].get<std::string>().find("@sha256:") != std::string::npos);
  }
  CHECK(pod["containers"][0]["command"] ==
        json::parse(R"(["/usr/bin/stagekeeper-gate","accuracy"])"));
  JobCase own;
  own.gate_class.command = {"/bin/mine"};
  CHECK(own.body()["spec"]["template"]["spec"]["containers"][0]["command"] ==
        json::array({"/bin/mine"}));
}

TEST_CASE("gate job: names differ by request, gate and attempt, and hold any gate name") {
  CHECK(job_name("u", "a_b", 1).size() == 42);
  CHECK(job_name("u", "a", 1) != job_name("u", "a", 2));
  CHECK(job_name("u", "a", 1) != job_name("u", "b", 1));
  CHECK(job_name("u", "a", 1) != job_name("v", "a", 1));
}

TEST_CASE("pin: the manager's complete set, under uid and resourceVersion") {
  const PatchPin pin{.deployment_uid = "uid-deployment",
                     .version = version_ref("2"),
                     .sequence = 42,
                     .record_digest = digest_of('a')};
  json body = json::parse(pin_apply(deployment("1", 2), serving_target(), pin));
  CHECK(body["metadata"] == json{{"name", "credit-risk-eu"},
                                 {"namespace", "credit"},
                                 {"uid", "uid-deployment"},
                                 {"resourceVersion", "7"},
                                 {"annotations", json{{kSequenceAnnotation, "42"},
                                                      {kRecordAnnotation, digest_of('a')}}}});
  CHECK(body["spec"] == json::parse(R"({"template":{"spec":{"containers":[{"name":"server","env":[
      {"name":"MODEL_VERSION","value":"2"},
      {"name":"MODEL_URI","value":"s3://models/credit-risk/2/model.json"},
      {"name":"MODEL_DIGEST","value":")" +
                                    digest_of('2') + R"("}]}]}}})"));
  body = json::parse(
      pin_apply(deployment("1", 2), serving_target(),
                {.deployment_uid = "", .version = {}, .sequence = 43, .record_digest = ""}));
  CHECK(body["spec"]["template"]["spec"]["containers"][0]["env"] == json::array());
}

TEST_CASE("claim: says which target, container and variables, on the Deployment itself only") {
  const json body = json::parse(claim_apply(deployment("1", 2), serving_target()));
  CHECK(body["metadata"]["labels"] == json{{kTargetLabel, "credit-risk-eu"}});
  CHECK(body["metadata"]["annotations"] ==
        json{{kContainerAnnotation, "server"},
             {kPinEnvAnnotation, "MODEL_VERSION,MODEL_URI,MODEL_DIGEST"}});
  CHECK(body["metadata"]["uid"] == "uid-deployment");
  CHECK_FALSE(body.contains("spec"));
}
