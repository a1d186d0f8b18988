#include "operator/gate/measurers.h"

#include <algorithm>
#include <array>

namespace stagekeeper::gate {
namespace {

constexpr std::array<Measurer, 4> kMeasurers{{
    {"Accuracy", "Score all rows through candidate and champion, report both AUCs",
     measure_accuracy},
    {"Latency", "Time one-row calls one after the other, report percentiles", measure_latency},
    {"Fairness", "Score all rows through the candidate, report the AUC of each group",
     measure_fairness},
    {"Smoke", "Ask the serving Service for health, version and the golden rows", measure_smoke},
}};

}  // namespace

std::span<const Measurer> measurers() {
  return kMeasurers;
}

const Measurer* find_measurer(std::string_view kind) {
  const auto* const found = std::ranges::find(kMeasurers, kind, &Measurer::kind);
  return found == kMeasurers.end() ? nullptr : &*found;
}

}  // namespace stagekeeper::gate
