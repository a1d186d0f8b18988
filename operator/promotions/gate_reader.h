#pragma once

#include "operator/cluster/environment.h"
#include "operator/promotions/observation.h"

#include <string>
#include <vector>

namespace stagekeeper {

/// Reads what gates depend on: clones with their pods, gate Jobs with theirs. Clones and pods are
/// read live, since what a gate measured counts only while they are the same; Jobs are found in the
/// cache, which can be late but holds no verdict, and read live where one is judged.
class GateReader {
 public:
  explicit GateReader(const Environment& environment) : env_(environment) {}

  /// What the gates of this request rest on beside what the World holds already.
  [[nodiscard]] std::vector<Interest> interests(const Observation& seen) const;

  /// Fills in World::evaluation, for the present evaluation. Errors: those of the API, Corrupt.
  Status read_evaluation(Observation& seen) const;

  /// Fills in the smoke test of every Intent of the request that is open. Errors: as above.
  Status read_smoke(Observation& seen) const;

 private:
  Status read_clones(Observation& seen) const;

  /// The pods behind the target's Service, live; the Service itself from the cache.
  [[nodiscard]] Result<promotion::ServingPods> serving_pods(const ServingTarget& target,
                                                            const Deployment& deployment) const;
  const Environment& env_;
};

}  // namespace stagekeeper
