#include "samples.h"

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using namespace samples;      // NOLINT(google-build-using-namespace)

TEST_CASE("decode: metadata of every kind") {
  const ObjectMeta meta = decode<ModelStage>(object("ModelStage", "{}", "{}")).value().meta;
  CHECK(meta.ns == "credit");
  CHECK(meta.name == "it");
  CHECK(meta.uid == "uid-1");
  CHECK(meta.resource_version == "42");
  CHECK(meta.generation == 3);
  CHECK(format_time(meta.created) == "2026-03-02T09:00:00Z");
  CHECK_FALSE(meta.deleting);
  CHECK(meta.finalizers == std::vector<std::string>{"stagekeeper.dev/promotion"});
  CHECK(decode<Deployment>(kDeployment).value().meta.deleting);
}

TEST_CASE("decode: labels and annotations of others are not kept, however large they are") {
  using Map = std::map<std::string, std::string>;
  const std::string huge(200'000, 'x');
  const std::string stuffed = spoil(kTarget, R"("a":"b")", R"("a":")" + huge + "\"");
  for (const std::string& json : {kTarget, stuffed}) {
    const ObjectMeta meta = decode<ServingTarget>(json).value().meta;
    CHECK(meta.labels == Map{{"stagekeeper.dev/target", "eu"}});
    CHECK(meta.annotations == Map{{"stagekeeper.dev/sequence", "7"}});
  }
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
  CHECK_FALSE(decode<ModelStage>(std::string(kMaxObjectBytes + 1, ' ')));
}

TEST_CASE("decode: a problem has the path of its field") {
  const auto says = [](const std::string& from, const std::string& to) {
    return decode<PromotionPolicy>(spoil(kPolicy, from, to)).error().message;
  };
  CHECK(says("\"type\":\"Latency\"", "\"type\":7") ==
        "decode PromotionPolicy credit/it: spec.stages[0].gates[1].type: is no text");
  CHECK(says("\"name\":\"credit-risk-us\"", "\"other\":1") ==
        "decode PromotionPolicy credit/it: spec.stages[1].targets[1].name: is missing");
  CHECK(says("\"count\":2", "\"count\":\"two\"") ==
        "decode PromotionPolicy credit/it: spec.stages[1].review.approvers[1].count: is no whole "
        "number");
}

TEST_CASE("decode: ModelVersion, with all that a record must say of its origin") {
  const ModelVersion it = decode<ModelVersion>(kVersion).value();
  CHECK(it.model == "credit-risk");
  CHECK(it.version == "47");
  CHECK(it.artifact_type == "File");
  CHECK(it.artifact_uri == "s3://models/credit-risk/47/model.json");
  CHECK(it.artifact_digest == "sha256:" + kHex);
  CHECK(it.source.registry == "mlflow");
  CHECK(it.source.registered_model == "Credit Risk");
  CHECK(it.source.version == "v3");
  CHECK(it.source.run_id == "8f3c");
  CHECK(it.source.trained_by == "priya");
  CHECK(it.training_dataset_version == "2026-10");
  CHECK(it.training_dataset_digest == "sha256:" + kHex);
  CHECK(it.feature_pipeline_version == "2.3.1");
  CHECK(it.registered_by == Identity{.username = "priya", .uid = "u1", .groups = {"ds"}});
  REQUIRE(it.inputs.size() == 2);
  CHECK(it.inputs[0].required);
  CHECK_FALSE(it.inputs[1].required);
  CHECK(it.claims[0].second == "0.8731");
  CHECK(it.status_stage == "Staging");
  CHECK(it.status_record == "sha256:00");
  const Row rows[] = {
      {"\"47\"", "\"latest\"", "spec.version: is no version number"},
      {"\"47\"", "\"047\"", "spec.version: is no version number"},
      {"\"47\"", "47", "spec.version: is no text"},
      {"credit-risk", "", "spec.model: is missing"},
      {"sha256:", "sha512:", "spec.artifact.digest: is no digest"},
      {"s3://models", "s3://$(HOME)", "spec.artifact.uri: contains $"},
      {"\"digest\"", "\"type\":\"Image\",\"digest\"", "spec.artifact.type: is not"},
      {"\"digest\"", "\"type\":\"Manifest\",\"digest\"", "spec.artifact.uri: ends with /"},
      {"/model.json", "/", "spec.artifact.uri: ends with /"},
      {"\"required\":false", "\"required\":\"no\"",
       "spec.signature.inputs[1].required: is neither true nor false"},
      {"[\"ds\"]", "[\"ds\",7]", "spec.registeredBy.groups[1]: is no text"},
      {"\"username\"", "\"name\"", "spec.registeredBy.username: is missing"}};
  refuses<ModelVersion>(kVersion, rows);
}

