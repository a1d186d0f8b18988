#pragma once

#include "operator/cluster/environment.h"
#include "operator/promotions/observation.h"
#include "promotion/decide.h"
#include "runtime/events.h"
#include "runtime/metrics.h"

#include <string>

namespace stagekeeper {

/// Writes what a decision says into the status of the request and of its Approvals, and tells of a
/// new phase in an Event. Writes nothing when nothing is new. Thread-safe.
class Publisher {
 public:
  struct Ports {
    const Environment& environment;
    runtime::EventRecorder& events;
    runtime::Metrics& metrics;
  };

  explicit Publisher(Ports ports) : ports_(ports) {}

  /// Returns what changed, for the log: empty for nothing. Keeps `seen` current: after a write its
  /// request bears the new resourceVersion. Errors: those of the API.
  Result<std::string> publish(Observation& seen, const promotion::Decision& decision) const;

  /// The Approvals that were read in this round and that the decision judges, or none of which it
  /// will judge any more. Errors: those of the API.
  Status publish_approvals(const Observation& seen, const promotion::Decision& decision) const;

 private:
  void tell(const promotion::World& world, const promotion::Decision& decision) const;

  Ports ports_;
};

}  // namespace stagekeeper
