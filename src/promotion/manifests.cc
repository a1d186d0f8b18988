#include "promotion/manifests.h"

#include "base/canonical_json.h"
#include "base/text.h"
#include "model/decode.h"
#include "promotion/pins.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

/// More than the gate program fetches at most (4 GiB and 256 MiB): it ends with a reason, where the
/// kubelet would evict the pod.
constexpr const char* kWorkVolume = "4608Mi";
using Labels = std::map<std::string, std::string>;

bool selects(const Labels& selector, const Labels& labels) {
  return !selector.empty() && std::ranges::all_of(selector, [&](const auto& want) {
    const auto have = labels.find(want.first);
    return have != labels.end() && have->second == want.second;
  });
}

json owner_of(const PromotionRequest& request) {
  return json::array({{{"apiVersion", kGroupVersion},
                       {"kind", "PromotionRequest"},
                       {"name", request.meta.name},
                       {"uid", request.meta.uid},
                       {"controller", true},
                       {"blockOwnerDeletion", false}}});
}

json env_json(const std::vector<EnvVar>& pins) {
  json out = json::array();
  for (const EnvVar& pin : pins)
    out.push_back({{"name", pin.name}, {"value", pin.value}});
  return out;
}

/// Replaces the pinned entries of one container's env and leaves every other entry in its place.
void set_pins(json& container, const std::vector<EnvVar>& pins) {
  json& env = container["env"];
  if (!env.is_array()) env = json::array();
  for (const EnvVar& pin : pins) {
    const auto found = std::find_if(env.begin(), env.end(), [&](const json& entry) {
      return entry.value("name", std::string()) == pin.name;
    });
    const json entry = {{"name", pin.name}, {"value", pin.value}};
    if (found == env.end()) {
      env.push_back(entry);
    } else {
      *found = entry;
    }
  }
}

/// The label keys a Deployment's selector looks at.
std::set<std::string> selector_keys(const json& selector) {
  std::set<std::string> out;
  // Named, since items() refers to it: a temporary would be gone before the loop begins.
  const json labels = selector.value("matchLabels", json::object());
  for (const auto& [key, unused] : labels.items())
    out.insert(key);
  for (const json& expression : selector.value("matchExpressions", json::array()))
    out.insert(expression.value("key", std::string()));
  return out;
}

/// Labels of the template that nothing selects by.
Labels harmless_labels(const Labels& labels, std::set<std::string> drop,
                       const CloneSource& source) {
  for (const Service& service : source.services) {
    if (!selects(service.selector, labels)) continue;
    for (const auto& [key, unused] : service.selector)
      drop.insert(key);
  }
  for (const DisruptionBudget& budget : source.budgets) {
    // Expressions are not evaluated: a key too many that goes does no harm.
    if (!budget.match_labels.empty() && !selects(budget.match_labels, labels)) continue;
    for (const auto& [key, unused] : budget.match_labels)
      drop.insert(key);
    drop.insert(budget.expression_keys.begin(), budget.expression_keys.end());
  }
  Labels out;
  for (const auto& [key, value] : labels) {
    if (!drop.contains(key) && key != "pod-template-hash") out.emplace(key, value);
  }
  return out;
}

json env_from_secret(const char* variable, const std::string& secret, const char* key) {
  return {{"name", variable}, {"valueFrom", {{"secretKeyRef", {{"name", secret}, {"key", key}}}}}};
}

json restricted() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", json::array({"ALL"})}}}};
}

json resources_json(const Resources& resources) {
  json out = json::object();
  if (!resources.requests.empty()) out["requests"] = resources.requests;
  if (!resources.limits.empty()) out["limits"] = resources.limits;
  return out;
}

json fetch_container(const GateClass& gate_class, const std::string& input) {
  json env = json::array({{{"name", "STAGEKEEPER_GATE_INPUT"}, {"value", input}},
                          {{"name", "S3_ENDPOINT"}, {"value", gate_class.fetch_endpoint}},
                          {{"name", "S3_REGION"}, {"value", gate_class.fetch_region}}});
  json mounts = json::array({{{"name", "work"}, {"mountPath", "/work"}}});
  if (!gate_class.credentials_secret.empty()) {
    env.push_back(env_from_secret("AWS_ACCESS_KEY_ID", gate_class.credentials_secret, "accessKey"));
    env.push_back(
        env_from_secret("AWS_SECRET_ACCESS_KEY", gate_class.credentials_secret, "secretKey"));
  }
  if (!gate_class.ca_config_map.empty()) {
    env.push_back({{"name", "S3_CA_FILE"}, {"value", "/etc/s3-ca/ca.crt"}});
    mounts.push_back({{"name", "s3-ca"}, {"mountPath", "/etc/s3-ca"}, {"readOnly", true}});
  }
  return {{"name", "fetch"},
          {"image", gate_class.fetch_image},
          {"command", json::array({"/usr/bin/stagekeeper-gate", "fetch"})},
          {"env", env},
          {"volumeMounts", mounts},
          {"resources", resources_json(gate_class.resources)},
          {"securityContext", restricted()},
          {"terminationMessagePolicy", "File"}};
}

