#include "promotion/world.h"

#include <algorithm>

namespace stagekeeper::promotion {
const std::optional<bool>* Rights::find(const RightsQuestion& question) const {
  const auto found =
      std::ranges::find_if(answers, [&](const auto& answer) { return answer.first == question; });
  return found == answers.end() ? nullptr : &found->second;
}

RequestRef Subject::ref() const {
  return {.name = request.meta.name,
          .uid = request.meta.uid,
          .spec_digest = request_digest,
          .generation = request.meta.generation};
}

const StageSpec* Subject::stage() const {
  return policy ? policy->stage(request.stage) : nullptr;
}

}  // namespace stagekeeper::promotion
