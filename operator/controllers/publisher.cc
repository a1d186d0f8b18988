#include "operator/controllers/publisher.h"

#include "kube/request.h"
#include "model/decode.h"
#include "operator/wiring/live.h"
#include "operator/wiring/resources.h"
#include "promotion/review.h"
#include "promotion/status_view.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

using promotion::Decision;
using promotion::World;

}  // namespace

Result<std::string> Publisher::publish(Observation& seen, const Decision& decision) const {
  World& world = seen.world;
  const PromotionRequest& request = world.request;
  Result<std::string> patch =
      promotion::request_status_patch(request, decision, seen.request_json, ports_.clock.now());
  if (!patch) return tl::unexpected(patch.error());
  std::string diff;
  if (!patch->empty()) {
    Result<std::string> done = ports_.api.call(kube::merge_patch_request(
        resources::kRequests, {request.meta.ns, request.meta.name}, "status", *patch));
    if (!done) return fail(done.error(), "publish " + decision.reason);
    diff = fmt::format("{} -> {} ({})", request.phase.empty() ? "new" : request.phase,
                       promotion::name(decision.phase), decision.reason);
    if (request.phase != promotion::name(decision.phase)) tell(world, decision);
    Result<PromotionRequest> fresh = decode<PromotionRequest>(*done);
    if (!fresh) return tl::unexpected(fresh.error());
    world.request = std::move(*fresh);
    seen.request_json = std::move(*done);
  }
  if (Status s = publish_approvals(world, decision); !s) return tl::unexpected(s.error());
  return diff;
}

Status Publisher::publish_approvals(const World& world, const Decision& decision) const {
  for (const promotion::ApprovalState& state : world.approvals) {
    const auto found = std::ranges::find(decision.approvals, state.approval.meta.uid,
                                         &promotion::ApprovalView::uid);
    const bool mentioned = found != decision.approvals.end();
    if (!mentioned && !promotion::is_terminal(decision.phase)) continue;
    const promotion::ApprovalView view =
        mentioned ? *found : promotion::late_approval(world, state.approval);
    if (Status s = publish_approval(state.approval.meta, view, mentioned); !s) return s;
  }
  return {};
}

Status Publisher::publish_approval(const ObjectMeta& meta, const promotion::ApprovalView& view,
                                   bool overrule) const {
  auto json = live::get_json(ports_.api, resources::kApprovals, {meta.ns, meta.name});
  if (!json) return fail(json.error(), "read an Approval");
  if (!*json) return {};
  // What was said of an approval while it mattered stays.
  if (!overrule && (*json)->find("\"counted\"") != std::string::npos) return {};
  Result<Approval> fresh = decode<Approval>(**json);
  if (!fresh) return tl::unexpected(fresh.error());
  Result<std::string> patch =
      promotion::approval_status_patch(*fresh, view, **json, ports_.clock.now());
  if (!patch) return tl::unexpected(patch.error());
  if (patch->empty()) return {};
  const Status done =
      live::unless_gone(ports_.api.call(kube::merge_patch_request(
                            resources::kApprovals, {meta.ns, meta.name}, "status", *patch)),
                        "publish an Approval");
  if (!done) return tl::unexpected(done.error());
  return {};
}

void Publisher::tell(const World& world, const Decision& decision) const {
  const std::string phase(promotion::name(decision.phase));
  ports_.metrics.count("stagekeeper_promotion_phases_total",
                       "Promotion requests that entered a phase.", {{"phase", phase}});
  ports_.events.record({.type = promotion::is_bad_end(decision.phase) ? runtime::EventType::kWarning
                                                                      : runtime::EventType::kNormal,
                        .regarding = {.type = resources::kRequests,
                                      .key = {world.request.meta.ns, world.request.meta.name},
                                      .uid = world.request.meta.uid},
                        .reason = phase,
                        .action = decision.reason,
                        .note = decision.message});
}

}  // namespace stagekeeper
