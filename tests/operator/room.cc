#include "tests/operator/room.h"

#include "base/text.h"
#include "gates/gate_input.h"
#include "gates/kinds/accuracy.h"
#include "gates/kinds/smoke.h"
#include "gates/report.h"
#include "promotion/admission/canaries.h"
#include "tests/audit/fixture.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::operator_test {
namespace {

using nlohmann::json;

std::string digest_of(const std::string& text) {
  return sha256_digest(text).str();
}

ObjectMeta meta(const std::string& name, const std::string& ns = kNs) {
  return {
      .ns = ns, .name = name, .uid = "uid-" + name, .generation = 1, .created = audit_test::kNow};
}

GateSpec accuracy() {
  return {.name = "accuracy",
          .kind = "Accuracy",
          .gate_class = "accuracy-class",
          .parameters = R"({"minAbsolute":"0.82"})"};
}

GateClass gate_class(const std::string& name, const std::string& kind) {
  return {.meta = meta(name, ""),
          .kind = kind,
          .image = "registry/gate@" + digest_of("gate"),
          .command = {"gate"},
          .fetch_image = "registry/fetch@" + digest_of("fetch"),
          .fetch_endpoint = "https://s3",
          .fetch_region = "us-east-1"};
}

ModelVersion version(const std::string& number) {
  ModelVersion out;
  out.meta = meta(std::string(kModel) + "-" + number);
  out.model = kModel;
  out.version = number;
  out.artifact_uri = "s3://models/credit-risk/" + number;
  out.artifact_digest = digest_of("artifact " + number);
  out.source.trained_by = "tom";
  out.training_dataset_version = "2026-10";
  out.training_dataset_digest = digest_of("training");
  out.feature_pipeline_version = "2.3.1";
  out.registered_by = {.username = "reggie"};
  out.inputs = {{.name = "balance", .type = "double"}};
  return out;
}

json deployment(const std::string& name) {
  json out = R"({"apiVersion":"apps/v1","kind":"Deployment",
    "metadata":{"namespace":"credit","generation":1,"creationTimestamp":"2026-03-03T09:00:00Z"},
    "spec":{"replicas":2,"progressDeadlineSeconds":600,
      "template":{"spec":{"containers":[{"name":"server","image":"registry/server@sha256:1"}]}}}})"_json;
  out["metadata"]["name"] = name;
  out["metadata"]["uid"] = "uid-" + name;
  out["spec"]["selector"]["matchLabels"]["app"] = name;
  out["spec"]["template"]["metadata"]["labels"]["app"] = name;
  return out;
}

json owner(const char* api_version, const char* kind, const json& object) {
  return json::array({{{"apiVersion", api_version},
                       {"kind", kind},
                       {"name", object["metadata"]["name"]},
                       {"uid", object["metadata"]["uid"]},
                       {"controller", true}}});
}

json image_states(const json& containers) {
  json out = json::array();
  for (const json& container : containers) {
    out.push_back({{"name", container["name"]},
                   {"imageID", container["image"]},
                   {"restartCount", 0},
                   {"state", {{"running", json::object()}}}});
  }
  return out;
}

std::string pin_in(const json& object) {
  for (const json& container : object["spec"]["template"]["spec"]["containers"]) {
    for (const json& env : container.value("env", json::array())) {
      if (env["name"] == "MODEL_VERSION") return env.value("value", "");
    }
  }
  return "";
}

bool is_clone(const json& deployment) {
  return deployment["spec"]["template"]["metadata"]
      .value("labels", json::object())
      .contains(kCloneLabel);
}

const json* input_env(const json& pod) {
  for (const json& env : pod["containers"][0]["env"]) {
    if (env["name"] == "STAGEKEEPER_GATE_INPUT") return &env["value"];
  }
  return nullptr;
}