json gate_container(const GateJobSpec& spec) {
  json command = spec.gate_class->command;
  if (command.empty()) {
    command = json::array({"/usr/bin/stagekeeper-gate", lower_ascii(name(spec.action.gate.type))});
  }
  return {{"name", "gate"},
          {"image", spec.gate_class->image},
          {"command", command},
          {"env", json::array({{{"name", "STAGEKEEPER_GATE_INPUT"}, {"value", spec.input}}})},
          {"volumeMounts",
           json::array({{{"name", "work"}, {"mountPath", "/work"}, {"readOnly", true}}})},
          {"resources", resources_json(spec.gate_class->resources)},
          {"securityContext", restricted()},
          {"terminationMessagePolicy", "File"}};
}

json gate_pod(const GateJobSpec& spec) {
  json volumes = json::array({{{"name", "work"}, {"emptyDir", {{"sizeLimit", kWorkVolume}}}}});
  if (!spec.gate_class->ca_config_map.empty()) {
    volumes.push_back(
        {{"name", "s3-ca"}, {"configMap", {{"name", spec.gate_class->ca_config_map}}}});
  }
  return {{"restartPolicy", "Never"},
          {"serviceAccountName", spec.gate_class->service_account},
          {"automountServiceAccountToken", false},
          {"enableServiceLinks", false},
          {"securityContext",
           {{"runAsNonRoot", true},
            {"runAsUser", 65532},
            {"runAsGroup", 65532},
            {"fsGroup", 65532},
            {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
          {"initContainers", json::array({fetch_container(*spec.gate_class, spec.input)})},
          {"containers", json::array({gate_container(spec)})},
          {"volumes", volumes}};
}

/// The clone of a Deployment whose `spec` this is. Throws json::exception when that is malformed.
json clone_body(const json& primary, const CloneSource& source, const EnsureClone& clone) {
  json pod = primary.at("template");
  const std::string& request_uid = source.request->meta.uid;
  const auto own = clone_labels(request_uid, clone.role);
  const json old_meta = pod.value("metadata", json::object());
  Labels labels = harmless_labels(old_meta.value("labels", Labels()),
                                  selector_keys(primary.at("selector")), source);
  for (const auto& [key, value] : own)
    labels[key] = value;
  pod["metadata"] = {{"labels", labels}};
  if (old_meta.contains("annotations")) pod["metadata"]["annotations"] = old_meta["annotations"];
  const std::vector<EnvVar> pins = render_pins(*source.target, clone.version);
  for (json& container : pod["spec"]["containers"]) {
    if (container.value("name", std::string()) == source.target->container)
      set_pins(container, pins);
  }
  const json annotations = {{kCloneVersionAnnotation, clone.version.version},
                            {kEvaluationAnnotation, clone.evaluation}};
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata",
           {{"name", clone_name(source.target->deployment, clone.role)},
            {"namespace", source.request->meta.ns},
            {"labels", {{kCloneLabel, clone.role}, {kRequestUidLabel, request_uid}}},
            {"annotations", annotations},
            {"ownerReferences", owner_of(*source.request)}}},
          {"spec",
           {{"replicas", 1},
            {"progressDeadlineSeconds", 120},
            {"selector", {{"matchLabels", own}}},
            {"template", pod}}}};
}

}  // namespace

std::string clone_name(const std::string& deployment, std::string_view role) {
  return fmt::format("{}-{}", deployment, role);
}

std::string job_name(const std::string& request_uid, const std::string& gate, int attempt) {
  return "g-" + sha256_hex(fmt::format("{}/{}/{}", request_uid, gate, attempt)).substr(0, 40);
}

std::map<std::string, std::string> clone_labels(const std::string& request_uid,
                                                std::string_view role) {
  return {{kCloneLabel, std::string(role)},
          {kCloneOfLabel, fmt::format("{}-{}", request_uid, role)}};
}

