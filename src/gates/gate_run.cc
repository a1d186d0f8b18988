#include "gates/gate_run.h"

#include "gates/text.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace stagekeeper::gates {
namespace {

constexpr std::size_t kMaxReason = 64;

constexpr std::array<std::string_view, 5> kImageReasons{"ErrImagePull", "ImagePullBackOff",
                                                        "ErrImageNeverPull", "InvalidImageName",
                                                        "ImageInspectError"};
constexpr std::array<std::string_view, 3> kConfigReasons{
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view reason) {
  return std::find(list.begin(), list.end(), reason) != list.end();
}

Verdict error(std::string code, std::string message) {
  return errored(Reason{.code = std::move(code), .message = std::move(message)});
}

/// A container that ended badly. It may have said why, and only that it went wrong is believed.
Verdict failed_container(const char* which, const ContainerEnd& end, const Expected& expected) {
  if (end.reason == "OOMKilled") {
    return error("OutOfMemory",
                 fmt::format("container {} ran out of memory: raise resources.limits "
                             "of the GateClass",
                             which));
  }
  const Reasoned<Report> report = parse_report(end.message, expected);
  if (report && report->outcome == ReportOutcome::kErrored)
    return error(report->code, report->message);
  return error("ContainerFailed", fmt::format("container {} ended with exit code {} ({})", which,
                                              end.exit_code, printable(end.reason, kMaxReason)));
}

/// Why there is no result, when no container has ended badly.
Verdict no_result(const GateRun& run) {
  if (run.disrupted || !run.pod_reason.empty()) {
    return error("PodLost",
                 fmt::format("the gate's pod was lost{}{}", run.pod_reason.empty() ? "" : ": ",
                             printable(run.pod_reason, kMaxReason)));
  }
  if (contains(kImageReasons, run.waiting)) {
    return error("ImageUnavailable",
                 fmt::format("the gate's image cannot be had: {}", run.waiting));
  }
  if (!run.waiting.empty()) {
    return error("CannotStart", fmt::format("the gate's pod cannot start: {}",
                                            printable(run.waiting, kMaxReason)));
  }
  return error("NoResult", fmt::format("the gate ended without a result ({} pods{}{})", run.pods,
                                       run.job_failure.empty() ? "" : ", ",
                                       printable(run.job_failure, kMaxReason)));
}

bool ended_well(const std::optional<ContainerEnd>& end) {
  return end && end->exit_code == 0 && end->reason != "OOMKilled";
}

}  // namespace

bool cannot_start(std::string_view waiting_reason) {
  return contains(kImageReasons, waiting_reason) || contains(kConfigReasons, waiting_reason);
}

Verdict conclude(const GateRun& run, const Expected& expected, const Policy& policy) {
  if (run.job_failure == "DeadlineExceeded") {
    return error("DeadlineExceeded", "the gate did not end within activeDeadline of its GateClass");
  }
  if (run.pods > 1) {
    return error("PodReplaced",
                 fmt::format("the Job had {} pods, a result counts from one only", run.pods));
  }
  if (run.disrupted) return no_result(run);
  if (run.fetch && !ended_well(run.fetch)) return failed_container("fetch", *run.fetch, expected);
  if (run.gate && !ended_well(run.gate)) return failed_container("gate", *run.gate, expected);
  if (!run.fetch || !run.gate || run.pods != 1) return no_result(run);
  if (!run.job_complete || !run.job_failure.empty() || !run.pod_reason.empty())
    return error("JobNotComplete", "the containers ended well, but the Job is not complete");
  const Reasoned<Report> report = parse_report(run.gate->message, expected);
  if (!report) return errored(report.error());
  return judge(policy, *report);
}

}  // namespace stagekeeper::gates
