#include "promotion/manifests.h"

#include "gates/gate_input.h"
#include "model/decode.h"
#include "people_fixtures.h"
#include "promotion/evaluation/clones.h"
#include "promotion/evaluation/questions.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace people;                  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

Service service(const std::string& name, std::map<std::string, std::string> selector) {
  Service out;
  out.meta = {.ns = "credit", .name = name};
  out.selector = std::move(selector);
  return out;
}

std::string digest_of(const std::string& deployment_json) {
  const auto digest = template_digest(deployment_json, target().pin);
  return digest ? digest->str() : "";
}

struct CloneCase {
  PromotionRequest asked = request();
  ServingTarget of = target();
  std::vector<Service> services = {service("by-app", {{"app", "credit-risk"}}),
                                   service("by-part", {{"part-of", "scoring"}}),
                                   service("headless", {}), service("others", {{"version", "v9"}})};
  std::vector<DisruptionBudget> budgets;
  std::string primary = primary_json();
  CreateClone clone = {.role = CloneRole::kCandidate,
                       .version = version_ref("2"),
                       .evaluation = sha('a'),
                       .template_digest = digest_of(primary_json())};

  [[nodiscard]] CloneSource source() const {
    return {.deployment_json = primary,
            .services = services,
            .budgets = budgets,
            .request = &asked,
            .target = &of};
  }

  [[nodiscard]] json body() const { return json::parse(clone_deployment(source(), clone).value()); }
};

struct JobCase {
  EvaluationStory story;
  PromotionRequest asked = request();
  GateClass gate_class = story.about.gate_classes.at("class-Accuracy");
  CreateGateJob action = all<CreateGateJob>(story.step()).at(0);

  [[nodiscard]] json body() const {
    return json::parse(gate_job({.ns = "stagekeeper-gates",
                                 .request = &asked,
                                 .gate_class = &gate_class,
                                 .action = action,
                                 .nonce = "00112233445566778899aabbccddeeff"})
                           .value());
  }
};

const json& named(const json& list, const std::string& name) {
  static const json none;
  const auto found =
      std::ranges::find_if(list, [&](const json& each) { return each["name"] == name; });
  return found == list.end() ? none : *found;
}

}  // namespace

TEST_CASE("clone: users' traffic cannot reach it, and nothing of the primary adopts it") {
  const CloneCase c;
  const json body = c.body();
  const json labels = body["spec"]["template"]["metadata"]["labels"];
  CHECK(labels == json{{"version", "v1"},
                       {kCloneLabel, "candidate"},
                       {kCloneOfLabel, "uid-2-prod-candidate"}});
  CHECK(json(planned_labels(c.source(), CloneRole::kCandidate).value()) == labels);
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
    CHECK(c.body()["spec"]["template"]["metadata"]["labels"].contains("version") == row.keeps);
  }
}

TEST_CASE("clone: belongs to its request, copies the template only, and says which") {
  const json body = CloneCase().body();
  const json& meta = body["metadata"];
  CHECK(meta["name"] == "credit-risk-eu-candidate");
  CHECK(meta["namespace"] == "credit");
  CHECK(meta["labels"] == json{{kCloneLabel, "candidate"}, {kRequestUidLabel, "uid-2-prod"}});
  CHECK(meta["annotations"] == json{{kCloneVersionAnnotation, "2"},
                                    {kEvaluationAnnotation, sha('a')},
                                    {kTemplateAnnotation, digest_of(primary_json())},
                                    {kRequestAnnotation, "credit/2-prod"}});
  REQUIRE(meta["ownerReferences"].size() == 1);
  CHECK(meta["ownerReferences"][0]["uid"] == "uid-2-prod");
  CHECK(meta["ownerReferences"][0]["kind"] == "PromotionRequest");
  CHECK(meta["ownerReferences"][0]["controller"] == true);
  CHECK(body["spec"]["template"]["metadata"]["annotations"] == json{{"sidecar", "no"}});
  CHECK(body["spec"]["template"]["spec"]["serviceAccountName"] == "server");
}

