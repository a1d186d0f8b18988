#include "gates/verdict.h"

#include "base/enum_names.h"

#include <algorithm>
#include <iterator>

namespace stagekeeper::gates {
namespace {

constexpr EnumName<Verdict> kVerdicts[] = {{Verdict::kPending, "Pending"},
                                           {Verdict::kRunning, "Running"},
                                           {Verdict::kPassed, "Passed"},
                                           {Verdict::kFailed, "Failed"},
                                           {Verdict::kInconclusive, "Inconclusive"},
                                           {Verdict::kErrored, "Errored"}};
static_assert(names_all(kVerdicts, Verdict::kErrored));

/// Causes that another attempt may not meet again.
constexpr std::string_view kPassing[] = {
    "CandidateNotReady", "ChampionNotReady", "CandidateChanged", "ScoringFailed",
    "ScoringTimedOut",   "FetchFailed",      "ImageUnavailable", "CannotStart",
    "PodLost",           "PodReplaced",      "DeadlineExceeded", "NoReport",
    "Truncated",         "ContainerFailed",  "NoResult"};

}  // namespace

std::string_view name(Verdict verdict) {
  return enum_name(kVerdicts, verdict);
}

Verdict verdict(std::string_view text) {
  return enum_value(kVerdicts, text).value_or(Verdict::kErrored);
}

Judgement errored(const Reason& reason) {
  Judgement out;
  out.verdict = Verdict::kErrored;
  out.reason = reason.code.empty() ? "NoReason" : reason.code;
  out.message = reason.message;
  return out;
}

bool worth_retrying(const Judgement& judgement) {
  return judgement.verdict == Verdict::kErrored &&
         std::ranges::find(kPassing, judgement.reason) != std::end(kPassing);
}

}  // namespace stagekeeper::gates
