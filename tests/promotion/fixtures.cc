#include "fixtures.h"

#include "base/crypto.h"
#include "promotion/digests.h"
#include "promotion/evaluation/questions.h"
#include "promotion/pins.h"
#include "promotion/queries.h"
#include "promotion/records/records.h"
#include "promotion/targets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::fixtures {
namespace {

constexpr const char* kUid = "uid-request";

std::string digest_of(const std::string& text) {
  return sha256_digest(text).str();
}

ServingTarget serving_target(const std::string& name) {
  ServingTarget out;
  out.meta = {.ns = "credit", .name = name, .uid = "uid-" + name};
  out.model = "credit-risk";
  out.workload = {.kind = "Deployment", .name = "server-" + name};
  out.pin = {{.container = "server", .name = "MODEL_VERSION", .value = "${version}"},
             {.container = "server", .name = "MODEL_URI", .value = "${artifactUri}"}};
  out.inference = {.service = "server-" + name,
                   .service_port = 80,
                   .container_port = 8080,
                   .scheme = "HTTP",
                   .protocol = "MLflow",
                   .scoring_path = "/invocations",
                   .health_path = "/ping",
                   .version_proof = {.type = "Header", .header = "X-Model-Version"}};
  return out;
}

Deployment serving_deployment(const std::string& target) {
  Deployment out;
  out.meta = {.ns = "credit",
              .name = "server-" + target,
              .uid = "uid-server-" + target,
              .resource_version = "1",
              .generation = 1};
  out.containers = {{.name = "server", .image = "registry.local/server@" + digest_of("image")}};
  out.observed_generation = 1;
  out.replicas = out.status_replicas = out.updated_replicas = out.available_replicas = 2;
  return out;
}

void set_env(Deployment& deployment, const std::vector<RenderedPin>& old,
             const std::vector<RenderedPin>& pins) {
  std::vector<EnvVar>& env = deployment.containers.front().env;
  for (const auto* list : {&old, &pins}) {
    for (const RenderedPin& pin : *list)
      std::erase_if(env, [&](const EnvVar& entry) { return entry.name == pin.name; });
  }
  for (const RenderedPin& pin : pins)
    env.push_back({.name = pin.name, .value = pin.value});
}

void bump(Deployment& deployment) {
  deployment.meta.resource_version =
      std::to_string(std::stoi(deployment.meta.resource_version) + 1);
}

}  // namespace

TimePoint at(std::chrono::seconds since_start) {
  return TimePoint(std::chrono::sys_days(std::chrono::year(2026) / 3 / 2)) + since_start;
}

VersionRef version_ref(const std::string& version, const std::string& stage) {
  if (version.empty()) return {};
  return {.version = version,
          .digest = digest_of("bytes of " + version),
          .artifact_uri = "s3://models/credit-risk/" + version + "/model.json",
          .stage = stage};
}

ModelVersion model_version(const std::string& version) {
  ModelVersion out;
  out.meta = {.ns = "credit", .name = "credit-risk-" + version, .uid = "uid-version-" + version};
  out.model = "credit-risk";
  out.version = version;
  out.artifact_uri = version_ref(version).artifact_uri;
  out.artifact_digest = version_ref(version).digest;
  out.source = {.registry = "mlflow",
                .registered_model = "credit-risk",
                .version = "47",
                .run_id = "run-9",
                .trained_by = "theo"};
  out.training_dataset_version = "2026-01";
  out.feature_pipeline_version = "features-3";
  out.registered_by = {.username = "theo"};
  out.inputs = {{.name = "balance", .type = "double"}};
  out.claims = {{"auc_roc", "0.87"}};
  return out;
}