/// What a gate measures so that the operator judges as wanted.
std::string metrics_of(const gates::GateInput& input, gates::Verdict verdict) {
  const bool good = verdict == gates::Verdict::kPassed;
  if (input.kind == "Smoke") {
    const auto job = gates::read_smoke_job(input.parameters);
    gates::SmokeMetrics metrics{.served_version = good ? input.candidate.version : "0",
                                .healthy = true};
    if (job) metrics.golden = job->golden;
    return gates::metrics_text(metrics);
  }
  gates::AccuracyMetrics metrics{
      .auc = Decimal::parse(good ? "0.9" : "0.5").value(), .rows = 5000, .positives = 300};
  for (const std::uint64_t row : gates::golden_rows_of(input.nonce, metrics.rows))
    metrics.golden.push_back({.row = row, .score = "0.25"});
  if (input.champion) {
    metrics.champion_auc = Decimal::parse("0.85").value();
    metrics.improvement_low = Decimal::parse("0.01").value();
    metrics.improvement_high = Decimal::parse("0.09").value();
  }
  return gates::metrics_text(metrics);
}

}  // namespace

Room::Room(Options options) : clock(audit_test::kNow), options_(options) {
  api.set_time(format_time(clock.now()));
  change_policies(clock.now() - std::chrono::hours(24));
  api.admit([this](const std::string& collection, const json& object) -> Status {
    return admit(collection, object);
  });
  put(gate_class("accuracy-class", "Accuracy"));
  put(gate_class("stagekeeper-smoke", "Smoke"));
  PromotionPolicy policy;
  policy.meta = meta(kModel);
  policy.model = kModel;
  policy.evaluation.dataset =
      Dataset{.uri = "s3://m/e.csv", .version = "2026-11", .digest = digest_of("evaluation")};
  policy.evaluation.binary = BinaryClassification{.label_column = "label", .positive_label = "1"};
  policy.evaluation.serving_target = kTarget;
  const ReviewSpec review{.approvers = {{.role = "model-risk", .groups = {"mrm"}}}};
  policy.stages = {
      {.name = "Staging", .from = {"None", "Archived"}, .gates = {accuracy()}},
      {.name = "Production", .from = {"Staging"}, .gates = {accuracy()}, .targets = {kTarget}}};
  policy.stages[1].review = review;
  if (options.review_in_staging) policy.stages[0].review = review;
  std::vector<std::string> targets = {kTarget};
  if (options.two_targets) targets.emplace_back(kOtherTarget);
  policy.stages[1].targets = targets;
  put(policy);
  for (const std::string& name : targets) {
    ServingTarget target;
    target.meta = meta(name);
    target.model = kModel;
    target.segment = name;
    target.workload = {.kind = "Deployment", .name = name};
    target.pin = {{.container = "server", .name = "MODEL_VERSION", .value = "${version}"},
                  {.container = "server", .name = "MODEL_DIGEST", .value = "${digest}"}};
    target.inference = {.service = name,
                        .service_port = 80,
                        .container_port = 8080,
                        .scheme = "HTTP",
                        .protocol = "MLflow",
                        .scoring_path = "/invocations",
                        .health_path = "/ping",
                        .version_proof = {.type = "Header", .header = "X-Model-Version"}};
    put(target);
    api.put(kube::type_of<Deployment>(), deployment(name));
    if (options.endpoints) {
      api.put(kube::type_of<Service>(), {{"metadata", {{"name", name}, {"namespace", kNs}}},
                                         {"spec", {{"selector", {{"app", name}}}}}});
    }
  }
  for (const char* number : {"1", "2", "3"})
    put(version(number));
  operator_ = replica();
}

void Room::change_policies(TimePoint when) {
  for (const auto& canary : promotion::admission::canaries()) {
    const json object = {
        {"metadata",
         {{"name", std::string(canary.policy)}, {"creationTimestamp", format_time(when)}}}};
    api.put(kube::type_of<ValidatingAdmissionPolicy>(), object);
    api.put(kube::type_of<ValidatingAdmissionPolicyBinding>(), object);
  }
}

Status Room::admit(const std::string& collection, const json& object) const {
  for (const auto& canary : promotion::admission::canaries()) {
    const json forged = json::parse(promotion::admission::manifest(canary, kNs));
    const bool same = object["spec"] == forged["spec"] && object["kind"] == forged["kind"];
    if (!same || open_policies.contains(std::string(canary.policy))) continue;
    return fail(ErrorCode::kDenied,
                fmt::format("create {0}: ValidatingAdmissionPolicy '{1}' with binding '{1}' denied "
                            "request: {2} (403)",
                            collection, canary.policy, canary.says));
  }
  return {};
}

std::unique_ptr<Replica> Room::replica() {
  return std::make_unique<Replica>(
      Replica::World{.api = api, .calls = api, .store = store, .clock = clock});
}