TEST_CASE("decode: PromotionPolicy, with its defaults and the gates of another stage") {
  const PromotionPolicy it = decode<PromotionPolicy>(kPolicy).value();
  CHECK(it.high_risk);
  REQUIRE(it.evaluation.dataset);
  CHECK(it.evaluation.dataset->version == "2026-11");
  REQUIRE(it.evaluation.binary);
  CHECK(it.evaluation.binary->positive_index == 1);
  CHECK(it.evaluation.binary->higher_means_positive);
  CHECK(it.evaluation.binary->group_columns == std::vector<std::string>{"g"});
  CHECK(it.evaluation.serving_target == "credit-risk-eu");
  REQUIRE(it.stages.size() == 2);
  const StageSpec* production = it.stage("Production");
  REQUIRE(production);
  CHECK(production->gates.size() == 3);
  REQUIRE(production->review);
  CHECK(production->review->expires_after == std::chrono::hours(72));
  CHECK(production->review->approvers[0].count == 1);
  CHECK(production->review->approvers[0].users.empty());
  CHECK(production->review->approvers[1].users == std::vector<std::string>{"alice"});
  CHECK(production->review->approvers[1].count == 2);
  CHECK(production->targets == std::vector<std::string>{"credit-risk-eu", "credit-risk-us"});
  CHECK(it.stage("Live") == nullptr);
  CHECK(it.pending->sequence == "7");
  REQUIRE(it.ledger_head);
  CHECK(it.ledger_head->sequence == 6);
  const Row rows[] = {
      {"\"Staging\",\"from\"", "\"\",\"from\"", "spec.stages[0].name: is missing"},
      {"\"gatesFrom\":\"Staging\"", "\"gatesFrom\":\"Live\"",
       "spec.stages[1].gatesFrom: names no earlier stage"},
      {"\"High\"", "\"Extreme\"", "spec.riskTier: is not supported"},
      {"sha256:", "", "spec.evaluation.dataset.digest: is no digest"},
      {"\"BinaryClassification\"", "\"Ranking\"", "spec.evaluation.task: is not supported"},
      {"\"task\":\"BinaryClassification\",", "", "spec.evaluation.task: and the member"},
      {"\"name\":\"latency\"", "\"name\":\"\"", "spec.stages[0].gates[1].name: is missing"},
      {"\"Advisory\"", "\"Optional\"", "spec.stages[0].gates[1].enforcement: is not supported"},
      {"\"targets\"", "\"shadow\":{},\"targets\"", "spec.stages[1].shadow: is not supported"},
      {"\"approvers\"", "\"expiresAfter\":\"soon\",\"approvers\"",
       "spec.stages[1].review.expiresAfter: is no length of time"},
      {"\"model\":\"credit-risk\"", "\"model\":\"\"", "spec.model: is missing"}};
  refuses<PromotionPolicy>(kPolicy, rows);
}