PromotionPolicy policy() {
  PromotionPolicy out;
  out.meta = {.ns = "credit", .name = "credit-risk", .uid = "uid-policy"};
  out.model = "credit-risk";
  out.evaluation.dataset = Dataset{.uri = "s3://models/credit-risk/evaluation.csv",
                                   .version = "2026-11",
                                   .digest = digest_of("rows")};
  out.evaluation.binary = BinaryClassification{.label_column = "label", .positive_label = "1"};
  const GateSpec gate{.name = "accuracy",
                      .kind = "Accuracy",
                      .gate_class = "stagekeeper-accuracy",
                      .parameters = R"({"minAbsolute":"0.82"})"};
  out.stages = {{.name = "Staging", .from = {"None"}, .gates = {gate}},
                {.name = "Production",
                 .from = {"Staging"},
                 .gates = {gate},
                 .review = ReviewSpec{.approvers = {{.role = "model-risk", .groups = {"mrm"}}}},
                 .targets = {"eu", "us"}}};
  return out;
}

GateState passed_gate(const std::string& name) {
  GateState out;
  out.spec = policy().stages.front().gates.front();
  out.spec.name = name;
  out.attempt = 1;
  out.verdict = Verdict::kPassed;
  out.judgement = {.verdict = Verdict::kPassed,
                   .reason = "Passed",
                   .message = "AUC-ROC 0.861 passes",
                   .observed = "0.861",
                   .threshold = "0.82",
                   .champion = "0.855",
                   .samples = "5000",
                   .interval = "[-0.001, 0.013]"};
  out.job_name = "g-1";
  out.job_uid = "uid-job";
  out.pod_uid = "uid-pod";
  out.nonce = std::string(32, 'a');
  out.image = "registry.local/gate@" + digest_of("gate");
  out.served_by = "uid-clone-pod";
  out.proof = "Pods";
  out.pods = {{"candidate", "uid-clone-pod server=img/0"}};
  out.carries = {{"golden", "0=0.25"}};
  return out;
}

Approval approval(const PromotionRequest& request, bool approve, const std::string& digest) {
  Approval out;
  const std::string who = approve ? "mia" : "rex";
  out.meta = {.ns = "credit",
              .name = who + "-1",
              .uid = "uid-" + who,
              .created = at(std::chrono::hours(3))};
  out.request_name = request.meta.name;
  out.request_uid = request.meta.uid;
  out.model = request.model;
  out.stage = request.stage;
  out.approve = approve;
  out.decision_digest = digest;
  out.approver = {.username = who, .groups = {"mrm", "system:authenticated"}};
  out.comment = approve ? "fine" : "not fine";
  return out;
}

Bench::Bench(RequestAction action, const std::string& version, const std::string& stage) {
  world.now = at(std::chrono::hours(3));
  world.cluster_uid = "uid-cluster";
  world.store.trusted = true;
  Subject& subject = world.subject;
  subject.request.meta = {.ns = "credit",
                          .name = "the-request",
                          .uid = kUid,
                          .resource_version = "1",
                          .generation = 1,
                          .created = at(std::chrono::hours(2))};
  subject.request.model = "credit-risk";
  subject.request.version = version;
  subject.request.stage = stage;
  subject.request.action = action;
  subject.request.reason = "quarterly release";
  subject.request.requester = {.username = "priya", .uid = "uid-priya"};
  if (!version.empty()) subject.version = model_version(version);
  subject.version_digest = digest_of("spec of version");
  subject.policy = policy();
  subject.policy_digest = digest_of("spec of policy");
  for (const char* each : {"stagekeeper-accuracy", kSmokeClass}) {
    GateClass gate_class;
    gate_class.meta.name = each;
    gate_class.kind = each == std::string(kSmokeClass) ? "Smoke" : "Accuracy";
    subject.gate_classes[each] = gate_class;
  }
  logs_[""] = HistoryLog::create();
  for (const char* name : {"eu", "us"}) {
    logs_[name] = HistoryLog::create();
    RolloutFacts target;
    target.state.name = name;
    target.state.target = serving_target(name);
    target.state.spec_digest = digest_of(std::string("spec of ") + name);
    target.state.deployment = serving_deployment(name);
    target.state.template_digest = digest_of(std::string("template of ") + name);
    target.state.claimed_by = name;
    world.targets.push_back(std::move(target));
  }
  refresh();
}

