#include "operator/gate/model_server.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "base/text.h"
#include "inference/answer.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>
#include <utility>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Reasoned;
using inference::Proof;

/// Of a health check that got no HTTP answer.
constexpr const char* kNoAnswer = "NoAnswer";
/// Readiness is probed by the kubelet, from the node, so that this is what most often stands
/// between a ready pod and a gate.
constexpr const char* kKeptApart =
    ". Nothing has answered: if the pod is ready, look for a NetworkPolicy that keeps pods of the "
    "gate namespace from it; a clone bears the label stagekeeper.dev/clone, and none that the "
    "Service selects by";
constexpr int kOk = 200;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
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

/// What a refusal says: of JSON an error_code that is a fixed word (" BAD_REQUEST"), of a page its
/// first bytes, of plain text nothing but its first line. Nothing else is shown: messages of model
/// servers repeat rows.
std::string words_of(const std::string& body) {
  const std::string start = body.substr(0, body.find_first_of("\r\n"));
  if (start.starts_with('<') || start == "Internal Server Error")
    return ", beginning with " + inference::first_bytes(start);
  const Result<nlohmann::json> parsed = parse_strict_json(body, inference::kMaxAnswerBytes);
  std::string code = parsed ? text_at(*parsed, {"error_code"}) : "";
  const bool word = code.size() <= kMaxCode &&
                    code.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos;
  return word && !code.empty() ? " " + code : "";
}

}  // namespace

ModelServer::ModelServer(std::unique_ptr<http::Client> client, const Timer& timer,
                         const gates::GateInput& input, gates::Endpoint endpoint, std::string role,
                         const std::string& token)
    : client_(std::move(client)),
      timer_(timer),
      inference_(input.inference),
      protocol_(*inference::find_protocol(input.inference.protocol)),
      proof_(*inference::proof_of(input.inference.proof.type)),
      paths_(inference::asked_paths(input.inference, input.model, endpoint.version)),
      scoring_(input.binary ? input.binary->scoring : gates::Scoring{}),
      endpoint_(std::move(endpoint)),
      role_(std::move(role)) {
  if (!token.empty()) headers_.emplace("Authorization", "Bearer " + token);
}

Reasoned<inference::Batch> ModelServer::batch(const gates::Table& table, std::size_t begin,
                                              const inference::BatchLimits& limits) const {
  return protocol_.request(table, begin, limits, inference_);
}

Reasoned<void> ModelServer::compare(std::string version) {
  seen_version_ = printable(version, kMaxShown);
  if (version == endpoint_.version) return {};
  return because("WrongVersion", fmt::format("the {} answers with version {}, expected version {}",
                                             role_, seen_version_, endpoint_.version));
}

Reasoned<void> ModelServer::check_version(const http::Response& response) {
  if (proof_ == Proof::kPath) return compare(endpoint_.version);
  if (proof_ != Proof::kHeader) return {};
  const std::string_view header = http::header_value(response.headers, inference_.proof.header);
  if (!header.empty()) return compare(std::string(header));
  seen_version_.clear();
  return because("WrongVersion",
                 fmt::format("the {} answers without the header {}, expected version {}", role_,
                             inference_.proof.header, endpoint_.version));
}

Reasoned<void> ModelServer::check_body(const std::string& body) {
  if (proof_ != Proof::kBody) return {};
  Reasoned<std::string> version = inference::version_in_body(body, inference_.proof.pointer);
  if (version) return compare(*std::move(version));
  seen_version_.clear();
  return because(version.error().code, role_ + ": " + version.error().message);
}

bool ModelServer::not_there(const http::Response& response) const {
  return proof_ == Proof::kPath && response.status == kNotFound;
}

Reasoned<void> ModelServer::other_version(const std::string& path) {
  seen_version_.clear();
  return because("WrongVersion", fmt::format("{} of the {} answered 404: it does not serve version "
                                             "{} there",
                                             path, role_, endpoint_.version));
}