TEST_CASE("decode: a gate's parameters are the text of the member that its type names") {
  const PromotionPolicy policy = decode<PromotionPolicy>(kPolicy).value();
  const std::vector<GateSpec>& gates = policy.stages[0].gates;
  REQUIRE(gates.size() == 3);
  CHECK(gates[0].kind == "Accuracy");
  CHECK(gates[0].parameters == R"({"minAbsolute":"0.9"})");
  CHECK(gates[0].gate_class == "stagekeeper-accuracy");
  CHECK(gates[0].blocking);
  CHECK(gates[1].parameters == R"({"p95Budget":"20ms"})");
  CHECK_FALSE(gates[1].blocking);
  CHECK(gates[2].gate_class == "mine");
  const std::string plain = spoil(kPolicy, R"(,"fairness":{"maxDisparity":"0.05"})", "");
  CHECK(decode<PromotionPolicy>(plain).value().stages[0].gates[2].parameters == "{}");
}

TEST_CASE("decode: no data set and no task where nobody needs them") {
  const PromotionPolicy it = decode<PromotionPolicy>(object("PromotionPolicy", R"({
      "model":"m","riskTier":"Standard","stages":[{"name":"Staging","from":["None"],"gates":[],
      "review":{"approvers":[{"role":"r","groups":["g"]}]}}]})",
                                                            "{}"))
                                 .value();
  CHECK_FALSE(it.evaluation.dataset);
  CHECK_FALSE(it.evaluation.binary);
  CHECK_FALSE(it.high_risk);
  CHECK_FALSE(it.ledger_head);
}

TEST_CASE("decode: a status that somebody spoiled says nothing, and stops nothing") {
  const std::string head = R"("sequence":"6","digest":"sha256:)" + kHex + "\"";
  for (const char* bad : {R"("sequence":"six","digest":"sha256:00")", R"("sequence":"6")", ""}) {
    CAPTURE(std::string(bad));
    const Result<PromotionPolicy> it = decode<PromotionPolicy>(spoil(kPolicy, head, bad));
    REQUIRE(it);
    CHECK_FALSE(it->ledger_head);
  }
}

