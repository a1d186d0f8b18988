#include "operator/promotions/publisher.h"

#include "kube/objects.h"
#include "promotion/views/approval_view.h"
#include "promotion/views/request_view.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper {

using promotion::Decision;

Result<std::string> Publisher::publish(Observation& seen, const Decision& decision) const {
  const Environment& env = ports_.environment;
  promotion::World& world = seen.world;
  const PromotionRequest& request = world.subject.request;
  SK_TRY(const std::string patch,
         promotion::request_status_patch(request, decision, seen.request_json, env.clock.now()));
  if (patch.empty()) return std::string();
  auto done = kube::Objects<PromotionRequest>(env.api).patch_status(
      {request.meta.ns, request.meta.name}, patch);
  if (!done && done.error().code == ErrorCode::kNotFound) return std::string();  // let go just now
  if (!done) return fail(done.error(), "publish " + decision.reason);
  std::string diff = fmt::format("{} -> {} ({})", request.phase.empty() ? "new" : request.phase,
                                 promotion::name(decision.phase), decision.reason);
  if (request.phase != promotion::name(decision.phase)) tell(world, decision);
  SK_TRY(PromotionRequest fresh, decode<PromotionRequest>(*done));
  env.waker.echoes().expect(fresh.meta.resource_version);
  world.subject.request = std::move(fresh);
  seen.request_json = std::move(*done);
  return diff;
}

Status Publisher::publish_approvals(const Observation& seen, const Decision& decision) const {
  const Environment& env = ports_.environment;
  const kube::Objects<Approval> approvals(env.api);
  for (const promotion::ApprovalState& state : seen.world.approvals) {
    const Approval& approval = state.approval;
    const auto view =
        std::ranges::find(decision.approvals, approval.meta.uid, &promotion::ApprovalView::uid);
    const auto json = seen.approval_json.find(approval.meta.uid);
    if (view == decision.approvals.end() || json == seen.approval_json.end()) continue;
    SK_TRY(const std::string patch,
           promotion::approval_status_patch(approval, *view, promotion::Mention::kByDecision,
                                            json->second, env.clock.now()));
    if (patch.empty()) continue;
    const auto done = approvals.patch_status({approval.meta.ns, approval.meta.name}, patch);
    // Withdrawn, or shown by another round since it was read: the next round says it anew.
    if (!done && done.error().code == ErrorCode::kConflict) continue;
    if (const Status s = kube::unless_gone(done); !s) return fail(s.error(), "publish an Approval");
  }
  return {};
}

void Publisher::tell(const promotion::World& world, const Decision& decision) const {
  const std::string phase(promotion::name(decision.phase));
  const PromotionRequest& request = world.subject.request;
  ports_.metrics.count("stagekeeper_promotion_phases_total",
                       "Promotion requests that entered a phase.", {{"phase", phase}});
  ports_.events.record({.type = promotion::is_bad_end(decision.phase) ? runtime::EventType::kWarning
                                                                      : runtime::EventType::kNormal,
                        .regarding = {.type = kube::type_of<PromotionRequest>(),
                                      .key = {request.meta.ns, request.meta.name},
                                      .uid = request.meta.uid},
                        .reason = phase,
                        .action = decision.reason,
                        .note = decision.message});
}

}  // namespace stagekeeper
