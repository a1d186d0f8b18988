#include "promotion/evaluation/attempts.h"

#include "base/numbers.h"
#include "base/text.h"
#include "gates/gate_run.h"
#include "promotion/manifests.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

/// Far more than any GateClass allows; what is beyond is no number of ours.
constexpr int kMaxAttempt = 100'000;
constexpr std::size_t kMaxMessage = 1000;

/// The number of a Job that may be an attempt at this gate of this request, else 0. The name says
/// all three, so that a Job made by others counts at most under a name that we would have used.
int attempt_of(const Job& job, const GateSpec& spec, const std::string& request_uid) {
  if (annotation_of(job.meta, kGateAnnotation) != spec.name) return 0;
  const auto number = whole_number<int>(label_of(job.meta, kAttemptLabel));
  if (!number || *number < 1 || *number > kMaxAttempt) return 0;
  return job.meta.name == job_name(request_uid, spec.name, *number) ? *number : 0;
}

bool answers(const Job& job, const GateQuestion& question) {
  return !job.meta.deleting &&
         annotation_of(job.meta, kInputDigestAnnotation) == question.input_digest;
}

std::optional<gates::ContainerEnd> end_of(const std::vector<ContainerState>& states,
                                          std::string_view container) {
  const auto found = std::ranges::find(states, container, &ContainerState::name);
  if (found == states.end() || !found->terminated) return std::nullopt;
  return gates::ContainerEnd{
      .exit_code = found->exit_code, .reason = found->reason, .message = found->message};
}

/// Why a container has not started: what will not pass first.
std::string waiting_reason(const Pod& pod) {
  std::string out;
  for (const auto* states : {&pod.init_containers, &pod.containers}) {
    for (const ContainerState& state : *states) {
      if (state.terminated || state.reason.empty()) continue;
      if (gates::cannot_start(state.reason)) return state.reason;
      if (out.empty() && state.reason != "PodInitializing") out = state.reason;
    }
  }
  return out;
}

std::vector<std::string> others_running(const Pod& pod) {
  std::vector<std::string> out;
  for (const ContainerState& state : pod.containers)
    if (state.name != "gate" && !state.terminated && state.reason.empty())
      out.push_back(state.name);
  return out;
}

gates::GateRun run_of(const Job& job, const std::vector<const Pod*>& pods) {
  gates::GateRun run;
  run.job_complete = job.complete;
  if (job.failed) run.job_failure = job.failure_reason.empty() ? "Failed" : job.failure_reason;
  run.pods = pods.size();
  if (pods.empty()) return run;
  const Pod& pod = *pods.front();
  run.pod_reason = pod.reason;
  run.disrupted = pod.disrupted;
  run.unscheduled = pod.unscheduled;
  run.waiting = waiting_reason(pod);
  run.others_running = others_running(pod);
  run.fetch = end_of(pod.init_containers, "fetch");
  run.gate = end_of(pod.containers, "gate");
  return run;
}

/// Anybody who may create pods there can label one like the Job's own.
std::vector<const Pod*> pods_of(const Job& job, const std::vector<Pod>& pods) {
  std::vector<const Pod*> out;
  for (const Pod& pod : pods)
    if (!pod.owner_uid.empty() && pod.owner_uid == job.meta.uid) out.push_back(&pod);
  std::ranges::sort(out, {},
                    [](const Pod* pod) { return std::pair(pod->meta.created, pod->meta.uid); });
  return out;
}

bool has_image(const Pod& pod, std::string_view container, const std::string& image) {
  const auto found = std::ranges::find(pod.spec_containers, container, &ContainerSpec::name);
  return found != pod.spec_containers.end() && found->image == image;
}

/// What ran, by digest where the kubelet says it.
std::string image_of(const Pod& pod) {
  const auto ran = std::ranges::find(pod.containers, "gate", &ContainerState::name);
  if (ran != pod.containers.end() && !ran->image_id.empty()) return ran->image_id;
  const auto asked = std::ranges::find(pod.spec_containers, "gate", &ContainerSpec::name);
  return asked == pod.spec_containers.end() ? std::string() : asked->image;
}