TEST_CASE("decode: ServingTarget, and no variable but ours in a pin") {
  const ServingTarget it = decode<ServingTarget>(kTarget).value();
  CHECK(it.workload.kind == "Deployment");
  CHECK(it.workload.name == "credit-risk-eu");
  REQUIRE(it.pin.size() == 2);
  CHECK(it.pin[1] == PinEnv{.container = "fetch", .name = "D", .value = "x-${digest}"});
  CHECK(it.inference.service == "credit-risk-eu");
  CHECK(it.inference.service_port == 80);
  CHECK(it.inference.container_port == 8080);
  CHECK(it.inference.scheme == "HTTP");
  CHECK(it.inference.protocol == "MLflow");
  CHECK(it.inference.scoring_path.empty());
  CHECK(it.inference.health_path.empty());
  CHECK(it.inference.version_proof.type == "Header");
  CHECK(it.inference.version_proof.header == "X-Model-Version");
  CHECK_FALSE(it.pod_template.guarded);
  CHECK(it.pod_template.managers ==
        std::vector<std::string>{"nadia", "system:serviceaccount:argocd:controller"});
  const std::string managers = R"("managers":["nadia","system:serviceaccount:argocd:controller"])";
  const std::string guard = spoil(kTarget, managers, R"("changes":"Guard")");
  CHECK(decode<ServingTarget>(guard).value().pod_template.guarded);
  CHECK_FALSE(it.observes);
  const std::string observing =
      spoil(kTarget, "\"workload\"", R"("enforcement":"Observe","workload")");
  CHECK(decode<ServingTarget>(observing).value().observes);
  CHECK(it.clone.service_account == "clone");
  CHECK(it.clone.labels == std::map<std::string, std::string>{{"zone", "quarantine"}});
  CHECK(it.clone.node_selector == std::map<std::string, std::string>{{"pool", "gates"}});
  REQUIRE(it.clone.resources.size() == 1);
  CHECK(it.clone.resources[0].container == "server");
  CHECK(it.clone.resources[0].requests.at("cpu") == "500m");
  CHECK(it.clone.resources[0].limits.at("memory") == "1Gi");
  CHECK(it.ledger_uid == "uid-0");
  CHECK_FALSE(it.pending);
  std::string unproved = kTarget;
  const std::string key = "\"versionProof\"";
  unproved.replace(unproved.find(key), key.size(), "\"nothing\"");
  CHECK(decode<ServingTarget>(unproved)->inference.version_proof.type == "Pods");
  const Row rows[] = {
      {"${version}", "$(version)", "spec.pin.env[0].value: has a stray $"},
      {"${version}", "${other}", "spec.pin.env[0].value: has a stray $"},
      {"x-${digest}", "$${digest}", "spec.pin.env[1].value: has a stray $"},
      {"\"container\":\"fetch\"", "\"x\":1", "spec.pin.env[1].container: is missing"},
      {"\"env\"", "\"other\"", "spec.pin.env: is empty"},
      {"\"env\"", "\"image\":{},\"env\"", "spec.pin.image: is not supported"},
      {"\"Deployment\"", "\"StatefulSet\"", "spec.workload.kind: is not supported"},
      {"\"Header\"", "\"Metadata\"", "spec.inference.versionProof.type: is not supported"},
      {"\"Header\"", "\"Body\"", "spec.inference.versionProof.body.pointer: is missing"},
      {"\"header\":{", "\"body\":{\"pointer\":\"x\"},\"header\":{",
       "spec.inference.versionProof.body.pointer: is no JSON Pointer"},
      {"\"versionProof\"", "\"protocol\":\"gRPC\",\"versionProof\"",
       "spec.inference.protocol: is not supported"},
      {"\"versionProof\"", "\"protocol\":\"Json\",\"versionProof\"",
       "spec.inference.json.template: is missing"},
      {"\"versionProof\"", "\"json\":{\"template\":\"$(X)\"},\"versionProof\"",
       "spec.inference.json.template: contains $("},
      {"\"versionProof\"", "\"scoringPath\":\"/${digest}\",\"versionProof\"",
       "spec.inference.scoringPath: is no path"},
      {"\"versionProof\"", "\"scheme\":\"SPDY\",\"versionProof\"",
       "spec.inference.scheme: is not supported"},
      {"\"versionProof\"", "\"bearerTokenSecretRef\":{\"name\":\"a.b\"},\"versionProof\"",
       "spec.inference.bearerTokenSecretRef: needs scheme HTTPS"},
      {"\"X-Model-Version\"", "\"\"", "spec.inference.versionProof.header.name: is missing"},
      {"\"containerPort\":8080,", "", "spec.inference.containerPort: is missing"},
      {"\"managers\"", "\"changes\":\"Allow\",\"managers\"", "spec.template.changes: is not"},
      {"\"managers\"", "\"changes\":\"Guard\",\"managers\"",
       "spec.template.managers: is not allowed with Guard"},
      {"\"workload\"", "\"enforcement\":\"Ignore\",\"workload\"", "spec.enforcement: is not"},
      {"{\"zone\":\"quarantine\"}", "[]", "spec.clone.labels: is no object"},
      {"\"zone\"", "\"stagekeeper.dev/clone\"", "spec.clone.labels: contains a label stagekeeper"},
      {"\"port\":80", "\"port\":80.5", "spec.inference.service.port: is no whole number"},
      {"\"port\":80", "\"port\":99999999999", "spec.inference.service.port: is out of range"}};
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
    CHECK(request_action(action) == each.value().action);
  }
  const Row rows[] = {{"\"version\":\"47\",", "", "spec.version: is no version number"},
                      {"\"47\"", "\"champion\"", "spec.version: is no version number"},
                      {"\"reason\"", "\"action\":\"Deploy\",\"reason\"", "spec.action: is not"},
                      {"[\"credit-risk-eu\"]", "\"credit-risk-eu\"", "spec.targets: is no list"},
                      {"\"stage\":\"Production\"", "\"stage\":\"\"", "spec.stage: is missing"}};
  refuses<PromotionRequest>(kRequest, rows);
}

