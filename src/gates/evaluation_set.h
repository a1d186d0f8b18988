#pragma once

#include "gates/fairness.h"
#include "gates/gate_input.h"
#include "gates/kind.h"
#include "gates/reason.h"
#include "gates/table.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace stagekeeper::gates {

/// The rows a gate works on, with what is sent to the model apart from what must never be.
struct EvaluationSet {
  Table features;                    ///< the signature's columns only
  std::vector<std::uint8_t> labels;  ///< 1 = positive; empty unless the kind needs labels
  std::vector<GroupColumn> groups;   ///< as in BinaryTask::group_columns, where the kind needs them
};

/// Reads the evaluation file, and of it no more than the kind needs. A label is positive when its
/// text equals `positive_label`; all others must have one and the same text, or a "1.0" or a
/// "True " would silently count as negative.
/// Assumptions: the input has what the kind needs (parse_gate_input has checked).
/// Reasons: those of read_table; MissingLabel (none, or one that says so: NaN, null), UnclearLabels
/// (more than one value beside the positive one), OneClass (no positive one). They name rows, and
/// labels, which are no secret.
Reasoned<EvaluationSet> read_evaluation_set(std::string_view csv, const GateInput& input,
                                            const Needs& needs);

}  // namespace stagekeeper::gates
