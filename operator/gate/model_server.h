#pragma once

#include "gates/gate_input.h"
#include "gates/reason.h"
#include "http/client.h"
#include "inference/proof.h"
#include "inference/protocol.h"
#include "operator/gate/timer.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::gate {

/// Opens a client to an origin ("https://host:port"); each client has connections of its own.
using Connect = std::function<Result<std::unique_ptr<http::Client>>(const std::string& origin)>;

/// Code of a request that was not answered in time.
inline constexpr std::string_view kTimedOut = "ScoringTimedOut";

/// The scores of one request and how long it took, from sending to the last byte.
struct Answer {
  std::vector<double> scores;
  Timer::Duration elapsed{};
};

/// A model server that must serve one version: every answer that can prove it has to. Values of
/// answers are never repeated in reasons, they may hold rows. Not thread-safe.
class ModelServer {
 public:
  /// `role` names the server in messages and codes: "candidate", "champion"; `token` goes into the
  /// Authorization header, empty: none.
  /// Assumptions: inference::check(input.inference) has passed. Lifetime: timer and protocol table
  /// outlive it.
  ModelServer(std::unique_ptr<http::Client> client, const Timer& timer,
              const gates::GateInput& input, gates::Endpoint endpoint, std::string role,
              const std::string& token = {});

  /// The request for the rows from `begin` on. Reasons: those of Protocol::request.
  [[nodiscard]] gates::Reasoned<inference::Batch> batch(const gates::Table& table,
                                                        std::size_t begin,
                                                        const inference::BatchLimits& limits) const;

  /// One GET of the health path.
  /// Reasons: NotReady (no answer, or not 200), WrongVersion.
  gates::Reasoned<void> check_health();

  /// Scores a batch. A request that fails at once on a server that has answered before is sent
  /// again: servers close connections that idle, and scoring changes nothing.
  /// Reasons: ScoringFailed (no answer, or 5xx), kTimedOut, ScoringRefused (4xx: another attempt
  /// would be refused alike), WrongVersion, and those of read_scores.
  gates::Reasoned<Answer> score(const inference::Batch& batch);

  /// As score, but what is predicted does not matter, only that every row has a prediction.
  /// Returns how long it took.
  gates::Reasoned<Timer::Duration> call(const inference::Batch& batch);

  [[nodiscard]] const std::string& role() const { return role_; }

  /// The version that the last answer proved to be served, or the other one that it named; empty
  /// before, or when it named none.
  [[nodiscard]] const std::string& seen_version() const { return seen_version_; }

 private:
  /// An answer of status 200 in the right version, and its time.
  struct Answered {
    std::string body;
    Timer::Duration elapsed{};
  };

  gates::Reasoned<Answered> post(const inference::Batch& batch);
  /// Whether the headers or the path prove the version, where they are the proof.
  gates::Reasoned<void> check_version(const http::Response& response);
  /// Whether the body proves it, where it is the proof.
  gates::Reasoned<void> check_body(const std::string& body);
  gates::Reasoned<void> compare(std::string version);
  /// The version is in the path, and there is nothing there.
  [[nodiscard]] bool not_there(const http::Response& response) const;
  gates::Reasoned<void> other_version(const std::string& path);
  [[nodiscard]] gates::Reason refusal(const http::Response& response) const;

  std::unique_ptr<http::Client> client_;
  const Timer& timer_;
  gates::Inference inference_;
  const inference::Protocol& protocol_;
  inference::Proof proof_;
  inference::AskedPaths paths_;
  gates::Scoring scoring_;
  gates::Endpoint endpoint_;
  http::Headers headers_;
  std::string role_;
  std::string seen_version_;
  bool answered_ = false;
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
