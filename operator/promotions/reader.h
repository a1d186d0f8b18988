#pragma once

#include "kube/objects.h"
#include "operator/cluster/environment.h"
#include "operator/promotions/observation.h"

#include <optional>
#include <string>

namespace stagekeeper {

/// Reads the World of one request, in stages, and stops as soon as nothing more can matter:
///
///  a. a request that has ended by record, shows it, and owns nothing: no call at all;
///  b. request, ledgers, version, policy, classes, targets and Deployments;
///  c. what the active machine needs: clones, Jobs and pods while gates run, Approvals while people
///     are asked or could still stop a rollout, smoke Jobs while a rollout is open.
///
/// What decides is read live; caches serve for a, and for finding Jobs, whose staleness can delay
/// but not mislead. What is read is named to the Waiters first, so that no change is missed.
/// Thread-safe.
class Reader {
 public:
  explicit Reader(const Environment& environment) : env_(environment) {}

  /// Only the request itself; nothing when it does not exist. Errors: those of the API, Corrupt.
  [[nodiscard]] Result<std::optional<Observation>> observe_request(
      const kube::ObjectKey& key) const;

  /// Nothing when the request does not exist. A ledger that cannot be read ends the reading early:
  /// see World::ledger_fault. Errors: those of the ports.
  [[nodiscard]] Result<std::optional<Observation>> observe(const kube::ObjectKey& key) const;

  /// Looks at the ledgers again after this round has appended to them, and at the Approvals, since
  /// a Reject may have come meanwhile; everything else stays as it was read.
  /// Errors: as observe().
  Status refresh(Observation& seen) const;

 private:
  [[nodiscard]] bool settled(const kube::ObjectKey& key) const;
  [[nodiscard]] bool owns_anything(const std::string& request_uid) const;
  void watch(Observation& seen, const char* kind, const std::string& ns,
             const std::string& name) const;

  Status read_all(Observation& seen) const;
  /// The model's ledger and what stands in it of this request: its end, else what was decided.
  Status read_model_ledger(Observation& seen) const;
  Status remember(Observation& seen) const;
  Status remember_target(Observation& seen, const std::string& name) const;
  Status understand_ledger(Observation& seen) const;
  Status read_version(Observation& seen) const;
  Status read_aborted(Observation& seen) const;
  Status read_policy(Observation& seen) const;
  Status read_gate_class(Observation& seen, const std::string& name, std::string& digests) const;
  Status read_targets(Observation& seen) const;
  [[nodiscard]] Result<promotion::TargetState> read_target(Observation& seen,
                                                           const std::string& name) const;
  Status read_other_targets(Observation& seen) const;
  /// What the active machine needs.
  Status read_machine(Observation& seen) const;
  Status read_results(Observation& seen) const;
  Status read_approvals(Observation& seen) const;
  void read_belongings(Observation& seen) const;

  const Environment& env_;
};

/// Whether people could still say something that counts: they are being asked, or the rollout that
/// they allowed has not changed every pin.
bool people_matter(const promotion::World& world);

/// Whether gates of the request are to be run or looked at.
bool gates_matter(const promotion::World& world);

}  // namespace stagekeeper
