#pragma once

#include "gates/gate_input.h"
#include "gates/reason.h"
#include "gates/report.h"
#include "gates/table.h"
#include "operator/gate/measure.h"

namespace stagekeeper::gate {

/// How often a Service is asked. With r equal replicas one of them stays unseen with (1 − 1/r)^10:
/// 0.1 % for 2, 6 % for 4.
inline constexpr int kSmokeCalls = 10;

/// The Smoke part of measure().
gates::Reasoned<gates::Metrics> measure_smoke(const gates::GateInput& input,
                                              const gates::Table& rows, const Surroundings& around);

}  // namespace stagekeeper::gate
