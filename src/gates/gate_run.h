#pragma once

#include "gates/kind.h"
#include "gates/report.h"
#include "gates/verdict.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::gates {

/// How a container ended (state.terminated of its status).
struct ContainerEnd {
  int exit_code = 0;
  std::string reason;   ///< Completed, Error, OOMKilled, ContainerCannotRun, …
  std::string message;  ///< the termination message, as it came
};

/// What is known of a gate's Job and its pod. Plain data, read at one moment; whoever reads fills
/// in what it sees and leaves the rest as it is.
struct GateRun {
  bool job_complete = false;  ///< the Job has the condition Complete
  std::string job_failure;    ///< reason of its condition Failed (never empty then): BackoffLimit…
  std::size_t pods = 0;       ///< pods of the Job that exist
  std::string pod_reason;     ///< status.reason of the pod: Evicted, NodeLost, …
  bool disrupted = false;     ///< the pod has the condition DisruptionTarget
  std::string unscheduled;    ///< message of PodScheduled=False: no node takes the pod
  std::string waiting;        ///< why a container has not started: ImagePullBackOff, …
  std::vector<std::string> others_running;  ///< containers beside fetch and gate that run still
  std::optional<ContainerEnd> fetch;
  std::optional<ContainerEnd> gate;
};

/// Whether a container's waiting reason will not pass by itself. An image that cannot be pulled is
/// none: the kubelet tries again, and activeDeadline decides.
bool cannot_start(std::string_view waiting_reason);

/// Whether the run has ended, or can never start: the time to conclude().
bool is_over(const GateRun& run);

/// What a run that is not over waits for, for people ("its image cannot be pulled yet: …"); empty
/// when it simply runs.
std::string waiting_text(const GateRun& run);

/// The judgement on a run that is over. Total: every state has a verdict, and Passed needs a
/// complete Job with one pod, both containers ended with 0, and a report that says it is this run's
/// and whose numbers pass. Exit codes are vetoes: nothing printed by a container that failed can
/// pass. `parameters` are the policy's, `carries` what earlier gates left.
Judgement conclude(const GateRun& run, const Expected& expected, const Kind& kind,
                   std::string_view parameters, const Carries& carries);

/// What the run leaves for later gates; nothing without a report that conclude() believes.
Carries carries_of(const GateRun& run, const Expected& expected, const Kind& kind);

}  // namespace stagekeeper::gates
