#include "model/job_match.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

/// A gate Job as the operator sends it.
const json kWanted = R"({
  "metadata": {"name": "g-1", "labels": {"stagekeeper.dev/attempt": "1"},
               "annotations": {"stagekeeper.dev/nonce": "00ff"}},
  "spec": {"backoffLimit": 0, "completions": 1, "parallelism": 1, "activeDeadlineSeconds": 600,
    "template": {"metadata": {"labels": {"stagekeeper.dev/attempt": "1"}}, "spec": {
      "restartPolicy": "Never", "serviceAccountName": "gates",
      "automountServiceAccountToken": false,
      "securityContext": {"runAsNonRoot": true, "runAsUser": 65532},
      "initContainers": [{"name": "fetch", "image": "gate@sha256:1", "command": ["/gate", "fetch"],
        "env": [{"name": "INPUT", "value": "{}"}, {"name": "S3_REGION", "value": ""},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "k"}}}],
        "volumeMounts": [{"name": "work", "mountPath": "/work"}], "resources": {},
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
      "containers": [{"name": "gate", "image": "gate@sha256:1", "command": ["/gate", "accuracy"],
        "env": [{"name": "INPUT", "value": "{}"}],
        "volumeMounts": [{"name": "work", "mountPath": "/work", "readOnly": true}],
        "resources": {"limits": {"memory": "1024Mi"}},
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
      "volumes": [{"name": "work", "emptyDir": {"sizeLimit": "320Mi"}}]}}}})"_json;

/// The same as an API server gives it back.
json stored() {
  json out = kWanted;
  out["spec"]["suspend"] = false;
  out["spec"]["completionMode"] = "NonIndexed";
  out["spec"]["selector"] = {{"matchLabels", {{"batch.kubernetes.io/controller-uid", "u"}}}};
  json& spec = out["spec"]["template"]["spec"];
  spec.merge_patch({{"dnsPolicy", "ClusterFirst"},
                    {"schedulerName", "default-scheduler"},
                    {"terminationGracePeriodSeconds", 30},
                    {"serviceAccount", "gates"}});
  spec["initContainers"][0]["env"][1].erase("value");
  spec["containers"][0]["resources"]["limits"]["memory"] = "1Gi";
  for (const char* list : {"initContainers", "containers"}) {
    spec[list][0].merge_patch({{"terminationMessagePath", "/dev/termination-log"},
                               {"terminationMessagePolicy", "File"},
                               {"imagePullPolicy", "IfNotPresent"}});
  }
  return out;
}

json pod_of(const json& job) {
  return {{"spec", job["spec"]["template"]["spec"]}};
}

/// The first departure of a Job, or of a pod, that was changed so. Paths lead into the pod spec.
std::string of_job(const char* pointer, const json& value) {
  json job = stored();
  job["spec"]["template"]["spec"][json::json_pointer(pointer)] = value;
  return job_departure(kWanted.dump(), job.dump()).value();
}

std::string of_pod(const char* pointer, const json& value) {
  json pod = pod_of(stored());
  pod["spec"][json::json_pointer(pointer)] = value;
  return job_pod_departure(kWanted.dump(), pod.dump()).value();
}

}  // namespace

TEST_CASE("job match: what the API server writes is no departure") {
  CHECK(job_departure(kWanted.dump(), kWanted.dump()).value().empty());
  CHECK(job_departure(kWanted.dump(), stored().dump()).value().empty());
  CHECK(job_pod_departure(kWanted.dump(), pod_of(stored()).dump()).value().empty());
}

