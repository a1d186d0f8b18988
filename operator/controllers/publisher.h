#pragma once

#include "base/clock.h"
#include "kube/api.h"
#include "operator/controllers/observer.h"
#include "promotion/decide.h"
#include "runtime/events.h"
#include "runtime/metrics.h"

#include <string>

namespace stagekeeper {

/// Writes what a decision says into the status of the request and of its Approvals, and tells of a
/// new phase in an Event. Writes nothing when nothing is new.
class Publisher {
 public:
  struct Ports {
    kube::Api& api;
    const Clock& clock;
    runtime::EventRecorder& events;
    runtime::Metrics& metrics;
  };

  explicit Publisher(Ports ports) : ports_(ports) {}

  /// Returns what changed, for the log: empty for nothing. Keeps `seen` current: after a write its
  /// request bears the new resourceVersion. Errors: those of the API.
  Result<std::string> publish(Observation& seen, const promotion::Decision& decision) const;

 private:
  Status publish_approvals(const promotion::World& world,
                           const promotion::Decision& decision) const;
  /// `overrule`: also where something was said before.
  Status publish_approval(const ObjectMeta& meta, const promotion::ApprovalView& view,
                          bool overrule) const;
  void tell(const promotion::World& world, const promotion::Decision& decision) const;

  Ports ports_;
};

}  // namespace stagekeeper
