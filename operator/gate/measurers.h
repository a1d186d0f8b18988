#pragma once

#include "gates/evaluation_set.h"
#include "gates/gate_input.h"
#include "gates/reason.h"
#include "operator/gate/scoring.h"

#include <span>
#include <string>
#include <string_view>

namespace stagekeeper::gate {

/// Measures what a gate of one kind asks for, through live servers: waits until they are ready,
/// scores rows, computes. Judges nothing. Returns Report::metrics.
/// Reasons: those of wait_until_ready, ModelServer, auc_roc, check_scores and of the kind's own.
using Measure = gates::Reasoned<std::string> (*)(const gates::GateInput& input,
                                                 const gates::EvaluationSet& rows,
                                                 const Surroundings& around);

// One function a kind, each in a file of operator/gate/kinds.

/// All rows through candidate and champion, batch by batch, same rows, same order; both AUCs, the
/// paired interval, and the candidate's scores of rows that the nonce chooses (golden rows).
gates::Reasoned<std::string> measure_accuracy(const gates::GateInput& input,
                                              const gates::EvaluationSet& rows,
                                              const Surroundings& around);

/// Warm-up calls, then one timed call per sample, one row a call, rows from the first on and around
/// again, connections kept alive. What is predicted does not matter.
gates::Reasoned<std::string> measure_latency(const gates::GateInput& input,
                                             const gates::EvaluationSet& rows,
                                             const Surroundings& around);

/// All rows through the candidate, the AUC of each group.
gates::Reasoned<std::string> measure_fairness(const gates::GateInput& input,
                                              const gates::EvaluationSet& rows,
                                              const Surroundings& around);

/// How often the smoke test asks. With r equal replicas one of them stays unseen with
/// (1 − 1/r)^10: 0.1 % for 2, 6 % for 4.
inline constexpr int kSmokeCalls = 10;

/// Health and version over a new connection each time, so that every replica of a Service is likely
/// seen, then the golden rows in the same way, where there are any. Another version that answers is
/// what was measured, no error. Further reason: NoSuchRow (a golden row beyond the table).
gates::Reasoned<std::string> measure_smoke(const gates::GateInput& input,
                                           const gates::EvaluationSet& rows,
                                           const Surroundings& around);

/// One row of the table that adding a kind adds to.
struct Measurer {
  std::string_view kind;  ///< name of a gates::Kind
  const char* help;       ///< of its subcommand
  Measure measure;
};

/// Every kind's measurer.
std::span<const Measurer> measurers();

/// That of a kind, or null.
const Measurer* find_measurer(std::string_view kind);

}  // namespace stagekeeper::gate
