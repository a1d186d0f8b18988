#include "fixtures.h"

#include "promotion/digests.h"
#include "promotion/pins.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::fixtures {
namespace {

constexpr std::chrono::hours kGateResultAt{2};

void pin(Deployment& deployment, const std::string& version, std::uint64_t sequence) {
  deployment.containers = {
      {.container = "server", .env = render_pins(serving_target(), version_ref(version))}};
  if (sequence > 0) deployment.meta.annotations[kSequenceAnnotation] = std::to_string(sequence);
}

RecordFact fact(std::string kind, std::string request_uid, const std::string& from,
                const std::string& to) {
  return {.kind = std::move(kind),
          .request_uid = std::move(request_uid),
          .action = "Promote",
          .from = from.empty() ? VersionRef{} : version_ref(from),
          .to = version_ref(to),
          .time = at(std::chrono::hours(1))};
}

}  // namespace

std::string digest_of(char digit) {
  return "sha256:" + std::string(64, digit);
}

TimePoint at(std::chrono::seconds since_start) {
  return TimePoint(std::chrono::sys_days(std::chrono::year(2026) / 3 / 2)) + since_start;
}

GateSpec gate_spec(const std::string& name, GateType type) {
  GateSpec spec;
  spec.name = name;
  spec.type = type;
  spec.gate_class = "class-" + std::string(stagekeeper::name(type));
  return spec;
}

GateClass gate_class(GateType type) {
  GateClass out;
  out.meta.name = "class-" + std::string(name(type));
  out.type = type;
  out.image = "example.com/gate@" + digest_of('4');
  out.fetch_image = out.image;
  out.credentials_secret = "gate-s3";
  out.service_account = "stagekeeper-gate";
  return out;
}

VersionRef version_ref(const std::string& version, const std::string& stage) {
  if (version.empty()) return {};
  return {.version = version,
          .digest = digest_of(version.back()),
          .artifact_uri = "s3://models/credit-risk/" + version + "/model.json",
          .stage = stage};
}

ModelVersion model_version(const std::string& version) {
  const VersionRef ref = version_ref(version);
  ModelVersion out;
  out.meta = {.ns = "credit", .name = "credit-risk-" + version, .uid = "uid-mv-" + version};
  out.model = "credit-risk";
  out.version = version;
  out.artifact_uri = ref.artifact_uri;
  out.artifact_digest = ref.digest;
  out.trained_by = "theo";
  out.inputs = {{.name = "balance", .type = "double"}};
  out.claims = {{"auc_roc", "0.87"}};
  return out;
}

PromotionPolicy policy() {
  PromotionPolicy out;
  out.meta = {.ns = "credit", .name = "credit-risk", .uid = "uid-policy"};
  out.model = "credit-risk";
  out.high_risk = true;
  out.evaluation.dataset_uri = "s3://models/credit-risk/evaluation.csv";
  out.evaluation.dataset_version = "2026-11";
  out.evaluation.dataset_digest = digest_of('d');
  const std::vector<GateSpec> gates = {gate_spec("accuracy", GateType::kAccuracy),
                                       gate_spec("latency", GateType::kLatency),
                                       gate_spec("fairness", GateType::kFairness)};
  StageSpec staging;
  staging.name = "Staging";
  staging.from = {"None"};
  staging.gates = gates;
  StageSpec production;
  production.name = "Production";
  production.from = {"Staging"};
  production.gates = gates;
  production.review = ReviewSpec{.approvers = {{.role = "model-risk", .groups = {"mrm"}},
                                               {.role = "business", .groups = {"retail-credit"}}}};
  production.targets = {"credit-risk-eu"};
  out.stages = {staging, production};
  return out;
}

ServingTarget serving_target() {
  ServingTarget out;
  out.meta = {.ns = "credit", .name = "credit-risk-eu", .uid = "uid-target"};
  out.model = "credit-risk";
  out.segment = "eu";
  out.deployment = "credit-risk-eu";
  out.container = "server";
  out.pin = {{.name = "MODEL_VERSION", .value = "${version}"},
             {.name = "MODEL_URI", .value = "${artifactUri}"},
             {.name = "MODEL_DIGEST", .value = "${digest}"}};
  out.inference.service = "credit-risk-eu";
  out.inference.port = 8080;
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
  out.observed_generation = 3;
  out.status_replicas = out.updated_replicas = out.available_replicas = 1;
  pin(out, version, sequence);
  return out;
}

PromotionRequest request(const std::string& version, const std::string& stage,
                         RequestAction action) {
  PromotionRequest out;
  out.meta = {.ns = "credit",
              .name = version + (stage == "Production" ? "-prod" : "-" + stage),
              .uid = "uid-" + version + (stage == "Production" ? "-prod" : "-" + stage),
              .generation = 1,
              .created = at(std::chrono::hours(1))};
  out.model = "credit-risk";
  out.version = version;
  out.stage = stage;
  out.action = action;
  out.reason = "retrained on October data";
  out.requester = person("priya");
  return out;
}

Identity person(const std::string& name) {
  Identity out{.username = name, .uid = "u-" + name, .groups = {"everyone"}};
  if (name == "mia" || name == "bo") out.groups.emplace_back("mrm");
  if (name == "rex" || name == "bo") out.groups.emplace_back("retail-credit");
  return out;
}

