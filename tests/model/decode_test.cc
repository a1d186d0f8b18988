#include "model/decode.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

namespace {

/// The text with its first `from` replaced; the text itself must contain it.
std::string spoil(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

struct Row {
  std::string from;
  std::string to;
  std::string says;
};

/// Each row spoils one thing of a valid object; the error names what.
template <typename T, std::size_t N>
void refuses(const std::string& valid, const Row (&rows)[N]) {
  REQUIRE(decode<T>(valid));
  for (const Row& row : rows) {
    CAPTURE(row.from);
    CAPTURE(row.to);
    const Result<T> result = decode<T>(spoil(valid, row.from, row.to));
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::kCorrupt);
    CHECK(result.error().message.find(row.says) != std::string::npos);
  }
}

const std::string kHex(64, 'a');

std::string object(const std::string& kind, const std::string& spec, const std::string& status) {
  return R"({"apiVersion":"stagekeeper.dev/v1alpha1","kind":")" + kind + R"(",
    "metadata":{"name":"it","namespace":"credit","uid":"uid-1","resourceVersion":"42",
      "generation":3,"creationTimestamp":"2026-03-02T09:00:00Z","labels":{"team":"credit"},
      "annotations":{"a":"b"},"finalizers":["stagekeeper.dev/promotion"],
      "managedFields":[{"manager":"kubectl","fieldsV1":{"f:spec":{}}}]},
    "spec":)" +
         spec + R"(,"status":)" + status + "}";
}

const std::string kVersion = object("ModelVersion",
                                    R"({
  "model":"credit-risk","version":"47",
  "artifact":{"uri":"s3://models/credit-risk/47/model.json","digest":"sha256:)" +
                                        kHex + R"("},
  "source":{"registry":"mlflow","trainedBy":"priya"},
  "training":{"dataset":{"version":"2026-10","digest":"sha256:)" +
                                        kHex + R"("},
              "featurePipelineVersion":"2.3.1"},
  "signature":{"inputs":[{"name":"balance","type":"double"},
                         {"name":"student","type":"boolean","required":false}]},
  "metrics":[{"name":"auc_roc","value":"0.8731"}]})",
                                    R"({"stage":"Staging"})");

const std::string kPolicy =
    object("PromotionPolicy",
           R"({
  "model":"credit-risk","riskTier":"High",
  "evaluation":{"dataset":{"uri":"s3://m/e.csv","version":"2026-11","digest":"sha256:)" +
               kHex +
               R"("},"labelColumn":"label","positiveLabel":"1","groupColumns":["g"],
    "servingTarget":"credit-risk-eu","scoring":{"positiveIndex":1}},
  "stages":[
    {"name":"Staging","from":["None"],"gates":[
      {"name":"accuracy","type":"Accuracy","accuracy":{"minAbsolute":"0.9"}},
      {"name":"latency","type":"Latency","enforcement":"Advisory","latency":{"p95Budget":"20ms"}},
      {"name":"fair","type":"Fairness","gateClassName":"mine","fairness":{}}]},
    {"name":"Production","from":["Staging"],"gatesFrom":"Staging",
     "review":{"approvers":[{"role":"model-risk","groups":["mrm"]},
                            {"role":"business","groups":["rc"],"count":2}]},
     "targets":["credit-risk-eu"]}]})",
           R"({"ledger":{"pending":{"sequence":"7","key":"k","retainUntil":"2026-03-02T09:00:00Z",
      "envelope":"{}"}}})");

const std::string kTarget = object("ServingTarget", R"({
  "model":"credit-risk","segment":"eu",
  "deployment":{"name":"credit-risk-eu","container":"server"},
  "pin":{"env":[{"name":"V","value":"${version}"},{"name":"D","value":"x-${digest}"}]},
  "inference":{"service":"credit-risk-eu","port":8080}})",
                                   R"({"ledger":{"targetUid":"uid-0"}})");

const std::string kRequest = object("PromotionRequest", R"({
  "model":"credit-risk","version":"47","stage":"Production","targets":["credit-risk-eu"],
  "reason":"retrained","requester":{"username":"priya","uid":"u1","groups":["ds","all"]}})",
                                    R"({"phase":"Evaluating"})");

