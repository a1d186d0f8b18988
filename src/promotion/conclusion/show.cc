#include "promotion/belongings.h"
#include "promotion/conclusion/conclusion.h"

namespace stagekeeper::promotion::conclusion {

Decision show(const Conclusion& end, const PromotionRequest& request, const Belongings& owned) {
  Decision out{.phase = phase_of(end.record.code),
               .reason = std::string(name(end.record.code)),
               .message = end.record.text,
               .gates = end.gates,
               .approvals = end.approvals,
               .review = end.review,
               .to = end.record.to};
  for (const TargetEnd& target : end.targets) {
    out.targets.push_back({.name = target.name,
                           .from = target.from,
                           .to = target.to,
                           .phase = std::string(name(target.code)),
                           .message = target.text,
                           .record = target.record});
  }
  out.actions = clean_up(request, owned, Finalizer::kRelease);
  return out;
}

}  // namespace stagekeeper::promotion::conclusion