/// The pods that a Job was made to measure, by its annotation; empty for what cannot be read.
std::map<std::string, std::string> measured_pods(const Job& job) {
  const json parsed = json::parse(annotation_of(job.meta, kPodsAnnotation), nullptr, false);
  std::map<std::string, std::string> out;
  if (!parsed.is_object()) return out;
  for (const auto& [role, identity] : parsed.items())
    if (identity.is_string()) out.emplace(role, identity.get<std::string>());
  return out;
}

/// In what a Job or one of its pods is not what the operator makes; empty: in nothing.
std::string departure_of(const Job& job, const std::vector<const Pod*>& pods) {
  if (!job.departure.empty()) return fmt::format("Job {}: {}", job.meta.name, job.departure);
  for (const Pod* pod : pods)
    if (!pod->departure.empty()) return fmt::format("pod {}: {}", pod->meta.name, pod->departure);
  return {};
}

gates::Judgement foreign(const std::string& departure) {
  return {.verdict = Verdict::kErrored,
          .reason = "ForeignJob",
          .message = cut_utf8(fmt::format("the Job is not what Stagekeeper makes, and is not "
                                          "believed: {} differs. Whoever may write in the gate "
                                          "namespace can do so while its admission policy "
                                          "stagekeeper-gate-namespace is not in force",
                                          departure),
                              kMaxMessage, CutMark::kEllipsis)};
}

/// A run whose result says nothing, whatever it says; Pending: it may be judged.
gates::Judgement distrusted(const GateQuestion& question, const Job& job,
                            const std::vector<const Pod*>& pods,
                            const std::map<std::string, std::string>& measured) {
  gates::Judgement out;
  const GateClass* gate_class = question.gate_class;
  const bool ours = gate_class == nullptr || std::ranges::all_of(pods, [&](const Pod* pod) {
                      return has_image(*pod, "gate", gate_class->image) &&
                             has_image(*pod, "fetch", gate_class->fetch_image);
                    });
  if (!ours) {
    out = {.verdict = Verdict::kErrored,
           .reason = "ForeignJob",
           .message = "the Job ran other images than its GateClass names"};
  } else if (measured != question.pods) {
    out = {.verdict = Verdict::kErrored,
           .reason = "CandidateChanged",
           .message = "a pod that the gate measured was replaced, restarted or changed meanwhile"};
  } else if (const std::string departure = departure_of(job, pods); !departure.empty()) {
    out = foreign(departure);
  }
  return out;
}

/// The first word of an identity.
std::string uid_of(const std::map<std::string, std::string>& measured) {
  const auto candidate = measured.find(std::string(name(CloneRole::kCandidate)));
  if (candidate == measured.end()) return "";
  return candidate->second.substr(0, candidate->second.find(' '));
}

bool is_missed(const GateQuestion& question, int attempt) {
  return std::ranges::find(question.missed, attempt, &RememberedJob::attempt) !=
         question.missed.end();
}

/// The last attempt that is missed at the present question, or null.
const RememberedJob* last_missed(const GateQuestion& question) {
  const RememberedJob* out = nullptr;
  for (const RememberedJob& each : question.missed) {
    const bool later = out == nullptr || each.attempt > out->attempt;
    if (later && each.input_digest == question.input_digest) out = &each;
  }
  return out;
}

void miss(GateState& state, const RememberedJob& missed) {
  const bool had_spoken =
      missed.verdict == Verdict::kFailed || missed.verdict == Verdict::kInconclusive;
  state.attempt = missed.attempt;
  state.job_name = missed.name;
  state.job_uid = missed.uid;
  state.verdict = Verdict::kErrored;
  state.retryable = !had_spoken;
  state.ended = missed.missed;
  state.judgement = {
      .verdict = Verdict::kErrored,
      .reason = "JobMissing",
      .message = fmt::format(
          "Job {} of attempt {} was deleted, or made again, by somebody else than Stagekeeper{}",
          missed.name, missed.attempt,
          had_spoken ? ", after it had spoken against the version: to ask again, create a new "
                       "PromotionRequest"
                     : "; what it would have found is not known")};
}

