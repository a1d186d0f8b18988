#include "operator/gate/measure.h"

#include "gates/auc.h"
#include "gates/delong.h"
#include "gates/latency.h"
#include "gates/score.h"
#include "operator/gate/smoke.h"

#include <chrono>
#include <fmt/format.h>
#include <optional>
#include <utility>
#include <vector>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Metrics;
using gates::Reasoned;

/// A number fit for a report. Finite and small by construction (AUCs, milliseconds below the
/// timeout), so that the error is a bug's and not a user's.
Reasoned<Decimal> to_decimal(double value) {
  const Result<Decimal> decimal = Decimal::from_double(value);
  if (!decimal) return because("NotFinite", decimal.error().message);
  return *decimal;
}

/// A server together with the client it lives on.
struct Connected {
  std::unique_ptr<http::Client> client;
  std::unique_ptr<ModelServer> server;
};

Reasoned<Connected> connect(const gates::GateInput& input, const gates::Endpoint& endpoint,
                            const char* role, const Surroundings& around) {
  Result<std::unique_ptr<http::Client>> client = around.connect(endpoint.url);
  if (!client) return because("InvalidInput", client.error().message);
  Connected out;
  out.client = std::move(*client);
  out.server = std::make_unique<ModelServer>(*out.client, around.timer, input, endpoint, role);
  SK_CHECK_OK(wait_until_ready(*out.server, around.timer, around.ready));
  return out;
}

/// Appends the scores of one batch.
Reasoned<void> score_batch(ModelServer& server, const Batch& batch, std::vector<double>& scores) {
  SK_TRY(const Answer answer, server.score(batch));
  scores.insert(scores.end(), answer.scores.begin(), answer.scores.end());
  return {};
}

/// Scores of all rows by candidate and champion (left empty where there is none).
struct BothScores {
  std::vector<double> candidate;
  std::vector<double> champion;
};

Reasoned<BothScores> score_all(const gates::Table& table, ModelServer& candidate,
                               ModelServer* champion) {
  BothScores out;
  for (std::size_t begin = 0; begin < table.rows;) {
    const Batch batch = dataframe_split(table, begin, {});
    SK_CHECK_OK(score_batch(candidate, batch, out.candidate));
    if (champion != nullptr) {
      SK_CHECK_OK(score_batch(*champion, batch, out.champion));
    }
    begin += batch.rows;
  }
  return out;
}

/// The AUC of a whole evaluation set, scores looked at first; `role` goes before the message.
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

/// Adds the champion's side to the metrics.
Reasoned<void> compare(const BothScores& scores, const std::vector<std::uint8_t>& labels,
                       gates::AccuracyMetrics& out) {
  SK_TRY(const gates::Auc auc, checked_auc("champion", scores.champion, labels));
  SK_TRY(const Decimal champion, to_decimal(auc.value));
  out.champion_auc = champion;
  const auto interval = gates::delong_interval(scores.candidate, scores.champion, labels);
  if (!interval) return {};
  const Reasoned<Decimal> low = to_decimal(interval->low);
  const Reasoned<Decimal> high = to_decimal(interval->high);
  if (!low || !high) return because("NotFinite", "the interval of the improvement is not finite");
  out.improvement_low = *low;
  out.improvement_high = *high;
  return {};
}

Reasoned<Metrics> measure_accuracy(const gates::GateInput& input, const gates::EvaluationSet& rows,
                                   const Surroundings& around) {
  SK_TRY(Connected candidate, connect(input, input.candidate, "candidate", around));
  Connected champion;
  if (input.champion) {
    SK_TRY(Connected connected, connect(input, *input.champion, "champion", around));
    champion = std::move(connected);
  }
  SK_TRY(const BothScores scores,
         score_all(rows.features, *candidate.server, champion.server.get()));
  SK_TRY(const gates::Auc auc, checked_auc("candidate", scores.candidate, rows.labels));
  SK_TRY(const Decimal value, to_decimal(auc.value));
  gates::AccuracyMetrics out;
  out.auc = value;
  out.rows = rows.labels.size();
  out.positives = auc.positives;
  out.golden_row = 0;
  out.golden_score = gates::score_text(scores.candidate.front());
  if (input.champion) {
    SK_CHECK_OK(compare(scores, rows.labels, out));
  }
  return out;
}

Reasoned<Metrics> measure_latency(const gates::GateInput& input, const gates::EvaluationSet& rows,
                                  const Surroundings& around) {
  SK_TRY(const Connected candidate, connect(input, input.candidate, "candidate", around));
  const gates::LatencyInput parameters = input.latency.value_or(gates::LatencyInput{});
  const BatchLimits one_row{.rows = 1};
  std::vector<double> samples;
  for (std::uint64_t call = 0; call < parameters.warmup + parameters.samples; ++call) {
    const bool warm_up = call < parameters.warmup;
    const std::size_t row = (warm_up ? call : call - parameters.warmup) % rows.features.rows;
    SK_TRY(const Answer answer,
           candidate.server->score(dataframe_split(rows.features, row, one_row)));
    if (!warm_up)
      samples.push_back(std::chrono::duration<double, std::milli>(answer.elapsed).count());
  }
  SK_TRY(const gates::LatencyStats stats, gates::latency_stats(samples));
  const Reasoned<Decimal> p50 = to_decimal(stats.p50);
  const Reasoned<Decimal> p95 = to_decimal(stats.p95);
  const Reasoned<Decimal> p99 = to_decimal(stats.p99);
  if (!p50 || !p95 || !p99) return because("NotFinite", "a percentile is not finite");
  return gates::LatencyMetrics{.p50 = *p50, .p95 = *p95, .p99 = *p99, .samples = stats.samples};
}

Reasoned<Metrics> measure_fairness(const gates::GateInput& input, const gates::EvaluationSet& rows,
                                   const Surroundings& around) {
  SK_TRY(const Connected candidate, connect(input, input.candidate, "candidate", around));
  SK_TRY(const BothScores scores, score_all(rows.features, *candidate.server, nullptr));
  SK_TRY(const gates::Auc overall, checked_auc("candidate", scores.candidate, rows.labels));
  SK_TRY(const auto groups, gates::group_aucs(scores.candidate, rows.labels, rows.groups));
  SK_TRY(const Decimal value, to_decimal(overall.value));
  gates::FairnessMetrics out;
  out.auc = value;
  for (const gates::GroupAuc& group : groups) {
    gates::GroupMetrics entry{.column = group.column,
                              .value = group.value,
                              .positives = group.positives,
                              .negatives = group.negatives};
    if (group.auc) {
      SK_TRY(const Decimal auc, to_decimal(*group.auc));
      entry.auc = auc;
    }
    out.groups.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

Reasoned<Metrics> measure(const gates::GateInput& input, const gates::EvaluationSet& rows,
                          const Surroundings& around) {
  switch (input.type) {
    case gates::GateType::kAccuracy:
      return measure_accuracy(input, rows, around);
    case gates::GateType::kLatency:
      return measure_latency(input, rows, around);
    case gates::GateType::kFairness:
      return measure_fairness(input, rows, around);
    case gates::GateType::kSmoke:
      return measure_smoke(input, rows.features, around);
  }
  return because("InvalidInput", "a type of gate that is not known");
}

}  // namespace stagekeeper::gate
