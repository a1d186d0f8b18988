#include "base/canonical_json.h"
#include "model/decode.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace stagekeeper {
namespace {

using nlohmann::json;

/// Parses what is digested exactly as it is.
Result<json> parse_object(std::string_view text) {
  Result<json> parsed = parse_strict_json(text, kMaxObjectBytes);
  if (!parsed) return fail(ErrorCode::kCorrupt, "decode object: " + parsed.error().message);
  if (!parsed->is_object()) return fail(ErrorCode::kCorrupt, "decode object: it is no object");
  return parsed;
}

Result<Digest> digest_of(const json& value) {
  Result<std::string> bytes = canonical_json(value);
  if (!bytes) return fail(ErrorCode::kCorrupt, bytes.error().message);
  return sha256_digest(*bytes);
}

/// Takes the env entries out that `pins` names for this container.
void drop_pins(json& container, const std::vector<PinEnv>& pins) {
  const auto container_name = container.at("name").get<std::string>();
  if (!container.contains("env")) return;
  json kept = json::array();
  for (const json& entry : container["env"]) {
    const auto name = entry.at("name").get<std::string>();
    const bool pin = std::any_of(pins.begin(), pins.end(), [&](const PinEnv& each) {
      return each.container == container_name && each.name == name;
    });
    if (!pin) kept.push_back(entry);
  }
  if (kept.empty()) {
    container.erase("env");
  } else {
    container["env"] = std::move(kept);
  }
}

/// Throws json::exception for a template of another shape.
void normalise(json& pod, const std::vector<PinEnv>& pins) {
  const json::json_pointer annotations("/metadata/annotations");
  if (pod.contains(annotations)) {
    pod[annotations].erase("kubectl.kubernetes.io/restartedAt");
    if (pod[annotations].empty()) pod["metadata"].erase("annotations");
  }
  // The ReplicaSets of a Deployment bear its template with this label added.
  const json::json_pointer labels("/metadata/labels");
  if (pod.contains(labels)) pod[labels].erase("pod-template-hash");
  json& spec = pod.at("spec");
  for (json& container : spec.at("containers"))
    drop_pins(container, pins);
  if (!spec.contains("initContainers")) return;
  for (json& container : spec["initContainers"])
    drop_pins(container, pins);
}

}  // namespace

Result<Digest> spec_digest(std::string_view json) {
  SK_TRY(const nlohmann::json object, parse_object(json));
  if (!object.contains("spec")) return fail(ErrorCode::kCorrupt, "decode object: it has no spec");
  return digest_of(object["spec"]);
}

Result<Digest> template_digest(std::string_view deployment_json, const std::vector<PinEnv>& pins) {
  SK_TRY(json object, parse_object(deployment_json));
  const json::json_pointer path("/spec/template");
  if (!object.contains(path)) return fail(ErrorCode::kCorrupt, "deployment without a pod template");
  try {
    normalise(object[path], pins);
  } catch (const json::exception&) {
    return fail(ErrorCode::kCorrupt, "the pod template of the deployment is malformed");
  }
  return digest_of(object[path]);
}

}  // namespace stagekeeper
