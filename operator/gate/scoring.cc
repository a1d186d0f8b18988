#include "operator/gate/scoring.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Reasoned;

/// By how much batches shrink after a timeout.
constexpr std::size_t kShrink = 8;

}  // namespace

Reasoned<std::unique_ptr<ModelServer>> open_ready(const gates::GateInput& input,
                                                  const gates::Endpoint& endpoint, const char* role,
                                                  const Surroundings& around) {
  Result<std::unique_ptr<http::Client>> client = around.connect(endpoint.url);
  if (!client) return because("InvalidInput", client.error().message);
  auto server = std::make_unique<ModelServer>(*std::move(client), around.timer, input, endpoint,
                                              role, around.token);
  SK_CHECK_OK(wait_until_ready(*server, around.timer, around.ready));
  return server;
}

Reasoned<BothScores> score_all(const gates::Table& table, ModelServer& candidate,
                               ModelServer* champion) {
  BothScores out;
  inference::BatchLimits limits;
  for (std::size_t begin = 0; begin < table.rows;) {
    SK_TRY(const inference::Batch batch, candidate.batch(table, begin, limits));
    const Reasoned<Answer> first = candidate.score(batch);
    Reasoned<Answer> second = Answer{};
    if (first && champion != nullptr) second = champion->score(batch);
    const Reasoned<Answer>& worse = first ? second : first;
    if (!worse && worse.error().code == kTimedOut && batch.rows > 1) {
      limits.rows = std::max<std::size_t>(batch.rows / kShrink, 1);
      continue;
    }
    if (!worse) return tl::unexpected(worse.error());
    out.candidate.insert(out.candidate.end(), first->scores.begin(), first->scores.end());
    out.champion.insert(out.champion.end(), second->scores.begin(), second->scores.end());
    begin += batch.rows;
  }
  return out;
}

Reasoned<gates::Auc> checked_auc(const char* role, const std::vector<double>& scores,
                                 const std::vector<std::uint8_t>& labels) {
  const auto named = [&](const gates::Reason& reason) {
    return because(reason.code, fmt::format("{}: {}", role, reason.message));
  };
  Reasoned<gates::Auc> auc = gates::auc_roc(scores, labels);
  if (!auc) return named(auc.error());
  if (Reasoned<void> plausible = gates::check_scores(scores); !plausible)
    return named(plausible.error());
  return auc;
}

Reasoned<Decimal> to_decimal(double value) {
  const Result<Decimal> decimal = Decimal::from_double(value);
  if (!decimal) return because("NotFinite", decimal.error().message);
  return *decimal;
}

}  // namespace stagekeeper::gate
