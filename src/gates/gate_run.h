#pragma once

#include "gates/policy.h"
#include "gates/report.h"
#include "gates/verdict.h"

#include <cstddef>
#include <optional>
#include <string>

namespace stagekeeper::gates {

/// How a container ended (state.terminated of its status).
struct ContainerEnd {
  int exit_code = 0;
  std::string reason;   ///< Completed, Error, OOMKilled, ContainerCannotRun, …
  std::string message;  ///< the termination message, as it came
};

/// What is known of a gate's Job and its pod. Plain data, read at one moment; the operator fills in
/// what it sees and leaves the rest as it is.
struct GateRun {
  bool job_complete = false;  ///< the Job has the condition Complete
  std::string job_failure;    ///< reason of its condition Failed: DeadlineExceeded, …
  std::size_t pods = 0;       ///< pods of the Job that were ever seen
  std::string pod_reason;     ///< status.reason of the pod: Evicted, NodeLost, …
  bool disrupted = false;     ///< the pod has the condition DisruptionTarget, or is gone
  std::string waiting;        ///< reason why a container cannot start: ImagePullBackOff, …
  std::optional<ContainerEnd> fetch;
  std::optional<ContainerEnd> gate;
};

/// The verdict on a run that is over (or can never start). Total: every state has a verdict, and
/// Passed needs a complete Job with one pod, both containers ended with 0, and a report that says
/// it is this run's and whose numbers pass. Exit codes are vetoes: nothing printed by a container
/// that failed can pass.
Verdict conclude(const GateRun& run, const Expected& expected, const Policy& policy);

/// Whether a container's waiting reason will not pass by itself.
bool cannot_start(std::string_view waiting_reason);

}  // namespace stagekeeper::gates