RecordFact Bench::append(const LedgerName& ledger, RecordContent content) {
  HistoryLog& log = *logs_.at(ledger.kind == LedgerKind::kModel ? "" : ledger.name);
  content.effect = effect_of(content);
  RecordFact fact;
  static_cast<RecordContent&>(fact) = content;
  fact.sequence = log.snapshot().head_sequence() + 1;
  fact.digest = digest_of(
      fmt::format("{}/{}/{}/{}", name(ledger.kind), ledger.name, fact.sequence, content.body));
  ++records_;
  fact.time = std::max(world.now, at(std::chrono::hours(1)) + std::chrono::seconds(records_));
  bodies_[fact.digest] = content.body;
  fact.body = "{}";
  log.append(fact);
  refresh();
  return fact;
}

void Bench::move(const std::string& version, const std::string& to) {
  const TimePoint now = world.now;
  world.now = std::min(now, at(std::chrono::hours(1)) + std::chrono::seconds(records_));
  move_now(version, to);
  world.now = now;
}

void Bench::move_now(const std::string& version, const std::string& to) {
  const VersionRef ref = version_ref(version, to);
  append({.kind = LedgerKind::kModel, .name = "credit-risk"},
         {.kind = RecordKind::kConcluded,
          .model = "credit-risk",
          .request = {.name = "earlier", .uid = fmt::format("uid-earlier-{}", records_)},
          .to = ref,
          .code = EndCode::kStaged,
          .moves = {{.version = ref, .from = stage_of(world.model_ledger, ref)}}});
}

void Bench::serve(const std::string& target, const std::string& version, RequestAction action) {
  const TimePoint now = world.now;
  world.now = std::min(now, at(std::chrono::hours(1)) + std::chrono::seconds(records_));
  const LedgerName ledger{.kind = LedgerKind::kTarget, .name = target};
  RecordContent content{
      .kind = RecordKind::kIntent,
      .model = "credit-risk",
      .request = {.name = "earlier", .uid = fmt::format("uid-earlier-{}", records_)},
      .action = std::string(name(action)),
      .from = serving_version(this->ledger(target)),
      .to = version_ref(version),
      .decided = digest_of("decided")};
  const RecordFact intent = append(ledger, content);
  content.kind = RecordKind::kApplied;
  content.of = intent.sequence;
  append(ledger, content);
  const auto pins = render_pins(*facts(target).state.target, content.to);
  set_env(deployment(target), held_[target], pins);
  held_[target] = pins;
  deployment(target).meta.annotations[kSequenceAnnotation] = std::to_string(intent.sequence);
  deployment(target).meta.annotations[kRecordAnnotation] = intent.digest;
  world.now = now;
  if (stage_of(world.model_ledger, content.to) != "Production") move(version, "Production");
}

void Bench::pass_gates() {
  const auto gates = std::vector{passed_gate("accuracy")};
  append({.kind = LedgerKind::kModel, .name = "credit-risk"},
         {.kind = RecordKind::kGateResult,
          .model = "credit-risk",
          .request = world.subject.ref(),
          .decision_digest = evaluation_digest(world.subject, world.evaluation.on),
          .to = requested(world.subject),
          .body = gate_result_body({.subject = world.subject, .model_ledger = world.model_ledger},
                                   gates)});
}

void Bench::approve() {
  const Decision shown = decide_now();
  REQUIRE(shown.review);
  world.approvals.push_back(
      {.approval = approval(world.subject.request, true, shown.review->decision_digest)});
}

