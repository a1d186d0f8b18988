#pragma once

#include "kube/objects.h"
#include "operator/cluster/environment.h"
#include "operator/promotions/observation.h"
#include "promotion/action.h"

#include <string>
#include <vector>

// Whose the Jobs of gates are: what the operator makes, and whether that is what is there.
namespace stagekeeper {

/// What one attempt's Job is told to sign its report with. A function of the attempt that needs the
/// operator's key: a Job that somebody else has made beforehand cannot bear it, and another leader
/// finds the same one.
std::string gate_nonce(const Environment& env, const std::string& request_uid,
                       const promotion::CreateGateJob& job);

/// The Jobs of one request, and their pods, held against what the operator would make now.
class GateJobs {
 public:
  /// Reads the Jobs from the cache and, where there are any, their pods live: one LIST.
  /// Errors: those of the API, Corrupt.
  static Result<GateJobs> read(const Environment& env, const Observation& seen);

  /// What one gate shows. `wanted`: the Job of its latest attempt as it would be made now, or why
  /// that cannot be said. One GET where there is such a Job, more where one is missed.
  /// Errors: those of the API, Corrupt.
  template <typename Wanted>
  Result<promotion::GateState> observe(const GateSpec& spec, promotion::GateQuestion question,
                                       Wanted wanted) {
    SK_CHECK_OK(find_missed(spec, question));
    if (const Job* latest = promotion::latest_job(spec, question, jobs_)) {
      SK_CHECK_OK(compare(latest->meta.name, wanted(attempt_number(*latest))));
    }
    return conclude(spec, question);
  }

 private:
  GateJobs(const Environment& env, const Observation& seen) : env_(env), seen_(seen) {}

  [[nodiscard]] static int attempt_number(const Job& job);
  Status find_missed(const GateSpec& spec, promotion::GateQuestion& question);
  Status compare(const std::string& name, const Result<promotion::CreateGateJob>& wanted);
  [[nodiscard]] promotion::GateState conclude(const GateSpec& spec,
                                              const promotion::GateQuestion& question) const;
  [[nodiscard]] Result<std::string> body_of(const promotion::CreateGateJob& job) const;
  [[nodiscard]] const std::string& request_uid() const;

  const Environment& env_;
  const Observation& seen_;
  std::vector<Job> jobs_;
  std::vector<kube::Read<Pod>> pods_;
};

}  // namespace stagekeeper
