#pragma once

#include "gates/report.h"
#include "gates/verdict.h"
#include "promotion/world.h"

#include <map>
#include <string>
#include <vector>

namespace stagekeeper::promotion {

/// An attempt whose Job the operator has made or seen, as it is remembered.
struct RememberedJob {
  std::string name;
  std::string uid;
  std::string gate;
  int attempt = 0;
  std::string input_digest;
  Verdict verdict = Verdict::kRunning;  ///< as it was last seen
  TimePoint missed{};                   ///< since when it is not there, or another Job has its name
};

/// What one gate is asked now, and of whom.
struct GateQuestion {
  std::string request_uid;
  std::string input_digest;  ///< evaluation digest; the Intent's digest for a smoke test
  gates::Expected expected;  ///< gate, attempt and nonce are those of the Job that answers
  gates::Judgement vain;     ///< not Pending: no Job is worth starting, and why
  gates::Carries carries;    ///< what earlier gates left, for the judgement
  const GateClass* gate_class = nullptr;    ///< whose images must have run; null: not known
  std::map<std::string, std::string> pods;  ///< role or pod → identity_of(), as it is now
  std::string proof;                        ///< versionProof.type of the target that is asked
  std::vector<RememberedJob> missed = {};   ///< of this gate: taken away by somebody else than us
};

/// The latest attempt of a gate at the present question among all Jobs of the request, or null.
/// Only a Job under the name of its own attempt, with the present input digest, counts: labels can
/// be put on anything. One under the name of an attempt that is missed does not.
const Job* latest_job(const GateSpec& spec, const GateQuestion& question,
                      const std::vector<Job>& jobs);

/// What the latest attempt of a gate shows. `jobs` are all gate Jobs of the request; `pods` those
/// of its latest Job, or more: pods that this Job does not own are not looked at. A verdict is
/// computed anew each time, by the operator's own rules (gates::conclude); what was measured counts
/// only while the pods that were measured are still the same.
GateState observe_gate(const GateSpec& spec, const GateQuestion& question,
                       const std::vector<Job>& jobs, const std::vector<Pod>& pods);

}  // namespace stagekeeper::promotion