TEST_CASE("job match: whatever makes it another program is one") {
  struct Row {
    const char* pointer;
    json value;
    const char* says;
  };

  const json forged = {{"name", "DD_AGENT"}, {"value", "1"}};
  const json proxy = {{"name", "https_proxy"}, {"value", "http://x"}};
  const json root = {{"capabilities", {{"drop", {"ALL"}}, {"add", {"NET_ADMIN"}}}},
                     {"allowPrivilegeEscalation", false}};
  const json with_root = {{"name", "init"}, {"image", "x"}, {"securityContext", root}};
  const json with_work = {{"name", "x"}, {"volumeMounts", json::array({{{"name", "work"}}})}};
  const Row both[] = {
      {"/containers/0/image", "x", "containers[gate].image"},
      {"/containers/0/command/1", "x", "containers[gate].command"},
      {"/containers/0/args", {"x"}, "containers[gate].args"},
      {"/containers/0/envFrom", json::array({1}), "containers[gate].envFrom"},
      {"/containers/0/lifecycle", {{"postStart", 1}}, "containers[gate].lifecycle"},
      {"/containers/0/workingDir", "/work", "containers[gate].workingDir"},
      {"/containers/0/env/0/value", "{1}", "containers[gate].env"},
      {"/containers/0/env/-", {{"name", "INPUT"}, {"value", "x"}}, "containers[gate].env"},
      {"/containers/0/env/-", {{"name", "LD_PRELOAD"}}, "containers[gate].env"},
      {"/containers/0/env/-", proxy, "containers[gate].env"},
      {"/containers/0/env/-", {{"name", "PATH"}, {"value", "/work"}}, "containers[gate].env"},
      {"/initContainers/0/env/2/valueFrom/secretKeyRef/name", "x", "initContainers[fetch].env"},
      {"/containers/0/volumeMounts/0/readOnly", false, "containers[gate].volumeMounts"},
      {"/containers/0/terminationMessagePath", "/work/x",
       "containers[gate].terminationMessagePath"},
      {"/containers/0/securityContext", root, "containers[gate].securityContext"},
      {"/initContainers/-", with_root, "initContainers[init]"},
      {"/containers/-", with_work, "containers[x]"},
      {"/initContainers", json::array(), "initContainers[fetch]"},
      {"/volumes/0", {{"name", "work"}, {"hostPath", 1}}, "volumes[work]"},
      {"/volumes/0/hostPath", {{"path", "/"}}, "volumes[work]"},
      {"/serviceAccountName", "other", "serviceAccountName"},
      {"/automountServiceAccountToken", true, "automountServiceAccountToken"},
      {"/shareProcessNamespace", true, "shareProcessNamespace"},
      {"/hostNetwork", true, "hostNetwork"},
      {"/hostAliases", json::array({{{"ip", "10.0.0.9"}}}), "hostAliases"},
      {"/dnsPolicy", "None", "dnsPolicy"},
      {"/dnsConfig", {{"nameservers", {"10.0.0.9"}}}, "dnsConfig"},
      {"/ephemeralContainers", json::array({{{"name", "x"}}}), "ephemeralContainers"},
      {"/securityContext/runAsUser", 0, "securityContext"},
  };
  for (const Row& row : both) {
    CAPTURE(row.pointer);
    CHECK(of_job(row.pointer, row.value) == std::string("spec.template.spec.") + row.says);
    CHECK(of_pod(row.pointer, row.value) == std::string("spec.") + row.says);
  }
  CHECK(of_job("/containers/0/env/-", forged) == "spec.template.spec.containers[gate].env");
}

TEST_CASE("job match: admission may add to a pod what changes nothing, and nothing to a Job") {
  struct Row {
    const char* pointer;
    json value;
    bool job;
  };

  const json token = {{"name", "token"}, {"mountPath", "/var/run/secrets/eks"}};
  const json sidecar = {{"name", "proxy"}, {"image", "x"}};
  const Row rows[] = {
      {"/tolerations", json::array({{{"key", "node"}}}), true},
      {"/imagePullSecrets", json::array({{{"name", "pull"}}}), true},
      {"/nodeSelector", {{"disk", "ssd"}}, true},
      {"/containers/0/imagePullPolicy", "Always", true},
      {"/containers/-", sidecar, false},
      {"/initContainers/-", sidecar, false},
      {"/volumes/-", {{"name", "token"}, {"projected", {{"sources", {1}}}}}, false},
      {"/initContainers/0/volumeMounts/-", token, false},
      {"/initContainers/0/env/-", {{"name", "AWS_ROLE_ARN"}, {"value", "r"}}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pointer);
    CHECK(of_job(row.pointer, row.value).empty() == row.job);
    CHECK(of_pod(row.pointer, row.value).empty());
  }
}

TEST_CASE("job match: how often it runs, what it is called and who controls it count, too") {
  struct Row {
    const char* pointer;
    json value;
    const char* says;
  };

  const Row rows[] = {
      {"/spec/backoffLimit", 6, "spec.backoffLimit"},
      {"/spec/parallelism", 2, "spec.parallelism"},
      {"/spec/activeDeadlineSeconds", 60, "spec.activeDeadlineSeconds"},
      {"/spec/managedBy", "example.com/x", "spec.managedBy"},
      {"/metadata/labels/stagekeeper.dev~1attempt", "2", "metadata.labels"},
      {"/metadata/annotations/stagekeeper.dev~1nonce", "11", "metadata.annotations"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pointer);
    json job = stored();
    job[json::json_pointer(row.pointer)] = row.value;
    CHECK(job_departure(kWanted.dump(), job.dump()).value() == row.says);
  }
}

TEST_CASE("job match: what is no Job and no pod is an error") {
  CHECK_FALSE(job_departure(kWanted.dump(), "{}").has_value());
  CHECK_FALSE(job_departure("[", kWanted.dump()).has_value());
  CHECK_FALSE(job_pod_departure(kWanted.dump(), "{}").has_value());
}
