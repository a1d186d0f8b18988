#include "model/objects.h"

#include <algorithm>

namespace stagekeeper {

std::string_view name(GateType type) {
  switch (type) {
    case GateType::kAccuracy:
      return "Accuracy";
    case GateType::kLatency:
      return "Latency";
    case GateType::kFairness:
      return "Fairness";
    case GateType::kSmoke:
      return "Smoke";
  }
  return "Unknown";
}

std::string_view name(RequestAction action) {
  switch (action) {
    case RequestAction::kPromote:
      return "Promote";
    case RequestAction::kRollback:
      return "Rollback";
    case RequestAction::kArchive:
      return "Archive";
    case RequestAction::kAdopt:
      return "Adopt";
  }
  return "Unknown";
}

const StageSpec* PromotionPolicy::stage(std::string_view stage_name) const {
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const StageSpec& stage) { return stage.name == stage_name; });
  return found == stages.end() ? nullptr : &*found;
}

}  // namespace stagekeeper
