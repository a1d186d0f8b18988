#include "operator/controllers/orphan_sweeper.h"

#include "kube/request.h"
#include "operator/wiring/live.h"
#include "operator/wiring/resources.h"

namespace stagekeeper {

Result<int> OrphanSweeper::sweep() const {
  const auto jobs = live::list<AnyObject>(
      ports_.api, {.type = resources::kJobs,
                   .ns = ports_.gate_namespace,
                   .selection = {.label_selector = kRequestUidLabel, .field_selector = ""}});
  if (!jobs) return fail(jobs.error(), "list the gate Jobs");
  int deleted = 0;
  for (const AnyObject& job : *jobs) {
    const Result<bool> orphan = is_orphan(job);
    if (!orphan) return tl::unexpected(orphan.error());
    if (!*orphan) continue;
    const Status done =
        live::unless_gone(ports_.api.call(kube::delete_request(
                              resources::kJobs, {ports_.gate_namespace, job.meta.name},
                              {.uid = job.meta.uid, .resource_version = ""})),
                          "delete the orphaned Job " + job.meta.name);
    if (!done) return tl::unexpected(done.error());
    ++deleted;
  }
  return deleted;
}

/// Asks the API server before it says yes: a cache may not know a new request yet.
Result<bool> OrphanSweeper::is_orphan(const AnyObject& job) const {
  const std::string uid = label_of(job.meta, kRequestUidLabel);
  if (!ports_.stores.requests.find("uid", uid).empty()) return false;
  const std::string request = annotation_of(job.meta, kRequestAnnotation);
  const std::size_t slash = request.find('/');
  if (slash == std::string::npos) return false;  // none of ours
  const auto found = live::get<AnyObject>(ports_.api, resources::kRequests,
                                          {request.substr(0, slash), request.substr(slash + 1)});
  if (!found) return fail(found.error(), "read the request of a gate Job");
  return !*found || (*found)->meta.uid != uid;
}

}  // namespace stagekeeper
