#pragma once

#include "base/decimal.h"
#include "base/result.h"
#include "gates/auc.h"
#include "gates/gate_input.h"
#include "gates/reason.h"
#include "gates/table.h"
#include "http/client.h"
#include "operator/gate/model_server.h"
#include "operator/gate/timer.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// What the kinds' measurements share.
namespace stagekeeper::gate {

/// What the measurements act on. Lifetime: the timer outlives it.
struct Surroundings {
  Connect connect;
  Timer& timer;
  ReadyLimits ready = {};
  std::string token = {};  ///< bearer token for model servers; secret; empty: none
};

/// Opens a connection to an endpoint and waits until it is ready. `role` as in ModelServer.
/// Reasons: InvalidInput (a bad URL), and those of wait_until_ready.
gates::Reasoned<std::unique_ptr<ModelServer>> open_ready(const gates::GateInput& input,
                                                         const gates::Endpoint& endpoint,
                                                         const char* role,
                                                         const Surroundings& around);

/// Scores of all rows by candidate and champion (left empty where there is none).
struct BothScores {
  std::vector<double> candidate;
  std::vector<double> champion;
};

/// Sends every row to both, batch by batch. After a timeout batches get smaller, down to one row:
/// what is slow is not wrong. Reasons: those of ModelServer::score.
gates::Reasoned<BothScores> score_all(const gates::Table& table, ModelServer& candidate,
                                      ModelServer* champion);

/// The AUC of a whole evaluation set, scores looked at first; `role` goes before the message.
/// Reasons: those of auc_roc and check_scores.
gates::Reasoned<gates::Auc> checked_auc(const char* role, const std::vector<double>& scores,
                                        const std::vector<std::uint8_t>& labels);

/// A number fit for a report. Finite and small by construction (AUCs, milliseconds below the
/// timeout), so that the reason NotFinite is a bug's and not a user's.
gates::Reasoned<Decimal> to_decimal(double value);

}  // namespace stagekeeper::gate
