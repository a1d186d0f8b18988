#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "runtime/backoff.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::runtime {

/// The fields of a coordination.k8s.io/v1 Lease that matter here, as the server tells them.
struct LeaseView {
  std::string resource_version;
  std::string holder;  ///< empty: released
  std::chrono::seconds duration{0};
  std::string acquire_time;  ///< compared and copied, never interpreted
  std::string renew_time;    ///< compared, never interpreted: it is another machine's clock
  int transitions = 0;

  friend bool operator==(const LeaseView&, const LeaseView&) = default;
};

/// Errors: Invalid when the text is no Lease.
Result<LeaseView> parse_lease(std::string_view body);

struct LeaseOptions {
  std::string ns;
  std::string name;
  /// Unique for each process, also across restarts of a pod: pod name and random hex.
  std::string identity;
  std::chrono::seconds duration{15};
  /// A leader that could not renew for so long stops being one. Less than `duration`.
  std::chrono::milliseconds renew_deadline{10000};
  std::chrono::milliseconds retry{2000};
};

/// What to write into the lease; with `resource_version` as precondition, or a create without.
struct LeaseWrite {
  std::string resource_version;  ///< empty: the lease is to be created
  std::string holder;
  std::chrono::seconds duration{0};
  std::string acquire_time;
  std::string renew_time;
  int transitions = 0;
};

/// JSON of a create, or of a merge patch when the write has a resourceVersion.
std::string lease_body(const LeaseOptions& options, const LeaseWrite& write);

/// Leader election as client-go does it: another's lease has expired when *we* have not seen it
/// change for its duration by our own monotonic clock; clocks are never compared across machines.
/// It tolerates clock skew but is no fence: two processes may believe to lead for a moment (one
/// paused for long). Every write that matters carries its own precondition.
///
/// Pure: time is an argument. Not thread-safe.
class LeaseMachine {
 public:
  explicit LeaseMachine(LeaseOptions options) : options_(std::move(options)) {}

  /// Takes in what a read returned (nullopt: there is no lease) and says what to write, if it is
  /// our turn: renew, take over an expired or released lease, or create. `wall` is only written.
  std::optional<LeaseWrite> observe(const std::optional<LeaseView>& lease, SteadyTime now,
                                    TimePoint wall);

  /// The write was accepted. `sent_at` is when it was sent: the server cannot have applied it
  /// earlier, so others cannot take over before sent_at + duration.
  void written(const LeaseView& lease, SteadyTime sent_at);

  /// Whether this process may still act as leader.
  [[nodiscard]] bool holds(SteadyTime now) const;

  /// When holds() turns false without another renewal; nullopt when it does not lead.
  [[nodiscard]] std::optional<SteadyTime> deadline() const;

  /// The write that gives the lease back; nullopt when it is not ours.
  std::optional<LeaseWrite> release(TimePoint wall);

  /// Who holds the lease by the last observation.
  [[nodiscard]] const std::string& holder() const { return seen_.holder; }

 private:
  LeaseOptions options_;
  LeaseView seen_;
  SteadyTime seen_at_;
  std::optional<SteadyTime> renewed_at_;  ///< set while leading
};

}  // namespace stagekeeper::runtime
