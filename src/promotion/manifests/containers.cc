#include "promotion/manifests/containers.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::promotion {

void for_each_container(nlohmann::json& pod_spec,
                        const std::function<void(nlohmann::json& container)>& visit) {
  for (const char* list : {"initContainers", "containers"}) {
    if (!pod_spec.contains(list)) continue;
    for (nlohmann::json& container : pod_spec[list])
      visit(container);
  }
}

}  // namespace stagekeeper::promotion