const std::string kApproval = object("Approval",
                                     R"({
  "request":{"name":"r","uid":"uid-r"},"model":"credit-risk","stage":"Production",
  "decision":"Approve","decisionDigest":"sha256:)" +
                                         kHex + R"(",
  "approver":{"username":"mia","groups":["mrm"]},"comment":"fine"})",
                                     "{}");

const std::string kGateClass = object("GateClass",
                                      R"({
  "type":"Latency","image":"example.com/gate@sha256:)" +
                                          kHex + R"(",
  "resources":{"requests":{"cpu":"100m"},"limits":{"memory":"512Mi"}},
  "activeDeadline":"5m","maxAttempts":2,
  "fetch":{"image":"example.com/fetch@sha256:)" +
                                          kHex + R"(","endpoint":"https://s3:1",
           "region":"r","credentialsSecret":"s","caConfigMap":"c"}})",
                                      "{}");

const std::string kDeployment = R"({"metadata":{"name":"d","namespace":"credit","uid":"uid-d",
    "resourceVersion":"9","generation":4,"deletionTimestamp":"2026-03-02T09:00:00Z"},
  "spec":{"replicas":3,"progressDeadlineSeconds":120,
    "selector":{"matchLabels":{"app":"x"}},
    "template":{"metadata":{"labels":{"app":"x"},
                            "annotations":{"kubectl.kubernetes.io/restartedAt":"now"}},
      "spec":{"volumes":[],"containers":[
        {"name":"server","image":"i","env":[{"name":"V","value":"1"},
          {"name":"W","valueFrom":{"fieldRef":{"fieldPath":"x"}}}]},
        {"name":"sidecar","env":[{"name":"V","value":"own"}]}]}}},
  "status":{"observedGeneration":4,"replicas":3,"updatedReplicas":2,"availableReplicas":1,
    "conditions":[{"type":"Available","status":"True","reason":"X"},
      {"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"late",
       "lastUpdateTime":"2026-03-02T10:00:00Z"}]}})";

std::string template_of(const std::string& json, const std::string& container = "server") {
  return template_digest(json, {{.name = "V", .value = "${version}"}}, container).value().str();
}

}  // namespace

TEST_CASE("decode: metadata of every kind") {
  const ObjectMeta meta = decode<Stage>(object("Stage", "{}", "{}")).value().meta;
  CHECK(meta.ns == "credit");
  CHECK(meta.name == "it");
  CHECK(meta.uid == "uid-1");
  CHECK(meta.resource_version == "42");
  CHECK(meta.generation == 3);
  CHECK(format_time(meta.created) == "2026-03-02T09:00:00Z");
  CHECK_FALSE(meta.deleting);
  CHECK(meta.labels.at("team") == "credit");
  CHECK(meta.annotations.at("a") == "b");
  CHECK(meta.finalizers == std::vector<std::string>{"stagekeeper.dev/promotion"});
  CHECK(decode<Deployment>(kDeployment).value().meta.deleting);
}

TEST_CASE("decode: what is no object of the kind is Corrupt, whatever it is") {
  for (const char* bad : {"", "{", "[]", "null", "7", "\"x\"", "{}", R"({"metadata":[]})",
                          R"({"metadata":{"name":"x"}})", R"({"metadata":{"uid":"x"}})",
                          R"({"metadata":{"name":1,"uid":2},"spec":"no"})"}) {
    CAPTURE(std::string(bad));
    CHECK_FALSE(decode<ModelVersion>(bad));
    CHECK_FALSE(decode<PromotionPolicy>(bad));
    CHECK_FALSE(decode<ServingTarget>(bad));
    CHECK_FALSE(decode<PromotionRequest>(bad));
    CHECK_FALSE(decode<Approval>(bad));
    CHECK_FALSE(decode<GateClass>(bad));
    CHECK_FALSE(decode<Pod>(bad));
  }
  CHECK_FALSE(decode<Stage>(std::string(kMaxObjectBytes + 1, ' ')));
}

