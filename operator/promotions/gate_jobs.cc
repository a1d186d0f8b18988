#include "operator/promotions/gate_jobs.h"

#include "base/numbers.h"
#include "model/job_match.h"
#include "promotion/manifests.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper {

std::string gate_nonce(const Environment& env, const std::string& request_uid,
                       const promotion::CreateGateJob& job) {
  const std::string name = promotion::job_name(request_uid, job.gate.name, job.attempt);
  return env.ledgers.unguessable(fmt::format("gate {} {}", name, job.input_digest));
}

const std::string& GateJobs::request_uid() const {
  return seen_.world.subject.request.meta.uid;
}

Result<GateJobs> GateJobs::read(const Environment& env, const Observation& seen) {
  GateJobs out(env, seen);
  const std::string& uid = out.request_uid();
  for (const auto& job : env.stores.jobs.find("request-uid", uid))
    out.jobs_.push_back(*job);
  if (out.jobs_.empty()) return out;
  const kube::Selection of_request{.label_selector = std::string(kRequestUidLabel) + "=" + uid};
  SK_TRY(out.pods_, kube::Objects<Pod>(env.api).list_read(env.gate_namespace, of_request));
  return out;
}

int GateJobs::attempt_number(const Job& job) {
  return whole_number<int>(label_of(job.meta, kAttemptLabel)).value_or(0);
}

/// The cache can be late about a Job that was just made: what it does not hold is looked for.
Status GateJobs::find_missed(const GateSpec& spec, promotion::GateQuestion& question) {
  for (promotion::RememberedJob& known : env_.gate_jobs.of(request_uid())) {
    if (known.gate != spec.name) continue;
    if (known.missed == TimePoint{}) {
      const bool is_there = std::ranges::any_of(
          jobs_, [&](const Job& job) { return job.meta.uid == known.uid && !job.meta.deleting; });
      if (is_there) continue;
      const kube::Objects<Job> api(env_.api);
      SK_TRY(const auto head, api.head({env_.gate_namespace, known.name}));
      if (head && head->uid == known.uid && !head->deleting) continue;
      known.missed = env_.clock.now();
      env_.gate_jobs.missed(request_uid(), known.name, known.missed);
    }
    question.missed.push_back(std::move(known));
  }
  return {};
}

Result<std::string> GateJobs::body_of(const promotion::CreateGateJob& job) const {
  const promotion::Subject& subject = seen_.world.subject;
  const auto gate_class = subject.gate_classes.find(job.gate.gate_class);
  if (gate_class == subject.gate_classes.end())
    return fail(ErrorCode::kInvalid, fmt::format("GateClass {} is gone", job.gate.gate_class));
  return promotion::gate_job({.ns = env_.gate_namespace,
                              .request = &subject.request,
                              .gate_class = &gate_class->second,
                              .action = job,
                              .nonce = gate_nonce(env_, request_uid(), job)});
}

Status GateJobs::compare(const std::string& name, const Result<promotion::CreateGateJob>& wanted) {
  const auto job = std::ranges::find(jobs_, name, [](const Job& each) { return each.meta.name; });
  if (job == jobs_.end()) return {};
  const Result<std::string> body = wanted ? body_of(*wanted) : tl::unexpected(wanted.error());
  if (!body) {
    job->departure = "what it should be (" + body.error().message + ")";
    return {};
  }
  SK_TRY(const auto live, kube::Objects<Job>(env_.api).read({env_.gate_namespace, name}));
  // Gone or another by now: the next round finds it missing.
  if (!live || live->object.meta.uid != job->meta.uid) {
    job->departure = "the Job of that name";
    return {};
  }
  SK_TRY(job->departure, job_departure(*body, live->json));
  for (kube::Read<Pod>& pod : pods_) {
    if (pod.object.owner_uid != job->meta.uid) continue;
    SK_TRY(pod.object.departure, job_pod_departure(*body, pod.json));
  }
  return {};
}

promotion::GateState GateJobs::conclude(const GateSpec& spec,
                                        const promotion::GateQuestion& question) const {
  std::vector<Pod> pods;
  pods.reserve(pods_.size());
  for (const kube::Read<Pod>& pod : pods_)
    pods.push_back(pod.object);
  promotion::GateState out = promotion::observe_gate(spec, question, jobs_, pods);
  const Job* latest = promotion::latest_job(spec, question, jobs_);
  if (latest != nullptr && latest->meta.uid == out.job_uid) {
    env_.gate_jobs.seen(request_uid(), {.name = out.job_name,
                                        .uid = out.job_uid,
                                        .gate = spec.name,
                                        .attempt = out.attempt,
                                        .input_digest = question.input_digest,
                                        .verdict = out.verdict});
  }
  return out;
}

}  // namespace stagekeeper
