#include "model/objects.h"

#include <algorithm>

namespace stagekeeper {

const StageSpec* PromotionPolicy::stage(std::string_view stage_name) const {
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const StageSpec& stage) { return stage.name == stage_name; });
  return found == stages.end() ? nullptr : &*found;
}

}  // namespace stagekeeper
