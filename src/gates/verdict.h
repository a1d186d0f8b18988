#pragma once

#include "gates/policy.h"
#include "gates/report.h"

#include <string>
#include <string_view>

namespace stagekeeper::gates {

/// Failed is a verdict about the model, Errored a technical failure, Inconclusive data that cannot
/// tell. Only Passed lets a promotion go on.
enum class Outcome { kPassed, kFailed, kInconclusive, kErrored };

/// "Passed", "Failed", "Inconclusive", "Errored".
std::string_view name(Outcome outcome);

/// The judgement on one gate, as status and records show it. Values are texts; empty = none.
struct Verdict {
  Outcome outcome = Outcome::kErrored;
  std::string reason;     ///< code
  std::string message;    ///< the article's sentence; several lines for fairness; at most ≈ 8 KiB
  std::string observed;   ///< AUC, p95 in ms, largest gap, or served version
  std::string threshold;  ///< of the policy, same unit
  std::string champion;   ///< the serving version's AUC
  std::string samples;    ///< rows or calls
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

/// Judges measured numbers by the policy's thresholds. Exact: decimals compare as integers, and
/// equality passes (R10, R15, R17). Without a champion its AUC counts as 0 (R11).
/// A report that measured nothing, or something else, is Inconclusive or Errored with its reason.
Verdict judge(const AccuracyPolicy& policy, const Report& report);
Verdict judge(const LatencyPolicy& policy, const Report& report);
Verdict judge(const FairnessPolicy& policy, const Report& report);
Verdict judge(const SmokePolicy& policy, const Report& report);
Verdict judge(const Policy& policy, const Report& report);

/// The verdict of a run without a believable report.
Verdict errored(const Reason& reason);

/// Whether another attempt can end differently: an Errored run whose cause may pass (a pod lost, a
/// clone not ready, a store that did not answer). False for every verdict, for Inconclusive, and
/// for causes that stay (wrong digest, out of memory, a forged or foreign report).
bool worth_retrying(const Verdict& verdict);

}  // namespace stagekeeper::gates
