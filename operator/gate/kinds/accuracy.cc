#include "gates/kinds/accuracy.h"

#include "gates/delong.h"
#include "gates/score.h"
#include "operator/gate/measurers.h"

#include <memory>

namespace stagekeeper::gate {
namespace {

using gates::Reasoned;

/// Adds the champion's side to the metrics.
Reasoned<void> compare(const BothScores& scores, const std::vector<std::uint8_t>& labels,
                       gates::AccuracyMetrics& out) {
  SK_TRY(const gates::Auc auc, checked_auc("champion", scores.champion, labels));
  SK_TRY(out.champion_auc, to_decimal(auc.value));
  const auto interval = gates::delong_interval(scores.candidate, scores.champion, labels);
  if (!interval) return {};
  SK_TRY(out.improvement_low, to_decimal(interval->low));
  SK_TRY(out.improvement_high, to_decimal(interval->high));
  return {};
}

}  // namespace

Reasoned<std::string> measure_accuracy(const gates::GateInput& input,
                                       const gates::EvaluationSet& rows,
                                       const Surroundings& around) {
  SK_TRY(const std::unique_ptr<ModelServer> candidate,
         open_ready(input, input.candidate, "candidate", around));
  std::unique_ptr<ModelServer> champion;
  if (input.champion) {
    SK_TRY(champion, open_ready(input, *input.champion, "champion", around));
  }
  SK_TRY(const BothScores scores, score_all(rows.features, *candidate, champion.get()));
  SK_TRY(const gates::Auc auc, checked_auc("candidate", scores.candidate, rows.labels));
  gates::AccuracyMetrics out;
  SK_TRY(out.auc, to_decimal(auc.value));
  out.rows = rows.labels.size();
  out.positives = auc.positives;
  for (const std::uint64_t row : gates::golden_rows_of(input.nonce, out.rows))
    out.golden.push_back({.row = row, .score = gates::score_text(scores.candidate[row])});
  if (input.champion) SK_CHECK_OK(compare(scores, rows.labels, out));
  return gates::metrics_text(out);
}

}  // namespace stagekeeper::gate
