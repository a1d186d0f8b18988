#pragma once

#include "base/result.h"
#include "gates/report.h"
#include "gates/verdict.h"

#include <span>
#include <string>
#include <string_view>

namespace stagekeeper::gates {

/// What must be there before a gate of a kind can measure.
struct Needs {
  bool clones = true;     ///< measures the candidate clone; false: the serving workload itself
  bool champion = false;  ///< is compared with what serves, where something does
  bool rows = false;      ///< needs evaluation.dataset
  bool artifact = false;  ///< verifies the artifact rather than another gate of its evaluation
  bool labels = false;    ///< needs evaluation.task, and a dataset with labels
  bool groups = false;    ///< needs at least one group column
  bool alone = false;     ///< must not run beside other gates of the evaluation
};

/// One kind of gate: everything that is particular to it stands in one file of gates/kinds, and how
/// it is measured in one of operator/gate/kinds. Texts are JSON objects. Pure, thread-safe.
struct Kind {
  std::string_view name;    ///< spec.type in policies and GateClasses: "Accuracy"
  std::string_view member;  ///< its member in policies and reports, and its subcommand: "accuracy"
  bool in_policies = true;  ///< false: the operator's own (Smoke), no stage may name it
  Needs needs;

  /// Checks the policy's parameters (JSON text of the member that matches the kind). A threshold
  /// has no default: nobody's number must decide. Members that are not known are refused.
  /// Errors: Invalid, naming the field and what to write.
  Status (*check)(std::string_view parameters);

  /// The part of the parameters that the gate program is told: never a threshold.
  /// Errors: Invalid, as check.
  Result<std::string> (*job_parameters)(std::string_view parameters, const Carries& carries);

  /// Checks the numbers of a report, which may be anything.
  /// Reasons: as parse_report.
  Reasoned<void> (*check_metrics)(std::string_view metrics, const Expected& expected);

  /// Judges a Measured report that parse_report() accepted, by the policy's parameters. Exact:
  /// decimals compare as integers, and equality passes.
  Judgement (*judge)(std::string_view parameters, const Report& report, const Carries& carries);

  /// What a report leaves for later gates; nothing where it has no numbers.
  Carries (*carries)(const Report& report);
};

/// The kind of that name, or null. Adding a kind: its files, its row in kind.cc, its row in
/// operator/gate/measurers.cc, its CRD part.
const Kind* find_kind(std::string_view name);

/// Every kind.
std::span<const Kind* const> kinds();

}  // namespace stagekeeper::gates
