#include "promotion/belongings.h"

#include <algorithm>

namespace stagekeeper::promotion {
namespace {

bool has_finalizer(const PromotionRequest& request) {
  return std::ranges::find(request.meta.finalizers, kFinalizer) != request.meta.finalizers.end();
}

}  // namespace

std::vector<Action> clean_up(const PromotionRequest& request, const Belongings& owned,
                             Finalizer finalizer) {
  std::vector<Action> out;
  for (const OwnedObject& job : owned.jobs)
    out.emplace_back(DeleteOwned{.kind = OwnedKind::kJob, .name = job.name, .uid = job.uid});
  for (const OwnedObject& clone : owned.clones)
    out.emplace_back(DeleteOwned{.kind = OwnedKind::kClone, .name = clone.name, .uid = clone.uid});
  if (out.empty() && finalizer == Finalizer::kRelease && has_finalizer(request))
    out.emplace_back(SetFinalizer{.present = false});
  return out;
}

void hold_finalizer(const PromotionRequest& request, std::vector<Action>& actions) {
  if (!has_finalizer(request)) actions.emplace_back(SetFinalizer{.present = true});
}

}  // namespace stagekeeper::promotion
