#include "gates/gate_run.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::gates {
namespace {

constexpr std::size_t kMaxReason = 64;
constexpr std::size_t kMaxCause = 300;

/// The kubelet will not fetch such an image.
constexpr std::array<std::string_view, 2> kNoImage{"ErrImageNeverPull", "InvalidImageName"};
/// What the pod asks for is not there, or cannot be run.
constexpr std::array<std::string_view, 3> kNoContainer{"CreateContainerConfigError",
                                                       "CreateContainerError", "RunContainerError"};
/// The kubelet tries again.
constexpr std::array<std::string_view, 4> kPulling{"ErrImagePull", "ImagePullBackOff",
                                                   "ImageInspectError", "RegistryUnavailable"};
/// On the way, nothing is wrong.
constexpr std::array<std::string_view, 2> kStarting{"ContainerCreating", "PodInitializing"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view reason) {
  return std::ranges::find(list, reason) != list.end();
}

Judgement error(std::string code, std::string message) {
  return errored(Reason{.code = std::move(code), .message = std::move(message)});
}

/// A container that ended badly. It may have said why, and only that it went wrong is believed.
Judgement failed_container(const char* which, const ContainerEnd& end, const Expected& expected,
                           const Kind& kind) {
  if (end.reason == "OOMKilled") {
    return error("OutOfMemory", fmt::format("container {} ran out of memory: raise "
                                            "resources.limits of the GateClass",
                                            which));
  }
  const Reasoned<Report> report = parse_report(end.message, expected, kind);
  if (report && report->outcome == ReportOutcome::kErrored)
    return error(report->code, report->message);
  return error("ContainerFailed", fmt::format("container {} ended with exit code {} ({})", which,
                                              end.exit_code, printable(end.reason, kMaxReason)));
}

/// What keeps the run from going on, whether it is over or not; empty: nothing that is known.
std::string obstacle(const GateRun& run) {
  if (!run.unscheduled.empty())
    return "no node takes its pod: " + printable(run.unscheduled, kMaxCause, CutMark::kEllipsis);
  const std::string waiting = printable(run.waiting, kMaxReason);
  if (contains(kPulling, run.waiting)) return "its image cannot be pulled yet: " + waiting;
  if (!waiting.empty() && !contains(kStarting, run.waiting)) return "its pod waits: " + waiting;
  if (run.gate && !run.others_running.empty()) {
    return fmt::format(
        "its result is there, but container {} runs still, so that the Job does not "
        "end: keep side cars out of the gate namespace",
        printable(join(run.others_running, ", "), kMaxCause));
  }
  return "";
}

Judgement too_late(const GateRun& run) {
  const std::string cause = obstacle(run);
  return error("DeadlineExceeded",
               fmt::format("the gate did not end within activeDeadline of its GateClass{}{}",
                           cause.empty() ? "" : "; ", cause));
}

/// Why there is no result, when no container has ended badly.
Judgement no_result(const GateRun& run) {
  if (run.disrupted || !run.pod_reason.empty()) {
    return error("PodLost",
                 fmt::format("the gate's pod was lost{}{}", run.pod_reason.empty() ? "" : ": ",
                             printable(run.pod_reason, kMaxReason)));
  }
  if (contains(kNoImage, run.waiting))
    return error("ImageUnavailable",
                 fmt::format("the gate's image cannot be had: {}", run.waiting));
  if (contains(kNoContainer, run.waiting))
    return error("CannotStart", fmt::format("the gate's pod cannot start: {}", run.waiting));
  return error("NoResult", fmt::format("the gate ended without a result ({} pods{}{})", run.pods,
                                       run.job_failure.empty() ? "" : ", ",
                                       printable(run.job_failure, kMaxReason)));
}

bool ended_well(const std::optional<ContainerEnd>& end) {
  return end && end->exit_code == 0 && end->reason != "OOMKilled";
}

/// The reason why the message of the gate is not to be looked at; nothing when it may be.
std::optional<Judgement> veto(const GateRun& run, const Expected& expected, const Kind& kind) {
  if (run.job_failure == "DeadlineExceeded") return too_late(run);
  if (run.pods > 1) {
    return error("PodReplaced",
                 fmt::format("the Job had {} pods, a result counts from one only", run.pods));
  }
  if (run.disrupted) return no_result(run);
  if (run.fetch && !ended_well(run.fetch))
    return failed_container("fetch", *run.fetch, expected, kind);
  if (run.gate && !ended_well(run.gate)) return failed_container("gate", *run.gate, expected, kind);
  if (!run.fetch || !run.gate || run.pods != 1) return no_result(run);
  if (!run.job_complete || !run.job_failure.empty() || !run.pod_reason.empty())
    return error("JobNotComplete", "the containers ended well, but the Job is not complete");
  return std::nullopt;
}

/// What the gate's container printed.
Reasoned<Report> report_of(const GateRun& run, const Expected& expected, const Kind& kind) {
  return parse_report(run.gate ? run.gate->message : "", expected, kind);
}

}  // namespace

bool cannot_start(std::string_view waiting_reason) {
  return contains(kNoImage, waiting_reason) || contains(kNoContainer, waiting_reason);
}

bool is_over(const GateRun& run) {
  return run.job_complete || !run.job_failure.empty() || cannot_start(run.waiting);
}

std::string waiting_text(const GateRun& run) {
  if (is_over(run)) return "";
  if (run.pods == 0 && !run.disrupted) {
    return "its Job has no pod; if that stays, a quota, a LimitRange or an admission policy of the "
           "gate namespace forbids it: `kubectl describe` of the Job says which";
  }
  return obstacle(run);
}

Judgement conclude(const GateRun& run, const Expected& expected, const Kind& kind,
                   std::string_view parameters, const Carries& carries) {
  if (std::optional<Judgement> vetoed = veto(run, expected, kind)) return *std::move(vetoed);
  const Reasoned<Report> report = report_of(run, expected, kind);
  if (!report) return errored(report.error());
  if (report->outcome == ReportOutcome::kMeasured) return kind.judge(parameters, *report, carries);
  Judgement out = errored({.code = report->code, .message = report->message});
  if (report->outcome == ReportOutcome::kInconclusive) out.verdict = Verdict::kInconclusive;
  return out;
}

Carries carries_of(const GateRun& run, const Expected& expected, const Kind& kind) {
  if (veto(run, expected, kind)) return {};
  const Reasoned<Report> report = report_of(run, expected, kind);
  return report && report->outcome == ReportOutcome::kMeasured ? kind.carries(*report) : Carries{};
}

}  // namespace stagekeeper::gates
