#pragma once

#include "gates/gate_input.h"
#include "gates/reason.h"
#include "gates/report.h"

#include <chrono>
#include <string>
#include <string_view>

namespace stagekeeper::gate {

/// Exit codes. Anything but 0 is a veto: no result of such a container counts.
inline constexpr int kExitReported = 0;  ///< a report says Measured or Inconclusive
inline constexpr int kExitErrored = 1;   ///< a report says Errored and why
inline constexpr int kExitUnusable = 2;  ///< no report: bad usage or input, report not writable

/// What the command line sets.
struct ProgramOptions {
  std::string directory = "/work";
  std::string report_path = "/dev/termination-log";
  std::chrono::seconds ready_timeout{120};
};

/// A report on this input that measured nothing. Data that cannot tell are Inconclusive (one class,
/// class labels, too few rows, …); everything else is Errored.
gates::Report failed_report(const gates::GateInput& input, const gates::Reason& reason);

/// A report with numbers.
gates::Report measured_report(const gates::GateInput& input, std::string metrics);

/// Writes the report and returns the exit code it calls for. A report that does not fit becomes an
/// Errored one that says so.
int finish(const gates::Report& report, const gates::Kind& kind, const std::string& path);

/// `stagekeeper-gate fetch`: the dataset into the directory, the artifact through its digest. A
/// report is written on failure only.
int run_fetch(const gates::GateInput& input, const ProgramOptions& options);

/// `stagekeeper-gate accuracy` and the like, one for each kind: measures on the fetched file.
int run_gate(const gates::GateInput& input, const ProgramOptions& options);

}  // namespace stagekeeper::gate