TEST_CASE("decode: ModelVersion") {
  const ModelVersion it = decode<ModelVersion>(kVersion).value();
  CHECK(it.model == "credit-risk");
  CHECK(it.version == "47");
  CHECK(it.artifact_uri == "s3://models/credit-risk/47/model.json");
  CHECK(it.artifact_digest == "sha256:" + kHex);
  CHECK(it.trained_by == "priya");
  CHECK(it.feature_pipeline_version == "2.3.1");
  REQUIRE(it.inputs.size() == 2);
  CHECK(it.inputs[0].required);
  CHECK_FALSE(it.inputs[1].required);
  CHECK(it.claims[0].second == "0.8731");
  CHECK(it.status_stage == "Staging");
  const Row rows[] = {
      {"\"47\"", "\"latest\"", "spec.version"}, {"\"47\"", "\"047\"", "spec.version"},
      {"\"47\"", "47", "spec.version"},         {"credit-risk", "", "spec.model"},
      {"sha256:", "sha512:", "digest"},         {"s3://models", "s3://$(HOME)", "artifact.uri"}};
  refuses<ModelVersion>(kVersion, rows);
}

TEST_CASE("decode: PromotionPolicy, with its defaults and the gates of another stage") {
  const PromotionPolicy it = decode<PromotionPolicy>(kPolicy).value();
  CHECK(it.high_risk);
  CHECK(it.evaluation.positive_index == 1);
  CHECK(it.evaluation.higher_means_positive);
  REQUIRE(it.stages.size() == 2);
  const std::vector<GateSpec>& gates = it.stages[0].gates;
  REQUIRE(gates.size() == 3);
  CHECK(gates[0].gate_class == "stagekeeper-accuracy");
  CHECK(gates[0].min_absolute.str() == "0.9");
  CHECK(gates[0].min_improvement.str() == "0.005");
  CHECK(gates[0].blocking);
  CHECK_FALSE(gates[1].blocking);
  CHECK(gates[1].p95_budget == std::chrono::milliseconds(20));
  CHECK(gates[1].samples == 500);
  CHECK(gates[2].gate_class == "mine");
  CHECK(gates[2].max_disparity.str() == "0.05");
  const StageSpec* production = it.stage("Production");
  REQUIRE(production);
  CHECK(production->gates.size() == 3);
  REQUIRE(production->review);
  CHECK(production->review->expires_after == std::chrono::hours(72));
  CHECK(production->review->approvers[0].count == 1);
  CHECK(production->review->approvers[1].count == 2);
  CHECK(production->targets == std::vector<std::string>{"credit-risk-eu"});
  CHECK(it.stage("Live") == nullptr);
  CHECK(it.pending->sequence == "7");
  const Row rows[] = {{"\"Accuracy\"", "\"Drift\"", "type"},
                      {"\"0.9\"", "\"90%\"", "decimal"},
                      {"\"20ms\"", "\"20\"", "duration"},
                      {"\"gatesFrom\":\"Staging\"", "\"gatesFrom\":\"Live\"", "gatesFrom"},
                      {"\"High\"", "\"Extreme\"", "riskTier"},
                      {"sha256:", "", "dataset"},
                      {"\"name\":\"Staging\"", "\"name\":\"\"", "stage"},
                      {"\"name\":\"latency\"", "\"name\":\"\"", "gate"},
                      {"\"model\":\"credit-risk\"", "\"model\":\"\"", "model"}};
  refuses<PromotionPolicy>(kPolicy, rows);
}

TEST_CASE("decode: ServingTarget, and no variable but ours in a pin") {
  const ServingTarget it = decode<ServingTarget>(kTarget).value();
  CHECK(it.deployment == "credit-risk-eu");
  CHECK(it.container == "server");
  CHECK(it.pin[1].value == "x-${digest}");
  CHECK(it.inference.port == 8080);
  CHECK(it.inference.scoring_path == "/invocations");
  CHECK(it.inference.version_header == "X-Model-Version");
  CHECK(it.ledger_uid == "uid-0");
  CHECK_FALSE(it.pending);
  const Row rows[] = {{"${version}", "$(version)", "stray $"},
                      {"${version}", "${other}", "stray $"},
                      {"x-${digest}", "$${digest}", "stray $"},
                      {"\"container\":\"server\"", "\"container\":\"\"", "spec.deployment"},
                      {"\"env\"", "\"other\"", "spec.pin"}};
  refuses<ServingTarget>(kTarget, rows);
}

