#include "promotion/manifests/builders.h"

#include "base/text.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::promotion::build {
namespace {

using nlohmann::json;

/// Of the image's user `nonroot`.
constexpr int kUser = 65532;
/// How long a clone's rollout may take before Kubernetes says that it does not progress.
constexpr int kCloneProgressSeconds = 120;

json env_json(const std::vector<Env>& variables) {
  json out = json::array();
  for (const Env& each : variables) {
    if (each.secret.empty()) {
      out.push_back({{"name", each.name}, {"value", each.value}});
    } else {
      const json source = {{"name", each.secret}, {"key", each.key}};
      out.push_back({{"name", each.name}, {"valueFrom", {{"secretKeyRef", source}}}});
    }
  }
  return out;
}

json mounts_json(const std::vector<Mount>& mounts) {
  json out = json::array();
  for (const Mount& each : mounts) {
    json row = {{"name", each.volume}, {"mountPath", each.path}};
    if (each.read_only) row["readOnly"] = true;
    out.push_back(std::move(row));
  }
  return out;
}

json resources_json(const Resources& resources) {
  json out = json::object();
  if (!resources.requests.empty()) out["requests"] = resources.requests;
  if (!resources.limits.empty()) out["limits"] = resources.limits;
  return out;
}

json containers_json(const std::vector<Container>& containers) {
  json out = json::array();
  for (const Container& each : containers) {
    out.push_back({{"name", each.name},
                   {"image", each.image},
                   {"command", each.command},
                   {"env", env_json(each.env)},
                   {"volumeMounts", mounts_json(each.mounts)},
                   {"resources", resources_json(each.resources)},
                   {"securityContext", restricted()},
                   {"terminationMessagePolicy", "File"}});
  }
  return out;
}

json volumes_json(const std::vector<Volume>& volumes) {
  json out = json::array();
  for (const Volume& each : volumes) {
    if (!each.secret.empty()) {
      const json item = {{"key", each.key}, {"path", each.key}};
      out.push_back({{"name", each.name},
                     {"secret", {{"secretName", each.secret}, {"items", json::array({item})}}}});
    } else if (each.config_map.empty()) {
      out.push_back({{"name", each.name}, {"emptyDir", {{"sizeLimit", each.size}}}});
    } else {
      out.push_back({{"name", each.name}, {"configMap", {{"name", each.config_map}}}});
    }
  }
  return out;
}

json pod_json(const Pod& pod) {
  return {{"restartPolicy", "Never"},
          {"serviceAccountName", pod.service_account},
          {"automountServiceAccountToken", false},
          {"enableServiceLinks", false},
          {"securityContext",
           {{"runAsNonRoot", true},
            {"runAsUser", kUser},
            {"runAsGroup", kUser},
            {"fsGroup", kUser},
            {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
          {"initContainers", containers_json(pod.init)},
          {"containers", containers_json(pod.containers)},
          {"volumes", volumes_json(pod.volumes)}};
}

/// The containers that talk to models: EKS's webhook gives credentials of the service account to
/// every container that this does not name, and only the fetching one may have any.
std::string without_identity(const Pod& pod) {
  std::vector<std::string> names;
  names.reserve(pod.containers.size());
  for (const Container& container : pod.containers)
    names.push_back(container.name);
  return join(names, ",");
}

}  // namespace

json restricted() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", json::array({"ALL"})}}}};
}

json metadata(const Meta& meta) {
  json out = {{"name", meta.name}, {"namespace", meta.ns}};
  if (!meta.labels.empty()) out["labels"] = meta.labels;
  if (!meta.annotations.empty()) out["annotations"] = meta.annotations;
  if (!meta.owner_uid.empty()) {
    out["ownerReferences"] = json::array({{{"apiVersion", kGroupVersion},
                                           {"kind", meta.owner_kind},
                                           {"name", meta.owner_name},
                                           {"uid", meta.owner_uid},
                                           {"controller", true},
                                           {"blockOwnerDeletion", false}}});
  }
  return out;
}

json job(const Job& job) {
  return {{"apiVersion", "batch/v1"},
          {"kind", "Job"},
          {"metadata", metadata(job.meta)},
          {"spec",
           {{"backoffLimit", 0},
            {"completions", 1},
            {"parallelism", 1},
            {"activeDeadlineSeconds", job.deadline_seconds},
            {"template",
             {{"metadata",
               {{"labels", job.meta.labels},
                {"annotations",
                 {{"sidecar.istio.io/inject", "false"},
                  {"linkerd.io/inject", "disabled"},
                  {"eks.amazonaws.com/skip-containers", without_identity(job.pod)}}}}},
              {"spec", pod_json(job.pod)}}}}}};
}

json deployment(const Meta& meta, const Texts& selector, json pod_template) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", metadata(meta)},
          {"spec",
           {{"replicas", 1},
            {"progressDeadlineSeconds", kCloneProgressSeconds},
            {"selector", {{"matchLabels", selector}}},
            {"template", std::move(pod_template)}}}};
}

json deployment_apply(const ObjectMeta& meta, const std::string& resource_version) {
  json out = {{"apiVersion", "apps/v1"},
              {"kind", "Deployment"},
              {"metadata", {{"name", meta.name}, {"namespace", meta.ns}, {"uid", meta.uid}}}};
  if (!resource_version.empty()) out["metadata"]["resourceVersion"] = resource_version;
  return out;
}

}  // namespace stagekeeper::promotion::build