void judge(GateState& state, const Job& job, const std::vector<const Pod*>& pods,
           const GateQuestion& question) {
  const gates::GateRun run = run_of(job, pods);
  const auto measured = measured_pods(job);
  // What is to be compared with is made for the pods as they are now. One that is not ours is not
  // waited for.
  const bool is_foreign = measured == question.pods && !departure_of(job, pods).empty();
  if (!gates::is_over(run) && !is_foreign) {
    state.judgement.message = cut_utf8(gates::waiting_text(run), kMaxMessage, CutMark::kEllipsis);
    return;
  }
  state.ended = std::max(job.ended, job.meta.created);
  if (!pods.empty()) state.ended = std::max(state.ended, pods.front()->meta.created);
  state.served_by = uid_of(measured);
  state.proof = question.proof;
  state.pods = measured;
  state.judgement = distrusted(question, job, pods, measured);
  state.retryable = state.judgement.verdict != Verdict::kPending;
  const gates::Kind* kind = gates::find_kind(state.spec.kind);
  if (state.judgement.verdict == Verdict::kPending && kind != nullptr) {
    gates::Expected expected = question.expected;
    expected.gate = state.spec.name;
    expected.attempt = static_cast<std::uint64_t>(state.attempt);
    expected.nonce = state.nonce;
    state.judgement =
        gates::conclude(run, expected, *kind, state.spec.parameters, question.carries);
    state.retryable = gates::worth_retrying(state.judgement);
    if (state.judgement.verdict == Verdict::kPassed)
      state.carries = gates::carries_of(run, expected, *kind);
  } else if (kind == nullptr) {
    state.judgement = {.verdict = Verdict::kErrored,
                       .reason = "UnknownType",
                       .message = "this version knows no gates of type " + state.spec.kind};
    state.retryable = false;
  }
  state.verdict = state.judgement.verdict;
}

}  // namespace

const Job* latest_job(const GateSpec& spec, const GateQuestion& question,
                      const std::vector<Job>& jobs) {
  const Job* latest = nullptr;
  int highest = 0;
  for (const Job& job : jobs) {
    const int attempt = attempt_of(job, spec, question.request_uid);
    if (attempt <= highest || !answers(job, question) || is_missed(question, attempt)) continue;
    latest = &job;
    highest = attempt;
  }
  return latest;
}

GateState observe_gate(const GateSpec& spec, const GateQuestion& question,
                       const std::vector<Job>& jobs, const std::vector<Pod>& pods) {
  GateState state{.spec = spec};
  if (question.vain.verdict != Verdict::kPending) {
    state.judgement = question.vain;
    state.verdict = question.vain.verdict;
    return state;
  }
  for (const Job& job : jobs) {
    const int attempt = attempt_of(job, spec, question.request_uid);
    if (attempt == 0 || is_missed(question, attempt)) continue;
    // Of any question: the name of a Job is never used twice.
    state.attempt = std::max(state.attempt, attempt);
    if (answers(job, question)) ++state.tries;
  }
  for (const RememberedJob& each : question.missed) {
    state.attempt = std::max(state.attempt, each.attempt);
    if (each.input_digest == question.input_digest) ++state.tries;
  }
  const Job* latest = latest_job(spec, question, jobs);
  const RememberedJob* missed = last_missed(question);
  const int known = latest == nullptr ? 0 : attempt_of(*latest, spec, question.request_uid);
  if (missed != nullptr && missed->attempt > known) {
    miss(state, *missed);
    return state;
  }
  if (latest == nullptr) return state;
  state.attempt = known;
  state.job_name = latest->meta.name;
  state.job_uid = latest->meta.uid;
  state.nonce = annotation_of(latest->meta, kNonceAnnotation);
  state.verdict = Verdict::kRunning;
  const std::vector<const Pod*> own = pods_of(*latest, pods);
  if (!own.empty()) {
    state.pod_uid = own.front()->meta.uid;
    state.image = image_of(*own.front());
  }
  judge(state, *latest, own, question);
  return state;
}

}  // namespace stagekeeper::promotion
