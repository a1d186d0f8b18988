#include "people_fixtures.h"

#include "promotion/pins.h"
#include "promotion/targets.h"

#include <algorithm>

namespace stagekeeper::promotion::people {

std::string sha(char digit) {
  return "sha256:" + std::string(64, digit);
}

TimePoint at(std::chrono::seconds since_start) {
  return TimePoint(std::chrono::sys_days(std::chrono::year(2026) / 3 / 2)) + since_start;
}

VersionRef version_ref(const std::string& version) {
  return {.version = version,
          .digest = sha(version.back()),
          .artifact_uri = "s3://models/credit-risk/" + version + "/model.json",
          .stage = "Production"};
}

Identity person(const std::string& name) {
  Identity out{.username = name, .uid = "u-" + name, .groups = {"everyone"}};
  if (name == "mia" || name == "bo") out.groups.emplace_back("mrm");
  if (name == "rex" || name == "bo") out.groups.emplace_back("retail-credit");
  return out;
}

PromotionRequest request() {
  PromotionRequest out;
  out.meta = {
      .ns = "credit", .name = "2-prod", .uid = kUid, .resource_version = "5", .generation = 1};
  out.model = "credit-risk";
  out.version = "2";
  out.stage = "Production";
  out.requester = person("priya");
  return out;
}

GateSpec gate_spec(const std::string& name, const std::string& kind) {
  GateSpec out;
  out.name = name;
  out.kind = kind;
  out.gate_class = "class-" + kind;
  if (kind == "Accuracy") out.parameters = R"({"minAbsolute":"0.82","minImprovement":"0.005"})";
  if (kind == "Latency") out.parameters = R"({"p95Budget":"50ms","samples":200,"warmup":10})";
  if (kind == "Fairness") {
    out.parameters =
        R"({"maxDisparity":"0.05","minPositivesPerGroup":30,"minNegativesPerGroup":30})";
  }
  return out;
}

ReviewSpec review() {
  return {.approvers = {{.role = "model-risk", .groups = {"mrm"}},
                        {.role = "business", .groups = {"retail-credit"}}}};
}

Subject subject() {
  Subject out;
  out.request = request();
  ModelVersion version;
  version.model = "credit-risk";
  version.version = "2";
  version.artifact_uri = version_ref("2").artifact_uri;
  version.artifact_digest = sha('2');
  version.source.trained_by = "theo";
  version.registered_by = person("nadia");
  version.training_dataset_digest = sha('7');
  version.inputs = {{.name = "balance", .type = "double"}};
  out.version = version;
  PromotionPolicy policy;
  policy.model = "credit-risk";
  policy.evaluation.dataset =
      Dataset{.uri = "s3://models/evaluation.csv", .version = "2026-11", .digest = sha('d')};
  policy.evaluation.binary = BinaryClassification{
      .label_column = "label", .positive_label = "1", .group_columns = {"demographic_group"}};
  StageSpec stage;
  stage.name = "Production";
  stage.gates = {gate_spec("accuracy", "Accuracy"), gate_spec("latency", "Latency"),
                 gate_spec("fairness", "Fairness")};
  stage.review = review();
  stage.targets = {"credit-risk-eu"};
  policy.stages = {stage};
  out.policy = policy;
  for (const char* kind : {"Accuracy", "Latency", "Fairness", "Smoke"}) {
    GateClass each;
    each.meta.name = std::string("class-") + kind;
    each.kind = kind;
    each.image = "example.com/gate@" + sha('4');
    each.fetch_image = "example.com/fetch@" + sha('5');
    out.gate_classes[each.meta.name] = each;
  }
  return out;
}

ServingTarget target() {
  ServingTarget out;
  out.meta = {.ns = "credit", .name = "credit-risk-eu", .uid = "uid-target", .generation = 1};
  out.model = "credit-risk";
  out.workload = {.kind = "Deployment", .name = "credit-risk-eu"};
  out.pin = {{.container = "server", .name = "MODEL_VERSION", .value = "${version}"},
             {.container = "load", .name = "MODEL_URI", .value = "${artifactUri}"},
             {.container = "load", .name = "MODEL_DIGEST", .value = "${digest}"}};
  out.inference.service = "credit-risk-eu";
  out.inference.service_port = 80;
  out.inference.container_port = 8080;
  out.inference.scheme = "HTTP";
  out.inference.protocol = "MLflow";
  out.inference.scoring_path = "/invocations";
  out.inference.health_path = "/ping";
  out.inference.version_proof = {.type = "Header", .header = "X-Model-Version"};
  return out;
}

Deployment deployment(const std::string& version, std::uint64_t sequence) {
  Deployment out;
  out.meta = {.ns = "credit",
              .name = "credit-risk-eu",
              .uid = "uid-deployment",
              .resource_version = "7",
              .generation = 3};
  out.meta.labels[kTargetLabel] = "credit-risk-eu";
  if (sequence > 0) out.meta.annotations[kSequenceAnnotation] = std::to_string(sequence);
  out.containers = {{.name = "load", .init = true, .image = "load:1"},
                    {.name = "server", .image = "server:1"}};
  out.available_replicas = 1;
  if (version.empty()) return out;
  for (const RenderedPin& pin : render_pins(target(), version_ref(version))) {
    auto found = std::ranges::find(out.containers, pin.container, &ContainerSpec::name);
    found->env.push_back({.name = pin.name, .value = pin.value});
  }
  return out;
}

History serves(const std::string& version) {
  const auto log = HistoryLog::create();
  RecordFact intent;
  intent.kind = RecordKind::kIntent;
  intent.sequence = 1;
  intent.to = version_ref(version);
  log->append(intent);
  RecordFact applied = intent;
  applied.kind = RecordKind::kApplied;
  applied.sequence = 2;
  applied.of = 1;
  log->append(applied);
  return log->snapshot();
}

TargetState target_state() {
  TargetState out;
  out.ledger = serves("1");
  out.name = "credit-risk-eu";
  out.target = target();
  out.deployment = deployment("1", 2);
  out.template_digest = sha('e');
  out.claimed_by = out.name;
  return out;
}

std::string primary_json() {
  return R"({
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
               "initContainers": [{"name": "load", "image": "load:1"}],
               "containers": [
                 {"name": "proxy", "image": "proxy:1",
                  "env": [{"name": "MODEL_VERSION", "value": "mine"}]},
                 {"name": "server", "image": "server:1",
                  "resources": {"limits": {"memory": "256Mi"}},
                  "env": [{"name": "PORT", "value": "8080"},
                          {"name": "MODEL_VERSION", "value": "1"},
                          {"name": "MODEL_VERSION", "value": "0"}]}]}}}})";
}