ApprovalState approval(const PromotionRequest& request, const std::string& who,
                       const std::string& digest) {
  ApprovalState out;
  Approval& it = out.approval;
  it.meta = {.ns = request.meta.ns,
             .name = "approval-" + who,
             .uid = "uid-approval-" + who,
             .created = at(kGateResultAt + std::chrono::minutes(10))};
  it.request_name = request.meta.name;
  it.request_uid = request.meta.uid;
  it.model = request.model;
  it.stage = request.stage;
  it.approve = true;
  it.decision_digest = digest;
  it.approver = person(who);
  out.authorised = true;
  return out;
}

GateState passed(const GateSpec& spec) {
  GateState out;
  out.spec = spec;
  out.attempt = 1;
  out.verdict = Verdict::kPassed;
  out.reason = "Passed";
  out.observed = "0.8903";
  out.threshold = "0.82";
  out.champion = "0.8601";
  out.samples = "5000";
  out.job_uid = "uid-job-" + spec.name;
  out.pod_uid = "uid-pod-" + spec.name;
  out.nonce = "00112233445566778899aabbccddeeff";
  if (spec.type == GateType::kAccuracy) {
    out.golden_row = "0";
    out.golden_score = "0.0123";
  }
  return out;
}

CloneState clone(const std::string& role, const std::string& request_uid,
                 const std::string& evaluation) {
  return {.role = role,
          .request_uid = request_uid,
          .version = "2",
          .stray_service = "",
          .evaluation = evaluation};
}

RecordFact& append(LedgerView& ledger, RecordFact record) {
  record.sequence = ledger.head_sequence() + 1;
  record.digest = sha256_digest(record.kind + std::to_string(record.sequence)).str();
  ledger.records.push_back(std::move(record));
  return ledger.records.back();
}

void agree(World& world) {
  auto& records = world.model_ledger.records;
  std::erase_if(records, [](const RecordFact& record) { return record.kind == "GateResult"; });
  RecordFact result = fact("GateResult", world.request.meta.uid, "2", "2");
  result.decision_digest = evaluation_digest(world);
  result.time = at(kGateResultAt);
  world.results = GateResults{.record = append(world.model_ledger, result), .gates = world.gates};
  const std::string digest = decision_digest(world, *world.results);
  world.approvals = {approval(world.request, "mia", digest),
                     approval(world.request, "rex", digest)};
}

World ready_to_promote() {
  World world;
  world.now = at(kGateResultAt + std::chrono::minutes(30));
  world.cluster_uid = "uid-cluster";
  world.store = {.trusted = true, .reason = "Probed", .message = "the bucket holds its locks"};
  world.request = request("2", "Production");
  world.requester_authorised = true;
  world.version = model_version("2");
  world.version_digest = digest_of('b');
  world.policy = policy();
  world.policy_digest = digest_of('c');
  for (const GateType type :
       {GateType::kAccuracy, GateType::kLatency, GateType::kFairness, GateType::kSmoke}) {
    const GateClass each = gate_class(type);
    world.gate_classes[each.meta.name] = each;
  }
  for (const GateSpec& spec : world.policy->stages[1].gates)
    world.gates.push_back(passed(spec));
  world.smoke = GateState{};
  world.smoke->spec = gate_spec("smoke", GateType::kSmoke);
  append(world.model_ledger, fact("Genesis", "", "", ""));
  for (const char* version : {"1", "2"}) {
    RecordFact& staged = append(world.model_ledger, fact("Staged", "uid-old", version, version));
    staged.from.stage = "None";
    staged.to.stage = "Staging";
  }
  TargetState target;
  target.target = serving_target();
  target.deployment = deployment("1", 2);
  target.template_digest = digest_of('e');
  target.claimed_by = target.target.meta.name;
  append(target.ledger, fact("Genesis", "", "", ""));
  append(target.ledger, fact("Intent", "uid-1-prod", "", "1"));
  append(target.ledger, fact("Applied", "uid-1-prod", "", "1")).of = 2;
  world.target = target;
  world.evaluated_on = target;
  agree(world);
  return world;
}

World rolled_out() {
  World world = ready_to_promote();
  RecordFact intent = fact("Intent", kUid, "1", "2");
  intent.decision_digest = decision_digest(world, *world.results);
  intent.time = world.now;
  append(world.target->ledger, intent);
  world.now += std::chrono::minutes(1);
  world.target->deployment = deployment("2", 4);
  world.evaluated_on = world.target;
  world.request.meta.finalizers = {kFinalizer};
  world.smoke = passed(gate_spec("smoke", GateType::kSmoke));
  return world;
}

bool patches(const Decision& decision) {
  return holds<PatchPin>(decision);
}

const AppendRecord* appends(const Decision& decision, std::string_view kind) {
  for (const Action& action : decision.actions) {
    const auto* record = std::get_if<AppendRecord>(&action);
    if (record != nullptr && record->kind == kind) return record;
  }
  return nullptr;
}

}  // namespace stagekeeper::promotion::fixtures
