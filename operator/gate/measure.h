#pragma once

#include "gates/evaluation_set.h"
#include "gates/gate_input.h"
#include "gates/reason.h"
#include "gates/report.h"
#include "http/client.h"
#include "operator/gate/model_server.h"
#include "operator/gate/timer.h"

#include <functional>
#include <memory>
#include <string>

namespace stagekeeper::gate {

/// Opens a client to an origin ("http://host:port"); each client has connections of its own.
using Connect = std::function<Result<std::unique_ptr<http::Client>>(const std::string& origin)>;

/// What the measurements act on. Lifetime: the timer outlives it.
struct Surroundings {
  Connect connect;
  Timer& timer;
  ReadyLimits ready = {};
};

/// Measures what the input's type asks for, through live servers: waits until they are ready,
/// scores rows, computes. Judges nothing.
///
/// Accuracy: all rows through candidate and champion, batch by batch, same rows, same order; both
/// AUCs, the paired interval, and the candidate's score of the first row (golden row).
/// Latency (requirement R13): warm-up calls, then one timed call per sample, one row a call, rows
/// from the first on and around again, connections kept alive.
/// Fairness: all rows through the candidate, the AUC of each group.
/// Smoke: health and version over a new connection each time, so that every replica of a Service is
/// likely seen, then the golden row in the same way. Another version that answers is what was
/// measured, no error.
///
/// Reasons: those of wait_until_ready, ModelServer::score, auc_roc, check_scores, group_aucs,
/// latency_stats; NoSuchRow for a golden row beyond the table.
gates::Reasoned<gates::Metrics> measure(const gates::GateInput& input,
                                        const gates::EvaluationSet& rows,
                                        const Surroundings& around);

}  // namespace stagekeeper::gate