TEST_CASE("request: each action has a verb of its own, and breakglass is none of them") {
  CHECK(verb_of(RequestAction::kPromote) == "promote");
  CHECK(verb_of(RequestAction::kRollback) == "rollback");
  CHECK(verb_of(RequestAction::kArchive) == "archive");
  CHECK(verb_of(RequestAction::kAdopt) == "adopt");
  CHECK_FALSE(request_action("promote"));
}

TEST_CASE("decode: Approval, which says Approve or Reject and nothing between") {
  const Approval it = decode<Approval>(kApproval).value();
  CHECK(it.approve);
  CHECK(it.request_uid == "uid-r");
  CHECK(it.approver.uid.empty());
  CHECK(it.comment == "fine");
  CHECK_FALSE(it.counted_known);
  const std::string judged = spoil(kApproval, R"("status":{})", R"("status":{"conditions":[
      {"type":"Counted","status":"False","reason":"Duplicate"}]})");
  CHECK(decode<Approval>(judged).value().counted_known);
  const Row rows[] = {{"\"Approve\"", "\"approve\"", "spec.decision: is not supported"},
                      {"\"decision\":\"Approve\",", "", "spec.decision: is missing"},
                      {"sha256:", "", "spec.decisionDigest: is no digest"},
                      {"uid-r", "", "spec.request.uid: is missing"},
                      {"\"comment\"", "\"answers\":[],\"comment\"", "spec.answers: is not"}};
  refuses<Approval>(kApproval, rows);
}

TEST_CASE("decode: a Reject needs no digest, since there may be nothing to name yet") {
  const std::string digest = R"(,"decisionDigest":"sha256:)" + kHex + "\"";
  const std::string early = spoil(spoil(kApproval, "Approve\"", "Reject\""), digest, "");
  const Result<Approval> it = decode<Approval>(early);
  REQUIRE(it);
  CHECK_FALSE(it->approve);
  CHECK(it->decision_digest.empty());
}

TEST_CASE("decode: GateClass") {
  const GateClass it = decode<GateClass>(kGateClass).value();
  CHECK(it.kind == "Latency");
  CHECK(it.active_deadline == std::chrono::minutes(5));
  CHECK(it.max_attempts == 2);
  CHECK(it.service_account == "stagekeeper-gate");
  CHECK(it.resources.requests == std::map<std::string, std::string>{{"cpu", "100m"}});
  CHECK(it.resources.limits == std::map<std::string, std::string>{{"memory", "512Mi"}});
  CHECK(it.credentials.secret == "s");
  CHECK(it.credentials.access_key_key == "id");
  CHECK(it.credentials.secret_key_key == "secretKey");
  CHECK(it.credentials.session_token_key.empty());
  CHECK(it.ca_config_map == "c");
  CHECK(it.ca_key == "ca.crt");
  const Row rows[] = {{"gate@sha256:", "gate:latest", "spec.image: has no digest"},
                      {"fetch@sha256:", "fetch:1", "spec.fetch.image: has no digest"},
                      {"\"5m\"", "\"soon\"", "spec.activeDeadline: is no length of time"}};
  refuses<GateClass>(kGateClass, rows);
}

TEST_CASE("decode: without a Secret a gate has the credentials of its surroundings") {
  const std::string ref = R"("credentialsSecretRef":{"name":"s","accessKeyKey":"id"},)";
  const GateClass it = decode<GateClass>(spoil(kGateClass, ref, "")).value();
  CHECK(it.credentials.secret.empty());
  CHECK(it.credentials.access_key_key.empty());
}

TEST_CASE("decode: what is decoded does not point into what was parsed before") {
  const ModelVersion first = decode<ModelVersion>(kVersion).value();
  decode<PromotionPolicy>(kPolicy).value();
  CHECK(first.model == "credit-risk");
}