TEST_CASE("decode: PromotionRequest") {
  const PromotionRequest it = decode<PromotionRequest>(kRequest).value();
  CHECK(it.action == RequestAction::kPromote);
  CHECK(it.requester == Identity{.username = "priya", .uid = "u1", .groups = {"ds", "all"}});
  CHECK(it.targets.size() == 1);
  CHECK(it.phase == "Evaluating");
  const std::string rollback = spoil(kRequest, "\"version\":\"47\"", "\"action\":\"Rollback\"");
  CHECK(decode<PromotionRequest>(rollback).value().version.empty());
  for (const char* action : {"Promote", "Rollback", "Archive", "Adopt"}) {
    const auto each = decode<PromotionRequest>(
        spoil(kRequest, "\"reason\"", "\"action\":\"" + std::string(action) + "\",\"reason\""));
    CHECK(name(each.value().action) == action);
  }
  const Row rows[] = {{"\"version\":\"47\",", "", "spec.version"},
                      {"\"47\"", "\"champion\"", "spec.version"},
                      {"\"reason\"", "\"action\":\"Deploy\",\"reason\"", "spec.action"},
                      {"\"stage\":\"Production\"", "\"stage\":\"\"", "stage"}};
  refuses<PromotionRequest>(kRequest, rows);
}

TEST_CASE("decode: Approval, which says Approve or Reject and nothing between") {
  const Approval it = decode<Approval>(kApproval).value();
  CHECK(it.approve);
  CHECK(it.request_uid == "uid-r");
  CHECK(it.approver.uid.empty());
  CHECK(it.comment == "fine");
  CHECK_FALSE(decode<Approval>(spoil(kApproval, "Approve", "Reject")).value().approve);
  const Row rows[] = {{"\"Approve\"", "\"approve\"", "spec.decision"},
                      {"\"decision\":\"Approve\",", "", "spec.decision"},
                      {"uid-r", "", "spec.request.uid"}};
  refuses<Approval>(kApproval, rows);
}

TEST_CASE("decode: GateClass") {
  const GateClass it = decode<GateClass>(kGateClass).value();
  CHECK(it.type == GateType::kLatency);
  CHECK(it.active_deadline == std::chrono::minutes(5));
  CHECK(it.max_attempts == 2);
  CHECK(it.service_account == "stagekeeper-gate");
  CHECK(it.resources.requests.at("cpu") == "100m");
  CHECK(it.ca_config_map == "c");
  const Row rows[] = {{"\"Latency\"", "\"Schema\"", "spec.type"},
                      {"gate@sha256:", "gate:latest", "spec.image"},
                      {"\"5m\"", "\"soon\"", "duration"}};
  refuses<GateClass>(kGateClass, rows);
}

TEST_CASE("decode: Deployment") {
  const Deployment it = decode<Deployment>(kDeployment).value();
  CHECK(it.replicas == 3);
  CHECK(it.selector.at("app") == "x");
  REQUIRE(it.containers.size() == 2);
  CHECK(it.containers[0].env[0] == EnvVar{.name = "V", .value = "1"});
  CHECK(it.containers[0].env[1].from_source);
  CHECK(it.observed_generation == 4);
  CHECK(it.updated_replicas == 2);
  CHECK(it.available_replicas == 1);
  CHECK(it.progress_deadline_exceeded);
  CHECK(it.progress_message == "late");
  CHECK(format_time(it.progress_updated) == "2026-03-02T10:00:00Z");
  CHECK(it.progress_deadline == std::chrono::seconds(120));
  const Deployment fresh = decode<Deployment>(R"({"metadata":{"name":"d","uid":"u"}})").value();
  CHECK(fresh.replicas == 1);
  CHECK(fresh.progress_deadline == std::chrono::seconds(600));
  CHECK(fresh.available_replicas == 0);
  CHECK_FALSE(fresh.progress_deadline_exceeded);
}

TEST_CASE("decode: Job, Pod and Service") {
  const Job job = decode<Job>(R"({"metadata":{"name":"j","uid":"u"},"status":{"conditions":[
    {"type":"Failed","status":"True","reason":"DeadlineExceeded","message":"late"},
    {"type":"Complete","status":"False"}]}})")
                      .value();
  CHECK(job.failed);
  CHECK_FALSE(job.complete);
  CHECK(job.failure_reason == "DeadlineExceeded");
  const Pod pod = decode<Pod>(R"({"metadata":{"name":"p","uid":"u","ownerReferences":[
      {"uid":"other"},{"uid":"job","controller":true}]},
    "status":{"phase":"Failed","reason":"Evicted",
      "conditions":[{"type":"DisruptionTarget","status":"True"}],
      "initContainerStatuses":[{"name":"fetch","state":{"terminated":
        {"exitCode":0,"reason":"Completed"}}}],
      "containerStatuses":[{"name":"gate","state":{"waiting":{"reason":"ErrImageNeverPull"}}}]}})")
                      .value();
  CHECK(pod.owner_uid == "job");
  CHECK(pod.disrupted);
  CHECK(pod.reason == "Evicted");
  CHECK(pod.init_containers[0].terminated);
  CHECK_FALSE(pod.containers[0].terminated);
  CHECK(pod.containers[0].reason == "ErrImageNeverPull");
  const Service service =
      decode<Service>(R"({"metadata":{"name":"s","uid":"u"},"spec":{"selector":{"app":"x"}}})")
          .value();
  CHECK(service.selector.at("app") == "x");
}

