#include "base/text.h"
#include "promotion/manifests.h"
#include "promotion/manifests/builders.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

bool is_init(const Deployment& deployment, const std::string& container) {
  const auto found = std::ranges::find(deployment.containers, container, &ContainerSpec::name);
  return found != deployment.containers.end() && found->init;
}

/// The pins as a pod spec: one entry for each container that has any, in the order of the pins.
json pod_of(const Deployment& deployment, const std::vector<RenderedPin>& pins) {
  json pod = json::object();
  for (const RenderedPin& pin : pins) {
    json& list = pod[is_init(deployment, pin.container) ? "initContainers" : "containers"];
    if (list.is_null()) list = json::array();
    auto entry = std::find_if(list.begin(), list.end(),
                              [&](const json& each) { return each["name"] == pin.container; });
    if (entry == list.end()) {
      list.push_back({{"name", pin.container}, {"env", json::array()}});
      entry = std::prev(list.end());
    }
    (*entry)["env"].push_back({{"name", pin.name}, {"value", pin.value}});
  }
  return pod;
}

/// Everything that manager `stagekeeper-pin` has: what is left out here, the API server removes.
struct PinSet {
  std::string uid;
  std::string resource_version;
  const std::vector<RenderedPin>& pins;
  std::uint64_t sequence = 0;
  std::string record_digest;
  std::string pinned_at = {};  ///< empty: the pins stay, so the time they were written says nothing
};

std::string pin_set(const Deployment& deployment, const PinSet& set) {
  ObjectMeta meta = deployment.meta;
  meta.uid = set.uid;
  json out = build::deployment_apply(meta, set.resource_version);
  out["metadata"]["annotations"] = {{kSequenceAnnotation, std::to_string(set.sequence)},
                                    {kRecordAnnotation, set.record_digest}};
  if (!set.pinned_at.empty()) out["metadata"]["annotations"][kPinnedAtAnnotation] = set.pinned_at;
  if (!set.pins.empty()) out["spec"]["template"]["spec"] = pod_of(deployment, set.pins);
  return out.dump();
}

}  // namespace

std::string pin_apply(const Deployment& deployment, const PatchPin& pin) {
  return pin_set(deployment, {.uid = pin.deployment_uid,
                              .resource_version = pin.resource_version,
                              .pins = pin.pins,
                              .sequence = pin.sequence,
                              .record_digest = pin.record_digest,
                              .pinned_at = format_time(pin.at)});
}

std::string fence_apply(const Deployment& deployment, const RaiseFence& fence) {
  return pin_set(deployment, {.uid = fence.deployment_uid,
                              .resource_version = fence.resource_version,
                              .pins = fence.pins,
                              .sequence = fence.sequence,
                              .record_digest = fence.record_digest});
}

std::string claim_apply(const Deployment& deployment, const ServingTarget& target) {
  std::vector<std::string> names;
  for (const PinEnv& pin : target.pin)
    names.push_back(pin.container + "/" + pin.name);
  json out = build::deployment_apply(deployment.meta, deployment.meta.resource_version);
  out["metadata"]["labels"] = {{kTargetLabel, target.meta.name}};
  out["metadata"]["annotations"] = {{kPinEnvAnnotation, join(names, ",")}};
  return out.dump();
}

std::string release_apply(const Deployment& deployment) {
  return build::deployment_apply(deployment.meta, "").dump();
}

}  // namespace stagekeeper::promotion