std::string Room::ask(const std::string& version, const std::string& stage, RequestAction action,
                      const std::string& name) {
  PromotionRequest request;
  const std::string called = name.empty() ? version + "-" + lower_ascii(stage) : name;
  request.meta = meta(called);
  request.meta.created = clock.now();
  request.model = kModel;
  request.version = version;
  request.stage = stage;
  request.action = action;
  request.reason = "better";
  request.requester = {.username = "priya", .uid = "u1", .groups = {"ds"}};
  put(request);
  return called;
}

std::string Room::answer(const std::string& request, const std::string& who, bool approve) {
  const json status = status_of(request);
  Approval approval;
  approval.meta = meta("answer-" + std::to_string(++answers_));
  approval.meta.created = clock.now();
  approval.request_name = request;
  approval.request_uid = (*get(kube::type_of<PromotionRequest>(), request))["metadata"]["uid"];
  approval.model = kModel;
  approval.stage = (*get(kube::type_of<PromotionRequest>(), request))["spec"]["stage"];
  approval.approve = approve;
  if (approve) {
    approval.decision_digest =
        status.value("/review/decisionDigest"_json_pointer, digest_of("nothing was asked"));
  }
  approval.approver = {.username = who, .uid = "uid-" + who, .groups = {"mrm"}};
  approval.comment = approve ? "" : "no";
  put(approval);
  return approval.meta.name;
}

std::string Room::promote(const std::string& version, const std::string& stage) {
  std::string request = ask(version, stage);
  settle();
  if (phase_of(request) != "AwaitingApproval") return request;
  answer(request, "mia");
  settle();
  return request;
}

void Room::remove_request(const std::string& request) {
  static_cast<void>(
      api.call(kube::delete_request(kube::type_of<PromotionRequest>(), {kNs, request}, {})));
}

/// A Deployment as its controller will have it, or nothing when it has it so already.
std::optional<json> Room::progressed(const json& object) const {
  json settled = object;
  const int replicas = object["spec"].value("replicas", 1);
  const bool ill = sick.contains(pin_in(object)) && !is_clone(object);
  const bool waits = slow.contains(pin_in(object)) && !is_clone(object);
  json& status = settled["status"];
  status["observedGeneration"] = object["metadata"].value("generation", 1);
  status["replicas"] = replicas;
  status["updatedReplicas"] = replicas;
  status["availableReplicas"] = ill || waits ? 0 : replicas;
  status["conditions"] =
      json::array({{{"type", "Progressing"},
                    {"status", ill ? "False" : "True"},
                    {"reason", ill ? "ProgressDeadlineExceeded" : "NewReplicaSetAvailable"},
                    {"message", ill ? "does not get ready" : ""},
                    {"lastUpdateTime", format_time(clock.now())}}});
  const json before = object.value("status", json());
  const bool moved = before.is_null() ||
                     before["observedGeneration"] != status["observedGeneration"] ||
                     before["availableReplicas"] != status["availableReplicas"];
  return moved ? std::optional(std::move(settled)) : std::nullopt;
}

/// Name of the ReplicaSet that a clone lacks; empty: it lacks none. As with real ones, the name is
/// never that of an earlier Deployment of the same name.
std::string Room::missing_set(const json& object) {
  const json labels = object["spec"]["template"]["metadata"].value("labels", json::object());
  if (!labels.contains(kCloneLabel)) return "";
  const std::string name = object["metadata"]["name"];
  std::string set = name + "-" + digest_of(object["metadata"]["uid"]).substr(7, 8);
  return get(kube::type_of<ReplicaSet>(), set) ? "" : set;
}