TEST_CASE("decode: what is decoded does not point into what was parsed before") {
  const ModelVersion first = decode<ModelVersion>(kVersion).value();
  decode<PromotionPolicy>(kPolicy).value();
  CHECK(first.model == "credit-risk");
}

TEST_CASE("spec digest: of the canonical spec, whatever order and spaces it comes in") {
  const auto digest = [](const std::string& json) { return spec_digest(json).value().str(); };
  const std::string one = digest(R"({"spec":{"a":1,"b":["x"]},"metadata":{"uid":"1"}})");
  CHECK(one == digest(R"({"metadata":{"uid":"2"}, "status":{}, "spec":{ "b":["x"], "a":1 }})"));
  CHECK(one == sha256_digest(R"({"a":1,"b":["x"]})").str());
  CHECK(one != digest(R"({"spec":{"a":1,"b":["y"]}})"));
  CHECK(one != digest(R"({"spec":{"a":1,"b":["x"],"c":null}})"));
  for (const char* bad :
       {"", "[]", "7", "{}", R"({"spec":{"a":1,"a":2}})", R"({"spec":{"a":0.5}})"}) {
    CAPTURE(std::string(bad));
    CHECK_FALSE(spec_digest(bad));
  }
}

TEST_CASE("template digest: pins and restarts are left out, and nothing else") {
  const std::string base = template_of(kDeployment);

  struct Change {
    std::string from;
    std::string to;
    bool same;
  };

  const Change rows[] = {
      {R"({"name":"V","value":"1"},)", R"({"name":"V","value":"2"},)", true},
      {R"({"name":"V","value":"1"},)", "", true},
      {R"({"name":"V","value":"1"},)", R"({"name":"V","valueFrom":{"x":{}}},)", true},
      {R"(:"now"})", R"(:"later"})", true},
      {R"({"kubectl.kubernetes.io/restartedAt":"now"})", "{}", true},
      {R"("replicas":3)", R"("replicas":4)", true},
      {R"("status":{)", R"("status":{"x":1,)", true},
      {R"({"name":"W")", R"({"name":"X")", false},
      {R"(:"own")", R"(:"other")", false},  // another container's variable of that name
      {R"("image":"i")", R"("image":"j")", false},
      {R"("volumes":[])", R"("volumes":[{"name":"v"}])", false},
      {R"(restartedAt":"now")", R"(restartedAt":"now","note":"x")", false},
  };
  for (const Change& row : rows) {
    CAPTURE(row.from);
    CAPTURE(row.to);
    CHECK((template_of(spoil(kDeployment, row.from, row.to)) == base) == row.same);
  }
  CHECK(template_of(spoil(kDeployment, R"("labels":{"app":"x"})", R"("labels":{"app":"y"})")) !=
        base);
  CHECK(template_of(kDeployment, "") != base);  // every container: the sidecar's too
}

TEST_CASE("template digest: the same before the first pin and after it") {
  const std::string bare = R"({"spec":{"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"server","image":"i"}]}}}})";
  const std::string pinned =
      spoil(bare, R"("image":"i")", R"("image":"i","env":[{"name":"V","value":"1"}])");
  CHECK(template_of(bare) == template_of(pinned));
  for (const char* bad :
       {"{}", R"({"spec":{"template":7}})", R"({"spec":{"template":{"spec":{"containers":[7]}}}})",
        R"({"spec":{"template":{"spec":{}}}})"}) {
    CAPTURE(std::string(bad));
    const auto digest = template_digest(bad, {}, "server");
    CHECK_FALSE(digest);
  }
}
