#include "promotion/manifests/tailor.h"

#include "promotion/manifests/containers.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

/// Visits the container of that name, init containers included.
template <typename Visit>
void visit_container(json& pod_spec, const std::string& name, const Visit& visit) {
  for_each_container(pod_spec, [&](json& container) {
    if (container.value("name", json()) == json(name)) visit(container);
  });
}

}  // namespace

void tailor_pod(json& pod_spec, const CloneSpec& clone) {
  if (!clone.service_account.empty()) {
    pod_spec["serviceAccountName"] = clone.service_account;
    pod_spec.erase("serviceAccount");  // an old name of the field, which the API server fills in
  }
  if (!clone.node_selector.empty()) pod_spec["nodeSelector"] = clone.node_selector;
  for (const CloneResources& each : clone.resources) {
    visit_container(pod_spec, each.container, [&each](json& container) {
      container["resources"] = json::object();
      if (!each.requests.empty()) container["resources"]["requests"] = each.requests;
      if (!each.limits.empty()) container["resources"]["limits"] = each.limits;
    });
  }
}

void drop_rewritten(json& pod_spec, const CloneSpec& clone) {
  if (!clone.service_account.empty()) pod_spec.erase("serviceAccount");
  for (const CloneResources& each : clone.resources) {
    visit_container(pod_spec, each.container,
                    [](json& container) { container.erase("resources"); });
  }
}

}  // namespace stagekeeper::promotion