CloneState clone(CloneRole role) {
  const std::string suffix(name(role));
  return {.role = role,
          .name = "credit-risk-eu-" + suffix,
          .uid = "uid-" + suffix,
          .request_uid = kUid,
          .owner_uid = kUid,
          .version = role == CloneRole::kCandidate ? "2" : "1",
          .request = "credit/2-prod",
          .evaluation = sha('a'),
          .template_digest = sha('e'),
          .created = at(std::chrono::hours(1)),
          .pod = ClonePod{.name = "pod-" + suffix,
                          .uid = "uid-pod-" + suffix,
                          .ip = role == CloneRole::kCandidate ? "10.0.0.7" : "fd00::8",
                          .ready = true,
                          .as_made = true,
                          .created = at(std::chrono::hours(1)),
                          .identity = "uid-pod-" + suffix + " server=img/0"}};
}

EvaluationStory::EvaluationStory() {
  about.request.meta.finalizers = {kFinalizer};
  facts.on = target_state();
  facts.clones = {people::clone(CloneRole::kCandidate), people::clone(CloneRole::kBaseline)};
  for (const GateSpec& spec : about.policy->stages[0].gates)
    facts.gates.push_back({.spec = spec});
  owned.clones = {{"credit-risk-eu-candidate", "uid-candidate"},
                  {"credit-risk-eu-baseline", "uid-baseline"}};
}

EvaluationCase EvaluationStory::at_hand() const {
  return {.now = now,
          .subject = about,
          .stage = about.policy->stages[0],
          .facts = facts,
          .owned = owned,
          .candidate = version_ref("2"),
          .champion = champion,
          .digest = sha('a')};
}

CloneState& EvaluationStory::clone(CloneRole role) {
  return *std::ranges::find(facts.clones, role, &CloneState::role);
}

void EvaluationStory::drop(CloneRole role) {
  std::erase_if(facts.clones, [&](const CloneState& each) { return each.role == role; });
}

GateState& EvaluationStory::gate(const std::string& name) {
  return *std::ranges::find_if(facts.gates,
                               [&](const GateState& each) { return each.spec.name == name; });
}

Approval approval(const std::string& who, const std::string& digest) {
  Approval out;
  out.meta = {.ns = "credit",
              .name = "approval-" + who,
              .uid = "uid-approval-" + who,
              .created = at(std::chrono::hours(3))};
  out.request_name = "2-prod";
  out.request_uid = kUid;
  out.model = "credit-risk";
  out.stage = "Production";
  out.approve = true;
  out.decision_digest = digest;
  out.approver = person(who);
  return out;
}

}  // namespace stagekeeper::promotion::people
