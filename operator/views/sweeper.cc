#include "operator/views/sweeper.h"

#include "kube/objects.h"
#include "operator/promotions/target_reader.h"
#include "promotion/decide.h"

#include <map>

namespace stagekeeper {

Result<int> Sweeper::sweep_jobs() const {
  const kube::Objects<Job> jobs(env_.api);
  const auto found = jobs.list_heads(env_.gate_namespace, {.label_selector = kRequestUidLabel});
  if (!found) return fail(found.error(), "list the gate Jobs");
  int deleted = 0;
  for (const AnyObject& job : *found) {
    SK_TRY(const bool orphan, is_orphan(job));
    if (!orphan) continue;
    SK_CHECK_OK(may_act(env_));
    const Status done = jobs.remove({env_.gate_namespace, job.meta.name}, job.meta.uid);
    if (!done) return fail(done.error(), "delete the orphaned Job " + job.meta.name);
    ++deleted;
  }
  return deleted;
}

/// Asks the API server before it says yes: a cache may not know a new request yet.
Result<bool> Sweeper::is_orphan(const AnyObject& job) const {
  const std::string uid = label_of(job.meta, kRequestUidLabel);
  if (!env_.stores.requests.find("uid", uid).empty()) return false;
  const std::string request = annotation_of(job.meta, kRequestAnnotation);
  const std::size_t slash = request.find('/');
  if (slash == std::string::npos) return false;  // none of ours
  const auto found = kube::Objects<PromotionRequest>(env_.api).head(
      {request.substr(0, slash), request.substr(slash + 1)});
  if (!found) return fail(found.error(), "read the request of a gate Job");
  return !*found || (*found)->uid != uid;
}

Result<int> Sweeper::sweep_ends() const {
  int woken = 0;
  std::map<std::string, History> ledgers;
  for (const auto& request : env_.stores.requests.list()) {
    const auto shown = promotion::shown_end(*request);
    if (!shown) continue;
    const std::string model = in_ns(request->meta.ns, request->model);
    if (!ledgers.contains(model)) {
      Result<History> ledger = env_.ledgers.view(request->meta.ns, model_ledger(request->model));
      // A broken ledger is told by the rounds of its own requests; the other models go on.
      if (!ledger && ledger.error().code == ErrorCode::kCorrupt) continue;
      SK_TRY(ledgers[model], std::move(ledger));
    }
    const RequestRef ref{.name = request->meta.name,
                         .uid = request->meta.uid,
                         .spec_digest = request_digest(*request)};
    const RecordFact* end = ledgers[model].conclusion(ref);
    if (end != nullptr && promotion::phase_of(end->code) == *shown) continue;
    // Forged, or ended without a record (its version was there already): a round tells which.
    env_.waker.wake(kRequestKey, request->meta.ns, request->meta.name, runtime::Priority::kInitial);
    ++woken;
  }
  return woken;
}

}  // namespace stagekeeper
