#pragma once

#include "gates/reason.h"

#include <map>
#include <string>
#include <string_view>

namespace stagekeeper::gates {

/// How a gate ended, or has not. Only Passed unblocks. Failed is a verdict about the model, Errored
/// a technical failure, Inconclusive data that cannot tell.
enum class Verdict { kPending, kRunning, kPassed, kFailed, kInconclusive, kErrored };

/// "Pending", "Running", "Passed", …
std::string_view name(Verdict verdict);

/// kErrored for a text that this version does not know: fail closed.
Verdict verdict(std::string_view text);

/// Named facts that one gate leaves for a later one: the golden rows with the candidate's
/// scores of them.
using Carries = std::map<std::string, std::string>;

/// The judgement on one gate, as status and records show it. Values are texts; empty = none.
struct Judgement {
  Verdict verdict = Verdict::kPending;
  std::string reason;     ///< code
  std::string message;    ///< one sentence; several lines for fairness; at most ≈ 8 KiB
  std::string observed;   ///< AUC, p95 in ms, largest gap, or served version
  std::string threshold;  ///< of the policy, same unit
  std::string champion;   ///< the serving version's value
  std::string samples;    ///< rows or calls
  std::string
      interval;  ///< of the difference to the champion, "[-0.0012, 0.0410]" at 95 %; or empty

  friend bool operator==(const Judgement&, const Judgement&) = default;
};

/// The judgement on a run without a believable report. A reason without code becomes NoReason.
Judgement errored(const Reason& reason);

/// Whether another attempt may end otherwise: an Errored run whose cause may pass by itself (a pod
/// lost, a clone not ready, an image that cannot be pulled now). False for every verdict, for
/// Inconclusive, and for causes that stay (wrong digest, out of memory, a forged report).
bool worth_retrying(const Judgement& judgement);

}  // namespace stagekeeper::gates
