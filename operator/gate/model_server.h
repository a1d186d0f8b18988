#pragma once

#include "gates/gate_input.h"
#include "gates/reason.h"
#include "http/client.h"
#include "operator/gate/mlflow.h"
#include "operator/gate/timer.h"

#include <string>
#include <vector>

namespace stagekeeper::gate {

/// The scores of one request and how long it took, from sending to the last byte. An attempt on a
/// connection that the server had closed does not count.
struct Answer {
  std::vector<double> scores;
  Timer::Duration elapsed{};
};

/// A model server that must serve one version: every answer has to say so in the version header.
/// Bodies of answers are never repeated in reasons, they may hold rows. Not thread-safe.
class ModelServer {
 public:
  /// `role` names the server in messages and codes: "candidate", "champion".
  /// Lifetime: client and timer outlive it.
  ModelServer(http::Client& client, const Timer& timer, const gates::GateInput& input,
              gates::Endpoint endpoint, std::string role);

  /// One GET of the health path.
  /// Reasons: NotReady (no answer, or not 200), WrongVersion.
  gates::Reasoned<void> check_health();

  /// Scores a batch.
  /// Reasons: ScoringFailed (no answer, or not 200), WrongVersion, and those of read_predictions.
  gates::Reasoned<Answer> score(const Batch& batch);

  [[nodiscard]] const std::string& role() const { return role_; }

  /// The version that the last answer named; empty before, or when it named none.
  [[nodiscard]] const std::string& seen_version() const { return seen_version_; }

 private:
  gates::Reasoned<void> check_version(const http::Response& response);

  http::Client& client_;
  const Timer& timer_;
  gates::Inference inference_;
  gates::Scoring scoring_;
  gates::Endpoint endpoint_;
  std::string role_;
  std::string seen_version_;
};

/// How long to wait for a server, and how often to ask.
struct ReadyLimits {
  std::chrono::seconds timeout{120};
  std::chrono::milliseconds interval{500};
};

/// Asks until the server is healthy in the right version.
/// Reasons: CandidateNotReady, ChampionNotReady (by role) or WrongVersion, with what was seen last.
gates::Reasoned<void> wait_until_ready(ModelServer& server, Timer& timer,
                                       const ReadyLimits& limits);

}  // namespace stagekeeper::gate
