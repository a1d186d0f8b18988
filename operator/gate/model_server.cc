#include "operator/gate/model_server.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>
#include <utility>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Reasoned;

constexpr int kOk = 200;
constexpr std::size_t kMaxShown = 200;
constexpr std::size_t kMaxCode = 64;

/// A connection that the server has closed fails at once.
constexpr std::chrono::seconds kAtOnce{5};
/// What failed after this long was not answered in time: the client waits 30 s for any progress.
constexpr std::chrono::seconds kLong{20};

/// 4xx that say "later", not "never".
bool says_later(int status) {
  return status == 408 || status == 425 || status == 429;
}

/// MLflow's error_code (" BAD_REQUEST"), a fixed word; empty when there is none. Nothing else of
/// the body is shown: it may hold rows.
std::string error_code(const std::string& body) {
  const Result<nlohmann::json> parsed = parse_strict_json(body, kMaxAnswerBytes);
  std::string code = parsed ? text_at(*parsed, {"error_code"}) : "";
  const bool word = code.size() <= kMaxCode &&
                    code.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos;
  return word && !code.empty() ? " " + code : "";
}

}  // namespace

ModelServer::ModelServer(std::unique_ptr<http::Client> client, const Timer& timer,
                         const gates::GateInput& input, gates::Endpoint endpoint, std::string role)
    : client_(std::move(client)),
      timer_(timer),
      inference_(input.inference),
      scoring_(input.binary ? input.binary->scoring : gates::Scoring{}),
      endpoint_(std::move(endpoint)),
      role_(std::move(role)) {}

Reasoned<void> ModelServer::check_version(const http::Response& response) {
  const auto header = response.headers.find(inference_.version_header);
  seen_version_ = header == response.headers.end() ? "" : printable(header->second, kMaxShown);
  if (seen_version_ == endpoint_.version) return {};
  if (seen_version_.empty()) {
    return because("WrongVersion",
                   fmt::format("the {} answers without the header {}, expected version {}", role_,
                               inference_.version_header, endpoint_.version));
  }
  return because("WrongVersion", fmt::format("the {} answers with version {}, expected version {}",
                                             role_, seen_version_, endpoint_.version));
}

Reasoned<void> ModelServer::check_health() {
  const Result<http::Response> response =
      client_->send(http::Request{.method = "GET", .target = inference_.health_path});
  if (!response) {
    return because("NotReady", fmt::format("GET {} of the {} at {}: {}", inference_.health_path,
                                           role_, endpoint_.url, response.error().message));
  }
  if (response->status != kOk) {
    return because("NotReady",
                   fmt::format("GET {} of the {} at {} answered {}", inference_.health_path, role_,
                               endpoint_.url, response->status));
  }
  answered_ = true;
  return check_version(*response);
}

Reasoned<ModelServer::Answered> ModelServer::post(const Batch& batch) {
  const http::Request request{.method = "POST",
                              .target = inference_.scoring_path,
                              .headers = {{"Content-Type", "application/json"}},
                              .body = batch.body};
  Timer::Duration begin = timer_.now();
  Result<http::Response> response = client_->send(request);
  if (!response && answered_ && timer_.now() - begin < kAtOnce) {
    begin = timer_.now();
    response = client_->send(request);  // on a new connection: the client has given up the old one
  }
  const Timer::Duration elapsed = timer_.now() - begin;
  if (!response) {
    return because(std::string(elapsed >= kLong ? kTimedOut : "ScoringFailed"),
                   fmt::format("POST {} to the {}, {} rows: {}", inference_.scoring_path, role_,
                               batch.rows, response.error().message));
  }
  answered_ = true;
  if (response->status != kOk) return tl::unexpected(refusal(*response));
  SK_CHECK_OK(check_version(*response));
  return Answered{.body = std::move(response->body), .elapsed = elapsed};
}

gates::Reason ModelServer::refusal(const http::Response& response) const {
  const int status = response.status;
  const bool never = status / 100 == 4 && !says_later(status);
  return {
      .code = never ? "ScoringRefused" : "ScoringFailed",
      .message = fmt::format("POST {} to the {} answered {}{}; its log says why (that of a "
                             "clone goes when the request ends)",
                             inference_.scoring_path, role_, status, error_code(response.body))};
}

Reasoned<Answer> ModelServer::score(const Batch& batch) {
  SK_TRY(const Answered answered, post(batch));
  Reasoned<std::vector<double>> scores = read_predictions(answered.body, batch.rows, scoring_);
  if (!scores) return because(scores.error().code, role_ + ": " + scores.error().message);
  return Answer{.scores = *std::move(scores), .elapsed = answered.elapsed};
}

Reasoned<Timer::Duration> ModelServer::call(const Batch& batch) {
  SK_TRY(const Answered answered, post(batch));
  const Reasoned<void> counted = check_predictions(answered.body, batch.rows);
  if (!counted) return because(counted.error().code, role_ + ": " + counted.error().message);
  return answered.elapsed;
}

Reasoned<void> wait_until_ready(ModelServer& server, Timer& timer, const ReadyLimits& limits) {
  const Timer::Duration deadline = timer.now() + limits.timeout;
  while (true) {
    const Reasoned<void> healthy = server.check_health();
    if (healthy) return {};
    if (timer.now() + limits.interval > deadline) {
      const bool wrong = healthy.error().code == "WrongVersion";
      const char* not_ready =
          server.role() == "champion" ? "ChampionNotReady" : "CandidateNotReady";
      return because(wrong ? "WrongVersion" : not_ready,
                     fmt::format("not ready within {} s; last seen: {}", limits.timeout.count(),
                                 cut_utf8(healthy.error().message, 2 * kMaxShown)));
    }
    timer.sleep(limits.interval);
  }
}

}  // namespace stagekeeper::gate
