#include "operator/controllers/approval_controller.h"

#include "kube/request.h"
#include "model/decode.h"
#include "operator/wiring/live.h"
#include "operator/wiring/resources.h"
#include "promotion/review.h"
#include "promotion/status_view.h"

#include <string>

namespace stagekeeper {

Result<runtime::Next> ApprovalController::reconcile(const runtime::Key& key) {
  const auto json = live::get_json(ports_.api, resources::kApprovals, {key.ns, key.name});
  if (!json) return fail(json.error(), "read the Approval");
  // What was said while the request was there stays.
  if (!*json || (*json)->find("\"counted\"") != std::string::npos)
    return runtime::Next::await_change();
  const Result<Approval> approval = decode<Approval>(**json);
  if (!approval) return tl::unexpected(approval.error());
  const auto request =
      live::get<AnyObject>(ports_.api, resources::kRequests, {key.ns, approval->request_name});
  if (!request) return fail(request.error(), "read the request of an Approval");
  if (*request && (*request)->meta.uid == approval->request_uid)
    return runtime::Next::await_change();
  const Result<std::string> patch = promotion::approval_status_patch(
      *approval, promotion::orphan_approval(*approval), **json, ports_.clock.now());
  if (!patch) return tl::unexpected(patch.error());
  const Status done =
      live::unless_gone(ports_.api.call(kube::merge_patch_request(
                            resources::kApprovals, {key.ns, key.name}, "status", *patch)),
                        "publish an Approval");
  if (!done) return tl::unexpected(done.error());
  return runtime::Next::await_change().because("RequestNotFound", "Approval.status");
}

}  // namespace stagekeeper