TEST_CASE("clone: pinned in every container that the target names, init containers included") {
  const json body = CloneCase().body();
  const json& pod = body["spec"]["template"]["spec"];
  const json& server = named(pod["containers"], "server");
  CHECK(server["env"] == json::parse(R"([{"name":"PORT","value":"8080"},
                                         {"name":"MODEL_VERSION","value":"2"}])"));
  CHECK(server["resources"]["limits"]["memory"] == "256Mi");
  CHECK(named(pod["initContainers"], "load")["env"] ==
        json{{{"name", "MODEL_URI"}, {"value", "s3://models/credit-risk/2/model.json"}},
             {{"name", "MODEL_DIGEST"}, {"value", sha('2')}}});
  CHECK(named(pod["containers"], "proxy")["env"][0]["value"] == "mine");
}

TEST_CASE("clone: a template that has changed since it was decided on is not cloned") {
  CloneCase c;
  c.primary.replace(c.primary.find("server:1"), 8, "server:9");
  const auto body = clone_deployment(c.source(), c.clone);
  REQUIRE_FALSE(body);
  CHECK(body.error().code == ErrorCode::kConflict);
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
    c.clone.template_digest = digest_of(bad);
    const auto body = clone_deployment(c.source(), c.clone);
    REQUIRE_FALSE(body);
    CHECK(body.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("clone: any Service that selects its pods is a stray one") {
  auto labels = clone_labels("uid-2-prod", CloneRole::kCandidate);
  labels["version"] = "v1";
  const auto stray = [&](const Service& each) { return stray_service({each}, labels); };
  CHECK(stray(service("a", {{"version", "v1"}})) == "a");
  CHECK(stray(service("a", {{"version", "v1"}, {"app", "x"}})).empty());
  CHECK(stray(service("a", {{"version", "v2"}})).empty());
  CHECK(stray(service("a", {})).empty());
  CHECK(stray(service("debug", {{kCloneLabel, "candidate"}})) == "debug");
  // An impostor under the clone's name, with the labels of the clone itself.
  CHECK(stray(service("credit-risk-eu-candidate",
                      clone_labels("uid-2-prod", CloneRole::kCandidate))) ==
        "credit-risk-eu-candidate");
}

TEST_CASE("clone: is recognised by what it is, whatever it says of itself") {
  struct Row {
    const char* what;
    void (*spoil)(json&);
    const char* fault;
  };

  const Row rows[] = {
      {"as made", [](json&) {}, ""},
      {"image", [](json& d) { d["spec"]["template"]["spec"]["containers"][1]["image"] = "evil"; },
       "template"},
      {"command",
       [](json& d) { d["spec"]["template"]["spec"]["containers"][1]["command"] = {"evil"}; },
       "template"},
      {"another container",
       [](json& d) { d["spec"]["template"]["spec"]["containers"].push_back({{"name", "x"}}); },
       "template"},
      {"a variable",
       [](json& d) {
         d["spec"]["template"]["spec"]["containers"][1]["env"].push_back(
             {{"name", "X"}, {"value", "1"}});
       },
       "template"},
      {"pins",
       [](json& d) {
         d["spec"]["template"]["spec"]["initContainers"][0]["env"][0]["value"] = "s3://other";
       },
       "pinned"},
      {"selector", [](json& d) { d["spec"]["selector"]["matchLabels"] = {{"app", "x"}}; },
       "selector"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CloneCase c;
    json body = c.body();
    body["metadata"]["uid"] = "uid-clone";
    row.spoil(body);
    const std::string text = body.dump();
    const Deployment decoded = decode<Deployment>(text).value();
    const std::vector<ReplicaSet> none;
    const std::vector<Pod> no_pods;
    const CloneState state = observe_clone({.clone = &decoded,
                                            .clone_json = text,
                                            .primary_json = c.primary,
                                            .target = &c.of,
                                            .version = version_ref("2"),
                                            .replica_sets = &none,
                                            .pods = &no_pods});
    CHECK(owned_by(state, "uid-2-prod"));
    CHECK(state.request == "credit/2-prod");
    CHECK_FALSE(state.pod);
    if (std::string(row.fault).empty()) {
      CHECK(state.fault.empty());
    } else {
      CHECK(state.fault.find(row.fault) != std::string::npos);
    }
  }
}

TEST_CASE("clone: has the service account, labels, nodes and resources that the target names") {
  CloneCase c;
  c.of.clone = {
      .service_account = "quarantined",
      .labels = {{"zone", "quarantine"}},
      .node_selector = {{"pool", "gates"}},
      .resources = {{.container = "server", .requests = {{"cpu", "500m"}}, .limits = {}}}};
  json body = c.body();
  body["metadata"]["uid"] = "uid-clone";
  json& pod = body["spec"]["template"];
  CHECK(pod["metadata"]["labels"]["zone"] == "quarantine");
  CHECK(pod["metadata"]["labels"][kCloneLabel] == "candidate");
  CHECK(planned_labels(c.source(), CloneRole::kCandidate).value().at("zone") == "quarantine");
  CHECK(pod["spec"]["serviceAccountName"] == "quarantined");
  CHECK(pod["spec"]["nodeSelector"] == json{{"pool", "gates"}});
  CHECK(named(pod["spec"]["containers"], "server")["resources"] ==
        json{{"requests", {{"cpu", "500m"}}}});

  // As the API server keeps it.
  pod["spec"]["serviceAccount"] = "quarantined";
  for (json& container : pod["spec"]["containers"])
    if (container["name"] == "server") container["resources"]["requests"]["cpu"] = "0.5";
  const auto fault = [&] {
    const std::string text = body.dump();
    const Deployment decoded = decode<Deployment>(text).value();
    return clone_fault({.clone = &decoded,
                        .clone_json = text,
                        .primary_json = c.primary,
                        .target = &c.of,
                        .version = version_ref("2")});
  };
  CHECK(fault().empty());
  SUBCASE("another service account") {
    pod["spec"]["serviceAccountName"] = "admin";
  }
  SUBCASE("other nodes") {
    pod["spec"]["nodeSelector"] = {{"pool", "mine"}};
  }
  SUBCASE("resources of a container that the target does not name") {
    pod["spec"]["initContainers"][0]["resources"] = {{"limits", {{"cpu", "1m"}}}};
  }
  CHECK(fault().find("template") != std::string::npos);
}

TEST_CASE("clone: its pod is found by the uids of its owners, and one pod is measured") {
  const CloneCase c;
  json body = c.body();
  body["metadata"]["uid"] = "uid-clone";
  const std::string text = body.dump();
  const Deployment decoded = decode<Deployment>(text).value();
  ReplicaSet set;
  set.meta.uid = "uid-set";
  set.owner_uid = "uid-clone";
  ReplicaSet other = set;
  other.meta.uid = "uid-other-set";
  other.owner_uid = "uid-other";
  const std::vector<ReplicaSet> sets = {set, other};
  Pod pod;
  pod.meta = {.name = "p", .uid = "uid-p"};
  pod.owner_uid = "uid-set";
  pod.phase = "Running";
  pod.ready = true;
  pod.ip = "10.0.0.7";
  pod.spec_containers = decoded.containers;
  pod.spec_containers.push_back({.name = "mesh-proxy", .image = "mesh:1"});
  pod.containers = {{.name = "server", .restarts = 2, .image_id = "server@sha256:1"}};
  const auto seen = [&](const std::vector<Pod>& pods) {
    return observe_clone({.clone = &decoded,
                          .clone_json = text,
                          .primary_json = c.primary,
                          .target = &c.of,
                          .version = version_ref("2"),
                          .replica_sets = &sets,
                          .pods = &pods})
        .pod;
  };
  REQUIRE(seen({pod}));
  CHECK(seen({pod})->ready);
  CHECK(seen({pod})->as_made);
  CHECK(seen({pod})->identity == "uid-p set=uid-set ip=10.0.0.7 server=server@sha256:1/2");
  const auto spoiled = [&](const auto& spoil) {
    Pod out = pod;
    spoil(out);
    return seen({out});
  };
  CHECK_FALSE(spoiled([](Pod& p) { p.owner_uid = "uid-other-set"; }));
  CHECK_FALSE(spoiled([](Pod& p) { p.owner_uid = "uid-clone"; }));
  CHECK_FALSE(spoiled([](Pod& p) { p.meta.deleting = true; }));
  CHECK_FALSE(spoiled([](Pod& p) { p.phase = "Failed"; }));
  CHECK_FALSE(spoiled([](Pod& p) { p.ip.clear(); })->ready);
  CHECK_FALSE(spoiled([](Pod& p) { p.spec_containers[1].image = "evil"; })->as_made);
  // The same image, told by its variables to serve other bytes under the candidate's number.
  CHECK_FALSE(spoiled([](Pod& p) { p.spec_containers[0].env.clear(); })->as_made);
  CHECK_FALSE(spoiled([](Pod& p) {
                p.spec_containers[0].env.push_back(p.spec_containers[0].env.front());
                p.spec_containers[0].env.back().value = "evil";
              })->as_made);
  const auto waiting = spoiled([](Pod& p) {
    p.ready = false;
    p.containers = {{.name = "server", .reason = "ImagePullBackOff", .message = "503"}};
  });
  CHECK(waiting->problem == "container server: ImagePullBackOff: 503");
  const auto crashing = spoiled([](Pod& p) {
    p.ready = false;
    p.init_containers = {{.name = "load",
                          .reason = "CrashLoopBackOff",
                          .message = "back-off 40s restarting failed container",
                          .last_exit = 3,
                          .last_end = "no such bucket"}};
  });
  CHECK(crashing->problem ==
        "container load: CrashLoopBackOff, its last run ended with exit code 3: no such bucket");
  const auto ended = spoiled([](Pod& p) {
    p.ready = false;
    p.init_containers = {{.name = "load", .terminated = true, .exit_code = 1, .reason = "Error"}};
  });
  CHECK(ended->problem == "container load: Error, exit code 1");
  const auto unscheduled = spoiled([](Pod& p) {
    p.ready = false;
    p.unscheduled = "0/3 nodes";
  });
  CHECK(unscheduled->problem == "it is not scheduled: 0/3 nodes");
  Pod second = pod;
  second.meta.uid = "uid-q";
  CHECK_FALSE(seen({pod, second})->ready);
}

TEST_CASE("clone: what the cluster says against its pods is told in one line") {
  const CloneCase c;
  json body = c.body();
  body["metadata"]["uid"] = "uid-clone";
  Deployment clone = decode<Deployment>(body.dump()).value();
  clone.pods_refused = "exceeded quota\nforged line";
  const std::vector<ReplicaSet> no_sets;
  const std::vector<Pod> no_pods;
  const CloneState seen = observe_clone({.clone = &clone,
                                         .clone_json = "{}",
                                         .primary_json = c.primary,
                                         .target = &c.of,
                                         .version = version_ref("2"),
                                         .replica_sets = &no_sets,
                                         .pods = &no_pods});
  CHECK_FALSE(seen.pod);
  CHECK(seen.pods_refused.starts_with("exceeded quota"));
  CHECK(seen.pods_refused.find('\n') == std::string::npos);
}

TEST_CASE("gate job: found by name, one attempt, never collected with an object elsewhere") {
  const JobCase c;
  const json body = c.body();
  CHECK(body["metadata"]["name"] == job_name("uid-2-prod", "accuracy", 1));
  CHECK(body["metadata"]["namespace"] == "stagekeeper-gates");
  CHECK_FALSE(body["metadata"].contains("ownerReferences"));
  CHECK(body["metadata"]["labels"] ==
        json{{kRequestUidLabel, "uid-2-prod"}, {kGateTypeLabel, "Accuracy"}, {kAttemptLabel, "1"}});
  CHECK(body["metadata"]["annotations"] ==
        json{{kGateAnnotation, "accuracy"},
             {kNonceAnnotation, "00112233445566778899aabbccddeeff"},
             {kInputDigestAnnotation, sha('a')},
             {kPodsAnnotation, json(c.action.pods).dump()},
             {kRequestAnnotation, "credit/2-prod"}});
  const json& spec = body["spec"];
  CHECK(spec["backoffLimit"] == 0);
  CHECK(spec["activeDeadlineSeconds"] == 600);
  CHECK_FALSE(spec.contains("ttlSecondsAfterFinished"));
  const json& env = spec["template"]["spec"]["containers"][0]["env"];
  const auto input = gates::parse_gate_input(env[0]["value"].get<std::string>());
  REQUIRE(input);
  CHECK(input->nonce == "00112233445566778899aabbccddeeff");
  CHECK(input->candidate.url == "http://10.0.0.7:8080");
}

TEST_CASE("gate job: credentials are in the fetch container and nowhere else, under given keys") {
  JobCase c;
  c.gate_class.ca_config_map = "s3-ca";
  c.gate_class.ca_key = "root.pem";
  c.gate_class.credentials = {.secret = "gate-s3",
                              .access_key_key = "AWS_ID",
                              .secret_key_key = "AWS_KEY",
                              .session_token_key = "AWS_TOKEN"};
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
  const json& env = pod["initContainers"][0]["env"];
  const auto key_of = [&](const char* variable) {
    return named(env, variable)["valueFrom"]["secretKeyRef"];
  };
  CHECK(key_of("AWS_ACCESS_KEY_ID") == json{{"name", "gate-s3"}, {"key", "AWS_ID"}});
  CHECK(key_of("AWS_SECRET_ACCESS_KEY") == json{{"name", "gate-s3"}, {"key", "AWS_KEY"}});
  CHECK(key_of("AWS_SESSION_TOKEN") == json{{"name", "gate-s3"}, {"key", "AWS_TOKEN"}});
  CHECK(named(env, "S3_CA_FILE")["value"] == "/etc/s3-ca/root.pem");
  CHECK(named(pod["volumes"], "work")["emptyDir"].contains("sizeLimit"));
  c.gate_class.credentials = {};  // ambient ones: nothing is named
  CHECK(c.body().dump().find("AWS_") == std::string::npos);
}

TEST_CASE("gate job: a server's token and authority are files of the gate's container alone") {
  JobCase c;
  CHECK(c.body().dump().find("INFERENCE_") == std::string::npos);
  c.action.access = {.ca = {.name = "model-ca", .key = "ca.pem"},
                     .token = {.name = "credit.model-token", .key = "token"}};
  const json pod = c.body()["spec"]["template"]["spec"];
  const json& gate = pod["containers"][0];
  CHECK(named(gate["env"], "INFERENCE_CA_FILE")["value"] == "/etc/inference-ca/ca.pem");
  CHECK(named(gate["env"], "INFERENCE_TOKEN_FILE")["value"] == "/etc/inference-token/token");
  CHECK(named(gate["volumeMounts"], "inference-token") ==
        json::parse(R"({"name":"inference-token","mountPath":"/etc/inference-token",
                        "readOnly":true})"));
  CHECK(named(pod["volumes"], "inference-ca")["configMap"] == json{{"name", "model-ca"}});
  CHECK(named(pod["volumes"], "inference-token")["secret"] ==
        json::parse(R"({"secretName":"credit.model-token",
                        "items":[{"key":"token","path":"token"}]})"));
  CHECK(pod["initContainers"][0].dump().find("inference-") == std::string::npos);
}

TEST_CASE("gate job: runs in the restricted profile, alone in its pod") {
  const json body = JobCase().body();
  const json& pod = body["spec"]["template"]["spec"];
  CHECK(pod["automountServiceAccountToken"] == false);
  CHECK(pod["enableServiceLinks"] == false);
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
  CHECK(body["spec"]["template"]["metadata"]["annotations"] ==
        json{{"sidecar.istio.io/inject", "false"},
             {"linkerd.io/inject", "disabled"},
             {"eks.amazonaws.com/skip-containers", "gate"}});
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

TEST_CASE("pin: the manager's complete set, under the uid and resourceVersion of the decision") {
  const PatchPin pin{.target = "credit-risk-eu",
                     .deployment_uid = "uid-decided",
                     .resource_version = "41",
                     .version = version_ref("2"),
                     .pins = {{.container = "server", .name = "A", .value = "1"},
                              {.container = "load", .name = "B", .value = "2"},
                              {.container = "load", .name = "C", .value = "3"}},
                     .sequence = 42,
                     .record_digest = sha('a'),
                     .at = at(std::chrono::hours(1))};
  json body = json::parse(pin_apply(deployment("1", 2), pin));
  CHECK(body["metadata"] == json{{"name", "credit-risk-eu"},
                                 {"namespace", "credit"},
                                 {"uid", "uid-decided"},
                                 {"resourceVersion", "41"},
                                 {"annotations",
                                  {{kSequenceAnnotation, "42"},
                                   {kRecordAnnotation, sha('a')},
                                   {kPinnedAtAnnotation, "2026-03-02T01:00:00Z"}}}});
  CHECK(body["spec"]["template"]["spec"] == json::parse(R"({
      "containers":[{"name":"server","env":[{"name":"A","value":"1"}]}],
      "initContainers":[{"name":"load","env":[{"name":"B","value":"2"},
                                              {"name":"C","value":"3"}]}]})"));
  PatchPin none = pin;
  none.pins.clear();  // what is not in the set any more, the API server takes away
  CHECK_FALSE(json::parse(pin_apply(deployment("1", 2), none)).contains("spec"));
}

TEST_CASE("fence: raises the sequence and leaves the pins and their time as they are") {
  const RaiseFence fence{.target = "credit-risk-eu",
                         .deployment_uid = "uid-decided",
                         .resource_version = "41",
                         .pins = {{.container = "server", .name = "A", .value = "1"}},
                         .sequence = 43,
                         .record_digest = sha('b')};
  const json body = json::parse(fence_apply(deployment("1", 2), fence));
  CHECK(body["metadata"]["annotations"] ==
        json{{kSequenceAnnotation, "43"}, {kRecordAnnotation, sha('b')}});
  CHECK(body["metadata"]["resourceVersion"] == "41");
  CHECK(body["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "1");
}

TEST_CASE("claim: says which target and which variables, on the Deployment itself only") {
  const json body = json::parse(claim_apply(deployment("1", 2), target()));
  CHECK(body["metadata"]["labels"] == json{{kTargetLabel, "credit-risk-eu"}});
  CHECK(body["metadata"]["annotations"] ==
        json{{kPinEnvAnnotation, "server/MODEL_VERSION,load/MODEL_URI,load/MODEL_DIGEST"}});
  CHECK(body["metadata"]["uid"] == "uid-deployment");
  CHECK_FALSE(body.contains("spec"));
  const json released = json::parse(release_apply(deployment("1", 2)));
  CHECK(released["metadata"]["uid"] == "uid-deployment");
  CHECK_FALSE(released["metadata"].contains("labels"));
}
