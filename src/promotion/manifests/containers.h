#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>

namespace stagekeeper::promotion {

/// Visits every container of a pod spec, init containers first. Throws what `visit` throws.
void for_each_container(nlohmann::json& pod_spec,
                        const std::function<void(nlohmann::json& container)>& visit);

}  // namespace stagekeeper::promotion
