#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace stagekeeper {

/// Where a running pod is another one than its ReplicaSet's template makes: the first field, such
/// as "spec.containers[server].args", or an empty text. A pod can differ since a controller adopts
/// any pod that bears its labels, and since an image may be changed in place. What a pod has beyond
/// its template (sidecars, tokens and tolerations that admission adds) is no difference; what the
/// template names and the pod has in another form is.
/// Errors: Corrupt for what is no Pod or no ReplicaSet.
Result<std::string> pod_departure(std::string_view replica_set_json, std::string_view pod_json);

}  // namespace stagekeeper
