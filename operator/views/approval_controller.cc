#include "operator/views/approval_controller.h"

#include "kube/objects.h"
#include "operator/promotions/target_reader.h"
#include "promotion/decide.h"
#include "promotion/records/records.h"
#include "promotion/review/review.h"
#include "promotion/views/approval_view.h"

#include <algorithm>
#include <string>

namespace stagekeeper {
namespace {

/// What the end of a request says of an Approval, which may be nothing.
Result<promotion::ApprovalView> view_at_end(const Environment& env, const RecordFact& end,
                                            const Approval& approval) {
  SK_TRY(const std::string body,
         env.ledgers.body(approval.meta.ns, model_ledger(approval.model), end.sequence));
  SK_TRY(const promotion::Conclusion conclusion, promotion::conclusion_of(end, body));
  const auto said =
      std::ranges::find(conclusion.approvals, approval.meta.uid, &promotion::ApprovalView::uid);
  if (said != conclusion.approvals.end()) return *said;
  return promotion::late_approval(&end, approval);
}

/// Nothing: a round of the request says it. Errors: those of the API and the ledger.
Result<std::optional<promotion::ApprovalView>> judge(const Environment& env,
                                                     const Approval& approval) {
  auto cached = env.stores.requests.find("uid", approval.request_uid);
  // Who answers may write any uid; a request of another namespace is none of the author's.
  std::erase_if(cached, [&](const auto& each) { return each->meta.ns != approval.meta.ns; });
  RequestRef request{.name = approval.request_name, .uid = approval.request_uid};
  std::optional<PromotionRequest> there;
  if (!cached.empty()) {
    there = *cached.front();
  } else {
    SK_TRY(there,
           kube::Objects<PromotionRequest>(env.api).get({approval.meta.ns, approval.request_name}));
    if (!there || there->meta.uid != approval.request_uid)
      return std::optional(promotion::orphan_approval(approval));
  }
  request.spec_digest = request_digest(*there);
  SK_TRY(const History ledger, env.ledgers.view(there->meta.ns, model_ledger(there->model)));
  const RecordFact* end = ledger.conclusion(request);
  if (end != nullptr && there->model == approval.model) {
    SK_TRY(promotion::ApprovalView view, view_at_end(env, *end, approval));
    return std::optional(std::move(view));
  }
  // Ended without a record (the version was there already), or about another model than it says.
  if (promotion::shown_end(*there))
    return std::optional(promotion::late_approval(nullptr, approval));
  return std::optional<promotion::ApprovalView>();
}

}  // namespace

Result<runtime::Next> ApprovalController::reconcile(const runtime::Key& key) {
  const kube::Objects<Approval> approvals(env_.api);
  SK_TRY(const auto found, approvals.read({key.ns, key.name}));
  // What was said while the request was there stays.
  if (!found || found->object.counted_known) return runtime::Next::await_change();
  SK_TRY(const auto view, judge(env_, found->object));
  if (!view) return runtime::Next::await_change();
  SK_TRY(const std::string patch,
         promotion::approval_status_patch(found->object, *view, promotion::Mention::kLate,
                                          found->json, env_.clock.now()));
  if (patch.empty()) return runtime::Next::await_change();
  if (const Status s = kube::unless_gone(approvals.patch_status({key.ns, key.name}, patch)); !s)
    return fail(s.error(), "publish an Approval");
  return runtime::Next::await_change().because(view->reason, "Approval.status");
}

}  // namespace stagekeeper