Reasoned<void> ModelServer::check_health() {
  const Result<http::Response> response =
      client_->send(http::Request{.method = "GET", .target = paths_.health, .headers = headers_});
  if (!response) {
    return because(kNoAnswer, fmt::format("GET {} of the {} at {}: {}", paths_.health, role_,
                                          endpoint_.url, response.error().message));
  }
  if (not_there(*response)) return other_version(paths_.health);
  if (response->status != kOk) {
    return because("NotReady",
                   fmt::format("GET {} of the {} at {} answered {}{}", paths_.health, role_,
                               endpoint_.url, response->status, words_of(response->body)));
  }
  answered_ = true;
  return check_version(*response);
}

Reasoned<ModelServer::Answered> ModelServer::post(const inference::Batch& batch) {
  http::Request request{
      .method = "POST", .target = paths_.scoring, .headers = headers_, .body = batch.body};
  request.headers.emplace("Content-Type", "application/json");
  Timer::Duration begin = timer_.now();
  Result<http::Response> response = client_->send(request);
  if (!response && answered_ && timer_.now() - begin < kAtOnce) {
    begin = timer_.now();
    response = client_->send(request);  // on a new connection: the client has given up the old one
  }
  const Timer::Duration elapsed = timer_.now() - begin;
  if (!response) {
    return because(std::string(elapsed >= kLong ? kTimedOut : "ScoringFailed"),
                   fmt::format("POST {} to the {}, {} rows: {}", paths_.scoring, role_, batch.rows,
                               response.error().message));
  }
  answered_ = true;
  if (not_there(*response)) {
    SK_CHECK_OK(other_version(paths_.scoring));
  }
  if (response->status != kOk) return tl::unexpected(refusal(*response));
  SK_CHECK_OK(check_version(*response));
  SK_CHECK_OK(check_body(response->body));
  return Answered{.body = std::move(response->body), .elapsed = elapsed};
}

gates::Reason ModelServer::refusal(const http::Response& response) const {
  const int status = response.status;
  const bool never = status / 100 == 4 && !says_later(status);
  const bool key = status == kUnauthorized || status == kForbidden;
  const char* cure = key && headers_.empty()
                         ? "it wants a token: name its Secret in inference.bearerTokenSecretRef"
                     : key ? "it does not take the token of inference.bearerTokenSecretRef"
                           : "its log says why (that of a clone goes when the request ends)";
  return {.code = never ? "ScoringRefused" : "ScoringFailed",
          .message = fmt::format("POST {} to the {} answered {}{}; {}", paths_.scoring, role_,
                                 status, words_of(response.body), cure)};
}

Reasoned<Answer> ModelServer::score(const inference::Batch& batch) {
  SK_TRY(const Answered answered, post(batch));
  Reasoned<std::vector<double>> scores =
      inference::read_scores(answered.body, batch.rows, inference_, scoring_);
  if (!scores) return because(scores.error().code, role_ + ": " + scores.error().message);
  return Answer{.scores = *std::move(scores), .elapsed = answered.elapsed};
}

Reasoned<Timer::Duration> ModelServer::call(const inference::Batch& batch) {
  SK_TRY(const Answered answered, post(batch));
  const Reasoned<void> counted =
      inference::check_predictions(answered.body, batch.rows, inference_);
  if (!counted) return because(counted.error().code, role_ + ": " + counted.error().message);
  return answered.elapsed;
}

Reasoned<void> wait_until_ready(ModelServer& server, Timer& timer, const ReadyLimits& limits) {
  const Timer::Duration deadline = timer.now() + limits.timeout;
  bool heard = false;  // of anybody, whatever was said
  while (true) {
    const Reasoned<void> healthy = server.check_health();
    if (healthy) return {};
    heard = heard || healthy.error().code != kNoAnswer;
    if (timer.now() + limits.interval > deadline) {
      const bool wrong = healthy.error().code == "WrongVersion";
      const char* not_ready =
          server.role() == "champion" ? "ChampionNotReady" : "CandidateNotReady";
      return because(
          wrong ? "WrongVersion" : not_ready,
          fmt::format("not ready within {} s; last seen: {}{}", limits.timeout.count(),
                      cut_utf8(healthy.error().message, 2 * kMaxShown), heard ? "" : kKeptApart));
    }
    timer.sleep(limits.interval);
  }
}

}  // namespace stagekeeper::gate
