#pragma once

#include "base/result.h"
#include "gates/gate_input.h"
#include "kube/api.h"
#include "model/objects.h"
#include "model/workloads.h"
#include "promotion/action.h"
#include "promotion/world.h"

#include <string>
#include <vector>

namespace stagekeeper {

/// Where gate Jobs are and how their pods are read.
struct GateSource {
  kube::Api* api = nullptr;
  std::string gate_namespace;
  std::vector<Job> jobs;  ///< every gate Job of the request
};

/// What the latest attempt of a gate shows, for the evaluation that `input_digest` names. A verdict
/// is computed anew from the pod each time, by the operator's own rules (see gates::conclude); the
/// pods of a Job that is over are read live, since a cache may lag behind the Job's.
/// Errors: those of the API.
Result<promotion::GateState> read_gate(const promotion::World& world, const GateSpec& spec,
                                       const std::string& input_digest, const GateSource& source);

/// What a gate Job is told. Errors: Invalid when it cannot be expressed.
Result<std::string> build_gate_input(const promotion::World& world,
                                     const promotion::CreateGateJob& job, const std::string& nonce);

}  // namespace stagekeeper
