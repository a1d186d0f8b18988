#pragma once

#include "audit/chain.h"
#include "audit/pending.h"
#include "audit/store.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/mutex.h"

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace stagekeeper::audit {

/// What all records of this operator have in common.
struct LedgerOptions {
  std::string operator_version;
  std::chrono::seconds retention{};        ///< how long a record stays locked, from its writing on
  std::vector<Deviation> deviations = {};  ///< acknowledged probe points; stand in every record
  std::vector<VerifyKey> also_trusted = {};  ///< keys of the past; records are signed with one key
  std::chrono::seconds max_skew{60};         ///< between our clock and the store's
};

/// The ledger of one object as it is now: the object's uid is written into each record.
struct LedgerObject {
  LedgerId id;
  std::string uid;
};

/// Writes and reads the ledgers of one bucket.
///
/// Guarantees: a record is signed, then made final by compare-and-swap in the PendingStore, then
/// put under a key that names its sequence and can be created once, then read back with its lock.
/// append() returns only after that. A crash or a lost answer anywhere leads to the same bytes at
/// the same key, or to none. Two operators at once make one chain.
/// Assumptions: the store keeps what it locked (see probe.h); the signing key is ours alone.
/// Errors: Unavailable and Throttled (wait: the store is down, or clocks differ too much), Corrupt
/// (the ledger or the store cannot be believed: stop, tell people), Conflict (another Intent is
/// open, or other writers keep winning), Invalid (the draft can never be a record), Denied.
///
/// Thread rule: thread-safe; calls for the same ledger wait for each other, also during network
/// calls. Lifetime: store, key and clock outlive it.
class Ledger {
 public:
  Ledger(Store& store, SigningKey key, const Clock& clock, LedgerOptions options);

  /// The state of a ledger: read whole from the bucket the first time, then kept in memory and
  /// completed by one listing of what came after the head. An empty ledger has no records.
  Result<LedgerSnapshot> load(const LedgerId& id);

  /// Completes what a crash left pending for this object, and returns the state.
  Result<LedgerSnapshot> recover(const LedgerObject& object, PendingStore& pending);

  /// Appends a record and returns where it lies. Writes Genesis first in an empty ledger, and
  /// TargetAdopted when the object's uid is a new one. A draft that the ledger already holds (same
  /// kind, request, decision digest, action, Intent and version) gives the existing record, after
  /// its lock was seen. An Applied without `to` gets that of its Intent.
  Result<RecordRef> append(const LedgerObject& object, const Draft& draft, PendingStore& pending);

  /// One record with its body, read anew and verified by digest. Errors: NotFound.
  Result<Record> read(const LedgerId& id, std::uint64_t sequence);

 private:
  /// One ledger in memory. `locked` holds the sequences whose lock this process has seen.
  struct Slot {
    Mutex mutex;
    LedgerSnapshot state SK_GUARDED_BY(mutex);
    std::set<std::uint64_t> locked SK_GUARDED_BY(mutex);
  };

  /// What a step of append() came to: done, or begin again with what was learnt.
  enum class Step { kDone, kAgain };

  /// A record as it goes to the bucket.
  struct Outgoing {
    std::string key;
    std::string envelope;
    TimePoint retain_until;
  };

  std::shared_ptr<Slot> slot_of(const LedgerId& id);
  Status refresh(Slot& slot, const LedgerId& id) SK_REQUIRES(slot.mutex);
  Result<TimePoint> conservative_now() const;
  Result<Step> settle(Slot& slot, const PendingSnapshot& found, PendingStore& pending)
      SK_REQUIRES(slot.mutex);
  Result<Record> check_pending(const LedgerState& state, const Pending& pending) const;
  Result<std::optional<RecordRef>> round(Slot& slot, const LedgerObject& object, Draft draft,
                                         PendingStore& pending) SK_REQUIRES(slot.mutex);
  Result<Step> write_next(Slot& slot, const LedgerObject& object, const Draft& draft,
                          PendingStore& pending, const std::string& token) SK_REQUIRES(slot.mutex);
  Result<Step> commit(Slot& slot, Outgoing outgoing) SK_REQUIRES(slot.mutex);
  Result<Step> learn_taken(Slot& slot, const Outgoing& outgoing) SK_REQUIRES(slot.mutex);
  Status verify_stored(const Outgoing& outgoing, const std::string& version_id);
  Status ensure_locked(Slot& slot, const RecordRef& ref) SK_REQUIRES(slot.mutex);
  [[nodiscard]] Draft genesis() const;

  Store& store_;
  SigningKey key_;
  const Clock& clock_;
  LedgerOptions options_;
  std::vector<VerifyKey> trusted_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_ SK_GUARDED_BY(mutex_);
};

/// Reads all versions below a ledger's prefix after `after` (0 = from the beginning), page by page.
/// Errors: those of Store::list_versions; Corrupt beyond 200,000 entries.
Result<std::vector<VersionEntry>> list_ledger(Store& store, const LedgerId& id,
                                              std::uint64_t after);

/// Whether a lock holds a record at least until `until`. Stores keep whole seconds, and some cut
/// where others round: one second is forgiven. Pure. Errors: Corrupt, saying what the lock is.
Status check_lock(const ObjectLock& lock, TimePoint until);

}  // namespace stagekeeper::audit
