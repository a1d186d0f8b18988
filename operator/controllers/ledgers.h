#pragma once

#include "audit/ledger.h"
#include "base/mutex.h"
#include "kube/api.h"
#include "model/objects.h"
#include "promotion/action.h"
#include "promotion/world.h"

#include <map>
#include <string>
#include <vector>

namespace stagekeeper {

/// The reason before the first probe has ended.
inline constexpr const char* kNotProbed = "NotProbed";

/// Whether the bucket may be believed, as the last probe found. Written by the prober, read by
/// everybody. Thread-safe.
class StoreTrust {
 public:
  void set(promotion::StoreState state);
  [[nodiscard]] promotion::StoreState get() const;

 private:
  mutable Mutex mutex_;
  promotion::StoreState state_ SK_GUARDED_BY(mutex_){
      .trusted = false, .reason = kNotProbed, .message = "the audit store has not been probed yet"};
};

/// The two kinds of ledgers, in the words of promotion. Thread-safe.
class Ledgers {
 public:
  Ledgers(audit::Ledger& ledger, kube::Api& api) : ledger_(ledger), api_(api) {}

  /// Before anything else is called, once.
  void set_cluster_uid(std::string cluster_uid) { cluster_uid_ = std::move(cluster_uid); }

  /// The records of a target or a model. While the store does not answer, what was last read is
  /// given: nothing is lost by deciding on it, since every append reads again.
  /// Errors: Unavailable when nothing was ever read; Corrupt: fail closed.
  Result<promotion::LedgerView> view(promotion::LedgerKind kind, const std::string& ns,
                                     const std::string& name);

  /// Appends what a decision asks for to the ledger of `target` or of the policy.
  /// Errors: those of audit::Ledger::append.
  Status append(const promotion::World& world, const promotion::AppendRecord& record);

  /// The body of one record, from memory when it was read before. Errors: as audit::Ledger::read.
  Result<std::string> body(promotion::LedgerKind kind, const std::string& ns,
                           const std::string& name, std::uint64_t sequence);

  [[nodiscard]] const std::string& cluster_uid() const { return cluster_uid_; }

 private:
  [[nodiscard]] audit::LedgerId id(promotion::LedgerKind kind, const std::string& ns,
                                   const std::string& name) const;

  audit::Ledger& ledger_;
  kube::Api& api_;
  std::string cluster_uid_;
  Mutex mutex_;
  std::map<std::string, promotion::LedgerView> last_ SK_GUARDED_BY(mutex_);
  std::map<std::string, std::string> bodies_ SK_GUARDED_BY(mutex_);
};

}  // namespace stagekeeper
