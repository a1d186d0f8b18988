#include "operator/gate/model_server.h"

#include "base/text.h"

#include <fmt/format.h>
#include <utility>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Reasoned;

constexpr int kOk = 200;
constexpr std::size_t kMaxShown = 200;

}  // namespace

ModelServer::ModelServer(http::Client& client, const Timer& timer, const gates::GateInput& input,
                         gates::Endpoint endpoint, std::string role)
    : client_(client),
      timer_(timer),
      inference_(input.inference),
      scoring_(input.scoring),
      endpoint_(std::move(endpoint)),
      role_(std::move(role)) {}

Reasoned<void> ModelServer::check_version(const http::Response& response) {
  seen_version_ =
      printable(http::header_value(response.headers, inference_.version_header), kMaxShown);
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
      client_.send(http::Request{.method = "GET", .target = inference_.health_path});
  if (!response) {
    return because("NotReady", fmt::format("GET {} of the {} at {}: {}", inference_.health_path,
                                           role_, endpoint_.url, response.error().message));
  }
  if (response->status != kOk) {
    return because("NotReady",
                   fmt::format("GET {} of the {} at {} answered {}", inference_.health_path, role_,
                               endpoint_.url, response->status));
  }
  return check_version(*response);
}

Reasoned<Answer> ModelServer::score(const Batch& batch) {
  const http::Request request{.method = "POST",
                              .target = inference_.scoring_path,
                              .headers = {{"Content-Type", "application/json"}},
                              .body = batch.body,
                              // Scoring changes nothing, and servers close connections that idle
                              // while the other server is asked.
                              .idempotency = http::Idempotency::kIdempotent};
  const Timer::Duration begin = timer_.now();
  const Result<http::Response> response = client_.send(request);
  const Timer::Duration elapsed = timer_.now() - begin;
  if (!response) {
    return because("ScoringFailed", fmt::format("POST {} to the {}: {}", inference_.scoring_path,
                                                role_, response.error().message));
  }
  if (response->status != kOk) {
    return because("ScoringFailed", fmt::format("POST {} to the {} answered {}; its log says why",
                                                inference_.scoring_path, role_, response->status));
  }
  SK_CHECK_OK(check_version(*response));
  Reasoned<std::vector<double>> scores = read_predictions(response->body, batch.rows, scoring_);
  if (!scores) return because(scores.error().code, role_ + ": " + scores.error().message);
  return Answer{.scores = std::move(*scores), .elapsed = elapsed - response->wasted};
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