std::string stray_service(const std::vector<Service>& services, const std::string& deployment,
                          const std::map<std::string, std::string>& pod_labels) {
  for (const Service& service : services) {
    const bool named = service.meta.name == clone_name(deployment, "candidate") ||
                       service.meta.name == clone_name(deployment, "baseline");
    const bool own = named && service.selector.contains(kCloneOfLabel);
    if (!own && selects(service.selector, pod_labels)) return service.meta.name;
  }
  return "";
}

Result<std::string> clone_deployment(const CloneSource& source, const EnsureClone& clone) {
  Result<json> parsed = parse_strict_json(source.deployment_json, kMaxObjectBytes);
  if (!parsed || !parsed->contains("/spec/template/spec/containers"_json_pointer)) {
    return fail(ErrorCode::kCorrupt, "the serving Deployment has no pod template to clone");
  }
  try {
    return clone_body((*parsed)["spec"], source, clone).dump();
  } catch (const json::exception&) {
    return fail(ErrorCode::kCorrupt, "the serving Deployment is malformed");
  }
}

std::string clone_service(const CloneSource& source, const EnsureClone& clone) {
  const std::string request_uid = source.request->meta.uid;
  const json out = {{"apiVersion", "v1"},
                    {"kind", "Service"},
                    {"metadata",
                     {{"name", clone_name(source.target->deployment, clone.role)},
                      {"namespace", source.request->meta.ns},
                      {"labels", {{kCloneLabel, clone.role}, {kRequestUidLabel, request_uid}}},
                      {"ownerReferences", owner_of(*source.request)}}},
                    {"spec",
                     {{"type", "ClusterIP"},
                      {"selector", clone_labels(request_uid, clone.role)},
                      {"ports", json::array({{{"name", "http"},
                                              {"port", source.target->inference.port},
                                              {"targetPort", source.target->inference.port}}})}}}};
  return out.dump();
}

std::string gate_job(const GateJobSpec& spec) {
  const json labels = {{kRequestUidLabel, spec.request->meta.uid},
                       {kGateTypeLabel, name(spec.action.gate.type)},
                       {kAttemptLabel, std::to_string(spec.action.attempt)}};
  const auto deadline =
      std::chrono::duration_cast<std::chrono::seconds>(spec.gate_class->active_deadline).count();
  const json out = {
      {"apiVersion", "batch/v1"},
      {"kind", "Job"},
      {"metadata",
       {{"name", job_name(spec.request->meta.uid, spec.action.gate.name, spec.action.attempt)},
        {"namespace", spec.ns},
        {"labels", labels},
        {"annotations",
         {{kGateAnnotation, spec.action.gate.name},
          {kNonceAnnotation, spec.nonce},
          {kInputDigestAnnotation, spec.action.input_digest},
          {kRequestAnnotation, spec.request->meta.ns + "/" + spec.request->meta.name}}}}},
      {"spec",
       {{"backoffLimit", 0},
        {"completions", 1},
        {"parallelism", 1},
        {"activeDeadlineSeconds", deadline},
        {"template", {{"metadata", {{"labels", labels}}}, {"spec", gate_pod(spec)}}}}}};
  return out.dump();
}

std::string pin_apply(const Deployment& deployment, const ServingTarget& target,
                      const PatchPin& pin) {
  const json out = {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata",
       {{"name", deployment.meta.name},
        {"namespace", deployment.meta.ns},
        {"uid", deployment.meta.uid},
        {"resourceVersion", deployment.meta.resource_version},
        {"annotations",
         {{kSequenceAnnotation, std::to_string(pin.sequence)},
          {kRecordAnnotation, pin.record_digest}}}}},
      {"spec",
       {{"template",
         {{"spec",
           {{"containers",
             json::array({{{"name", target.container},
                           {"env", env_json(render_pins(target, pin.version))}}})}}}}}}}};
  return out.dump();
}

std::string claim_apply(const Deployment& deployment, const ServingTarget& target) {
  std::string names;
  for (const PinEnv& pin : target.pin)
    names += (names.empty() ? "" : ",") + pin.name;
  const json out = {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata",
       {{"name", deployment.meta.name},
        {"namespace", deployment.meta.ns},
        {"uid", deployment.meta.uid},
        {"resourceVersion", deployment.meta.resource_version},
        {"labels", {{kTargetLabel, target.meta.name}}},
        {"annotations", {{kContainerAnnotation, target.container}, {kPinEnvAnnotation, names}}}}}};
  return out.dump();
}

}  // namespace stagekeeper::promotion
