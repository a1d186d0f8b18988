#pragma once

#include "model/objects.h"

#include <nlohmann/json_fwd.hpp>

namespace stagekeeper::promotion {

/// Makes of the pod spec of a workload that of its clones, but for the pins: their service account,
/// nodes and resources. Throws nlohmann::json::exception when the pod spec is malformed.
void tailor_pod(nlohmann::json& pod_spec, const CloneSpec& clone);

/// Takes out of a pod spec what the API server writes in a form of its own where clones differ, so
/// that the rest can be compared as it stands: quantities, and an old name of the service account.
void drop_rewritten(nlohmann::json& pod_spec, const CloneSpec& clone);

}  // namespace stagekeeper::promotion
