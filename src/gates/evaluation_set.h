#pragma once

#include "gates/fairness.h"
#include "gates/gate_input.h"
#include "gates/reason.h"
#include "gates/table.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace stagekeeper::gates {

/// The rows a gate works on, with what is sent to the model apart from what must never be.
struct EvaluationSet {
  Table features;                    ///< the signature's columns only
  std::vector<std::uint8_t> labels;  ///< 1 = positive
  std::vector<GroupColumn> groups;   ///< as in GateInput::group_columns
};

/// Reads the evaluation file. A label is positive when its text equals `positive_label`.
/// Reasons: those of read_table; MissingLabel (a row without one).
Reasoned<EvaluationSet> read_evaluation_set(std::string_view csv, const GateInput& input);

}  // namespace stagekeeper::gates