void Bench::reject(const std::string& who) {
  Approval no = approval(world.subject.request, false, "");
  no.meta.name = no.meta.uid = "reject-" + who;
  no.approver.username = who;
  world.approvals.push_back({.approval = no});
}

Decision Bench::decide_now() {
  asked.clear();
  world.rights = {};
  world.admission.reset();
  for (int i = 0; i < 8; ++i) {
    Decision decision = decide(world);
    if (decision.questions.empty()) return decision;
    for (const Question& question : decision.questions) {
      if (const auto* right = std::get_if<RightsQuestion>(&question)) {
        asked.push_back(*right);
        world.rights.answers.emplace_back(*right, !without_right.contains(right->who.username));
      } else if (const auto* tried = std::get_if<AdmissionQuestion>(&question)) {
        world.admission = admission;
        world.admission->pins = tried->pins;
      } else {
        const auto& pin = std::get<PinQuestion>(question);
        facts(pin.target).trial =
            PinTrial{.version = pin.version,
                     .resource_version = deployment(pin.target).meta.resource_version,
                     .conflict = conflicts[pin.target]};
      }
    }
  }
  FAIL("decide() asks again and again");
  return {};
}

Decision Bench::round(std::size_t actions) {
  Decision decision = decide_now();
  decisions.push_back(decision);
  for (std::size_t i = 0; i < std::min(actions, decision.actions.size()); ++i)
    perform(decision.actions[i]);
  world.now += std::chrono::seconds(1);
  work();
  return decision;
}

Decision Bench::run(int most) {
  Decision decision = round();
  for (int i = 0; i < most && !(decision.actions.empty() && decide_now().actions.empty()); ++i)
    decision = round();
  return decide_now();
}

void Bench::perform(const Action& action) {
  if (const auto* record = std::get_if<AppendRecord>(&action)) {
    append(record->ledger, record->content);
  } else if (const auto* pin = std::get_if<PatchPin>(&action)) {
    auto& state = facts(pin->target).state;
    if (!state.deployment || state.deployment->meta.uid != pin->deployment_uid ||
        state.deployment->meta.resource_version != pin->resource_version)
      return;
    Deployment& deployment = *state.deployment;
    set_env(deployment, held_[pin->target], pin->pins);
    held_[pin->target] = pin->pins;
    deployment.meta.annotations[kSequenceAnnotation] = std::to_string(pin->sequence);
    deployment.meta.annotations[kRecordAnnotation] = pin->record_digest;
    deployment.meta.annotations[kPinnedAtAnnotation] = format_time(pin->at);
    ++deployment.meta.generation;
    deployment.updated_replicas = 0;
    bump(deployment);
  } else if (const auto* fence = std::get_if<RaiseFence>(&action)) {
    Deployment& deployment = this->deployment(fence->target);
    if (deployment.meta.resource_version != fence->resource_version) return;
    deployment.meta.annotations[kSequenceAnnotation] = std::to_string(fence->sequence);
    deployment.meta.annotations[kRecordAnnotation] = fence->record_digest;
    bump(deployment);
  } else if (const auto* finalizer = std::get_if<SetFinalizer>(&action)) {
    auto& list = world.subject.request.meta.finalizers;
    list.clear();
    if (finalizer->present) list.emplace_back(kFinalizer);
  } else if (const auto* job = std::get_if<CreateGateJob>(&action)) {
    for (RolloutFacts& each : world.targets) {
      if (smoke_spec(each.state.name, "").name != job->gate.name) continue;
      each.smoke = GateState{.spec = job->gate,
                             .attempt = job->attempt,
                             .tries = job->attempt,
                             .verdict = Verdict::kRunning,
                             .job_name = "smoke"};
      world.owned.jobs.push_back({.name = "smoke-" + each.state.name, .uid = "uid-smoke"});
    }
  } else if (const auto* owned = std::get_if<DeleteOwned>(&action)) {
    for (auto* list : {&world.owned.jobs, &world.owned.clones})
      std::erase_if(*list, [&](const OwnedObject& each) { return each.name == owned->name; });
  }
}