void Room::settle_deployment(const json& object) {
  if (const auto settled = progressed(object)) api.put(kube::type_of<Deployment>(), *settled);
  const bool served = options_.endpoints && !is_clone(object) && !sick.contains(pin_in(object));
  if (served) settle_endpoints(object);
  const std::string set = missing_set(object);
  if (set.empty()) return;
  const json& labels = object["spec"]["template"]["metadata"]["labels"];
  const json stored_set = api.put(kube::type_of<ReplicaSet>(),
                                  {{"metadata",
                                    {{"name", set},
                                     {"namespace", kNs},
                                     {"uid", "rs-" + object["metadata"]["uid"].get<std::string>()},
                                     {"labels", labels},
                                     {"ownerReferences", owner("apps/v1", "Deployment", object)}}},
                                   {"spec", {{"template", object["spec"]["template"]}}}});
  const json& containers = object["spec"]["template"]["spec"]["containers"];
  api.put(kube::type_of<Pod>(),
          {{"metadata",
            {{"name", set + "-pod"},
             {"namespace", kNs},
             {"uid", "pod-" + object["metadata"]["uid"].get<std::string>()},
             {"creationTimestamp", format_time(clock.now())},
             {"labels", labels},
             {"ownerReferences", owner("apps/v1", "ReplicaSet", stored_set)}}},
           {"spec", object["spec"]["template"]["spec"]},
           {"status",
            {{"phase", "Running"},
             {"podIP", "10.0.0.7"},
             {"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})},
             {"containerStatuses", image_states(containers)}}}});
}

/// One pod for the template that a serving Deployment has now, and its endpoint.
void Room::settle_endpoints(const json& object) {
  const std::string name = object["metadata"]["name"];
  const json& pod_template = object["spec"]["template"];
  const std::string hash = digest_of(pod_template.dump()).substr(7, 8);
  const std::string set = name + "-" + hash;
  if (get(kube::type_of<Pod>(), set + "-pod")) return;
  for (const json& other : api.all(kube::type_of<Pod>())) {
    const std::string pod = other["metadata"]["name"];
    if (pod.starts_with(name + "-") && other["metadata"].value("serves", "") == name)
      api.remove(kube::type_of<Pod>(), {kNs, pod});
  }
  json marked = pod_template;
  marked["metadata"]["labels"]["pod-template-hash"] = hash;
  const json stored = api.put(kube::type_of<ReplicaSet>(),
                              {{"metadata",
                                {{"name", set},
                                 {"namespace", kNs},
                                 {"uid", "rs-" + set},
                                 {"labels", marked["metadata"]["labels"]},
                                 {"ownerReferences", owner("apps/v1", "Deployment", object)}}},
                               {"spec", {{"template", marked}}}});
  api.put(kube::type_of<Pod>(),
          {{"metadata",
            {{"name", set + "-pod"},
             {"namespace", kNs},
             {"uid", "pod-" + set},
             {"serves", name},
             {"labels", marked["metadata"]["labels"]},
             {"ownerReferences", owner("apps/v1", "ReplicaSet", stored)}}},
           {"spec", pod_template["spec"]},
           {"status", {{"podIP", "10.1.0.1"}, {"podIPs", json::array({{{"ip", "10.1.0.1"}}})}}}});
  put_slice(name, name, set + "-pod", "10.1.0.1");
}

void Room::put_slice(const std::string& name, const std::string& service, const std::string& pod,
                     const std::string& ip) {
  const auto there = get(kube::type_of<Pod>(), pod);
  const std::string uid = there ? (*there)["metadata"]["uid"].get<std::string>() : "uid-of-nobody";
  api.put(kube::type_of<EndpointSlice>(),
          {{"metadata",
            {{"name", name},
             {"namespace", kNs},
             {"labels", {{"kubernetes.io/service-name", service}}}}},
           {"endpoints",
            json::array({{{"addresses", json::array({ip})},
                          {"conditions", {{"ready", true}}},
                          {"targetRef", {{"kind", "Pod"}, {"name", pod}, {"uid", uid}}}}})}});
}

void Room::settle_workloads() {
  for (const json& object : api.all(kube::type_of<Deployment>()))
    settle_deployment(object);
}

void Room::finish_job(const json& job, gates::Verdict verdict) {
  const json& pod_spec = job["spec"]["template"]["spec"];
  const auto input = gates::parse_gate_input(input_env(pod_spec)->get<std::string>());
  gates::Report report{.request_uid = input->request_uid,
                       .gate = input->gate,
                       .attempt = input->attempt,
                       .nonce = input->nonce,
                       .dataset = input->dataset ? input->dataset->digest : Digest(),
                       .artifact = input->artifact.digest,
                       .outcome = gates::ReportOutcome::kMeasured,
                       .metrics = metrics_of(*input, verdict)};
  const bool errored = verdict == gates::Verdict::kErrored;
  if (errored) {
    report.outcome = gates::ReportOutcome::kErrored;
    report.code = "ServerUnreachable";
    report.message = "no answer";
    report.metrics.clear();
  }
  const auto text = gates::report_text(report, *gates::find_kind(input->kind));
  const auto ended = [](int code, const std::string& message) {
    return json{{"terminated",
                 {{"exitCode", code},
                  {"reason", code == 0 ? "Completed" : "Error"},
                  {"message", message}}}};
  };
  json pod = {{"metadata",
               {{"name", job["metadata"]["name"].get<std::string>() + "-pod"},
                {"namespace", kGates},
                {"uid", "pod-" + job["metadata"]["uid"].get<std::string>()},
                {"labels", job["spec"]["template"]["metadata"]["labels"]},
                {"ownerReferences", owner("batch/v1", "Job", job)}}},
              {"spec", pod_spec},
              {"status", {{"phase", errored ? "Failed" : "Succeeded"}}}};
  pod["status"]["initContainerStatuses"] = image_states(pod_spec["initContainers"]);
  pod["status"]["initContainerStatuses"][0]["state"] = ended(0, "");
  pod["status"]["containerStatuses"] = image_states(pod_spec["containers"]);
  pod["status"]["containerStatuses"][0]["state"] = ended(errored ? 1 : 0, *text);
  api.put(kube::type_of<Pod>(), pod);
  json over = job;
  over["status"]["conditions"] = json::array({{{"type", errored ? "Failed" : "Complete"},
                                               {"status", "True"},
                                               {"reason", errored ? "BackoffLimitExceeded" : ""},
                                               {"lastTransitionTime", format_time(clock.now())}}});
  api.put(kube::type_of<Job>(), over);
}

void Room::finish_jobs(gates::Verdict verdict) {
  for (const json& job : api.all(kube::type_of<Job>())) {
    if (!job.contains("/status/conditions"_json_pointer)) finish_job(job, verdict);
  }
}

std::vector<std::pair<kube::ResourceType, kube::ObjectKey>> Room::garbage() const {
  const kube::ResourceType kinds[] = {kube::type_of<Deployment>(), kube::type_of<ReplicaSet>(),
                                      kube::type_of<Pod>()};
  std::set<std::string> alive;
  for (const auto& type :
       {kube::type_of<PromotionRequest>(), kube::type_of<Job>(), kinds[0], kinds[1]}) {
    api.each(type, [&](const json& object) { alive.insert(object["metadata"]["uid"]); });
  }
  std::vector<std::pair<kube::ResourceType, kube::ObjectKey>> out;
  for (const auto& type : kinds) {
    api.each(type, [&](const json& object) {
      const json& metadata = object["metadata"];
      const auto owners = metadata.find("ownerReferences");
      if (owners == metadata.end() || owners->empty()) return;
      if (alive.contains(owners->front()["uid"])) return;
      out.emplace_back(type, kube::ObjectKey{metadata.value("namespace", ""), metadata["name"]});
      alive.erase(metadata["uid"]);
    });
  }
  return out;
}

void Room::collect_garbage() {
  for (const auto& [type, key] : garbage())
    api.remove(type, key);
}

bool Room::rests() {
  bool rests = garbage().empty();
  api.each(kube::type_of<Job>(), [&](const json& job) {
    rests = rests && job.contains("/status/conditions"_json_pointer);
  });
  for (const json& object : api.all(kube::type_of<Deployment>()))
    rests = rests && !progressed(object) && missing_set(object).empty();
  return rests;
}

void Room::settle() {
  constexpr int kMaxTurns = 50;
  std::string before;
  for (int turn = 0; turn < kMaxTurns; ++turn) {
    operator_->work();
    settle_workloads();
    finish_jobs();
    collect_garbage();
    std::string now = api.fingerprint();
    if (now == before && operator_->ready().empty()) return;
    before = std::move(now);
  }
}

json Room::status_of(const std::string& request) {
  const auto object = get(kube::type_of<PromotionRequest>(), request);
  return object ? object->value("status", json::object()) : json::object();
}

std::string Room::phase_of(const std::string& request) {
  return status_of(request).value("phase", "");
}

std::string Room::pin_of(const std::string& deployment) {
  const auto object = get(kube::type_of<Deployment>(), deployment);
  return object ? pin_in(*object) : "";
}

History Room::ledger_of(const LedgerName& ledger) {
  return auditor.load({.cluster = kCluster, .ns = kNs, .kind = ledger.kind, .name = ledger.name})
      .value();
}

}  // namespace stagekeeper::operator_test
