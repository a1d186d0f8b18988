#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

// Whether a gate Job, or its pod, is the one that the operator would make. A Job under the right
// name, with the right images, may run another program, with other data, than a gate.
namespace stagekeeper {

/// Where a Job is another one than `wanted`, the body that the operator would create: the first
/// field, such as "spec.template.spec.containers[gate].command", or an empty text. Defaults that
/// the API server writes are no difference, nor what admission adds to say where a pod runs and how
/// its images are pulled; what decides which program runs with what is, where it was added, too.
/// Errors: Corrupt for what is no Job.
Result<std::string> job_departure(std::string_view wanted_json, std::string_view job_json);

/// The same for a pod of that Job. Beside what is allowed to a Job, admission may add containers
/// that share no volume with those of the gate and have no capabilities, and variables and tokens
/// that do not change how a program is loaded or whom it talks to.
/// Errors: Corrupt for what is no Job or no Pod.
Result<std::string> job_pod_departure(std::string_view wanted_json, std::string_view pod_json);

}  // namespace stagekeeper