/// What others do meanwhile: Deployment controllers and gate Jobs.
void Bench::work() {
  if (!rolls) return;
  for (RolloutFacts& each : world.targets) {
    if (each.state.deployment && !each.state.deployment->paused) roll(each.state.name);
    if (!each.smoke || each.smoke->verdict != Verdict::kRunning) continue;
    const auto ends = smoke.find(each.state.name);
    each.smoke->verdict = ends == smoke.end() ? Verdict::kPassed : ends->second;
    each.smoke->ended = world.now;
    each.smoke->judgement.reason = smoke_reason;
    each.smoke->judgement.message = "the smoke test has ended";
  }
}

RolloutFacts& Bench::facts(const std::string& target) {
  const auto found =
      std::ranges::find(world.targets, target, [](const auto& each) { return each.state.name; });
  REQUIRE(found != world.targets.end());
  return *found;
}

void Bench::roll(const std::string& target) {
  Deployment& each = deployment(target);
  each.observed_generation = each.meta.generation;
  each.status_replicas = each.updated_replicas = each.available_replicas = each.replicas;
  each.progress_deadline_exceeded = false;
}

void Bench::give_up(const std::string& target, TimePoint updated) {
  Deployment& each = deployment(target);
  each.observed_generation = each.meta.generation;
  each.updated_replicas = 0;
  each.progress_deadline_exceeded = true;
  each.progress_updated = updated;
  each.progress_message = "ReplicaSet has timed out progressing";
}

std::string Bench::pinned(const std::string& target) {
  const auto& env = deployment(target).containers.front().env;
  const auto found = std::ranges::find(env, "MODEL_VERSION", &EnvVar::name);
  return found == env.end() ? "" : found->value;
}

void Bench::refresh() {
  world.subject.request_digest = request_digest(world.subject.request);
  world.model_ledger = logs_[""]->snapshot();
  for (RolloutFacts& each : world.targets)
    each.state.ledger = logs_[each.state.name]->snapshot();
  world.evaluation.on =
      world.targets.empty() ? std::nullopt : std::optional(world.targets.front().state);
  world.conclusion.reset();
  world.decided.reset();
  world.evaluation.results.reset();
  if (const RecordFact* record = world.model_ledger.conclusion(world.subject.ref()))
    world.conclusion = conclusion_of(*record, bodies_.at(record->digest)).value();
  const std::string& uid = world.subject.request.meta.uid;
  if (const RecordFact* record = world.model_ledger.last_of(RecordKind::kDecided, uid))
    world.decided = decided_facts_of(*record, bodies_.at(record->digest)).value();
  const std::string digest = evaluation_digest(world.subject, world.evaluation.on);
  if (const RecordFact* record = results_record(world.model_ledger, uid, digest))
    world.evaluation.results = gate_results_of(*record, bodies_.at(record->digest)).value();
}

OrphanFacts Bench::orphan(const std::string& target) {
  const RecordFact* open = ledger(target).open_intent();
  REQUIRE(open != nullptr);
  return {.now = world.now,
          .store = world.store,
          .state = facts(target).state,
          .intent = *open,
          .decided = world.decided};
}

const RecordContent* appends(const Decision& decision, RecordKind kind) {
  for (const Action& action : decision.actions) {
    const auto* record = std::get_if<AppendRecord>(&action);
    if (record != nullptr && record->content.kind == kind) return &record->content;
  }
  return nullptr;
}

bool acts(const Decision& decision) {
  return std::ranges::any_of(decision.actions, [](const Action& action) {
    const auto* finalizer = std::get_if<SetFinalizer>(&action);
    const bool releases = finalizer != nullptr && !finalizer->present;
    return !releases && !std::holds_alternative<DeleteOwned>(action);
  });
}

}  // namespace stagekeeper::promotion::fixtures
