#include "gates/kinds/fairness.h"

#include "gates/fairness.h"
#include "operator/gate/measurers.h"

#include <memory>
#include <utility>

namespace stagekeeper::gate {

using gates::Reasoned;

Reasoned<std::string> measure_fairness(const gates::GateInput& input,
                                       const gates::EvaluationSet& rows,
                                       const Surroundings& around) {
  SK_TRY(const std::unique_ptr<ModelServer> candidate,
         open_ready(input, input.candidate, "candidate", around));
  SK_TRY(const BothScores scores, score_all(rows.features, *candidate, nullptr));
  SK_TRY(const gates::Auc overall, checked_auc("candidate", scores.candidate, rows.labels));
  SK_TRY(const std::vector<gates::GroupAuc> groups,
         gates::group_aucs(scores.candidate, rows.labels, rows.groups));
  gates::FairnessMetrics out;
  SK_TRY(out.auc, to_decimal(overall.value));
  for (const gates::GroupColumn& column : rows.groups)
    out.columns.push_back(column.name);
  for (const gates::GroupAuc& group : groups) {
    gates::GroupMetrics entry{.column = group.column,
                              .value = group.value,
                              .positives = group.positives,
                              .negatives = group.negatives};
    if (group.auc) {
      SK_TRY(entry.auc, to_decimal(*group.auc));
    }
    out.groups.push_back(std::move(entry));
  }
  return gates::metrics_text(out);
}

}  // namespace stagekeeper::gate
