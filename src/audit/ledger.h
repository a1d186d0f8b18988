#pragma once

#include "audit/pending.h"
#include "audit/slot.h"
#include "base/clock.h"
#include "base/crypto.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::audit {

/// What all records of this operator have in common, and how it reads them.
struct LedgerOptions {
  std::string operator_version;
  std::chrono::seconds retention{};      ///< how long a record stays locked, from its writing on
  std::vector<Deviation> deviations;     ///< acknowledged probe points; stand in every record
  std::vector<TrustedKey> trusted_keys;  ///< keys of the past; the signing key may be among them,
                                         ///< with its validity
  std::chrono::seconds max_skew{60};     ///< between our clock and the store's
  unsigned parallel_reads = 8;           ///< of records, per ledger
  std::size_t max_ledgers = 2000;        ///< kept in memory; beyond, the longest unused are dropped
};

/// The ledger of one object as it is now: the object's uid is written into each record.
struct LedgerObject {
  LedgerId id;
  std::string uid;  ///< empty: the object is gone, and what is open in its ledger is to be ended
};

/// Writes and reads the ledgers of one bucket.
///
/// Guarantees: a record is signed, then made final by compare-and-swap in the PendingStore, then
/// put under a key that names its sequence and can be created once, then read back with its lock.
/// append() returns only after that. A crash or a lost answer anywhere leads to one record, or to
/// none. What was left pending is finished only when it says what is to be written now: a decision
/// that nobody took again dies with its process. Two operators at once make one chain. A record
/// whose read-back failed makes load() fail until its lock was seen.
/// Assumptions: the store keeps what it locked (see probe.h); the signing key is ours alone.
/// Errors: Unavailable and Throttled (wait: the store is down, or clocks differ too much), Corrupt
/// (the ledger or the store cannot be believed: stop, tell people), Conflict (another Intent is
/// open, the request has ended, or other writers keep winning), Invalid (the content can never be
/// a record), Denied (the signing key is not valid now).
///
/// Thread rule: thread-safe. Appends to one ledger wait for each other; load() waits for them only
/// when it found something new; known() and findings() never wait. Lifetime: store, key and clock
/// outlive it.
class Ledger {
 public:
  Ledger(Store& store, SigningKey key, const Clock& clock, LedgerOptions options);

  /// The history of a ledger: read whole from the bucket the first time (in parallel, and going on
  /// where a failed reading stopped), then completed by one listing of what came after the head. An
  /// open Intent, and a Decided whose request has not ended, are in it only after this process has
  /// seen their locks; else the error says why. An empty ledger has no records.
  Result<History> load(const LedgerId& id);

  /// What memory holds of a ledger, without any call. Nothing: it was never read, or dropped.
  [[nodiscard]] std::optional<History> known(const LedgerId& id) const;

  /// What was strange when the ledger was last read, and stopped nothing. From memory.
  [[nodiscard]] std::vector<Finding> findings(const LedgerId& id) const;

  /// Appends a record and returns it. Writes Genesis first in an empty ledger, ObjectAdopted when
  /// the object's uid is a new one, KeyRotation when another key signed last. A content that the
  /// ledger already holds gives the existing record, after its lock was seen. An Applied without
  /// `to` gets that of its Intent. Of an object that is gone only the decision to roll back and
  /// records that end another one are taken, under the uid that it had (NotFound for others).
  /// `seen` is what the caller has read live of the pending entry: it saves a read, and the
  /// listing; the writes themselves find out when it is outdated.
  Result<RecordFact> append(const LedgerObject& object, RecordContent content,
                            PendingStore& pending,
                            std::optional<PendingSnapshot> seen = std::nullopt);

  /// One record with its body, read anew and verified by digest. Errors: NotFound.
  Result<Record> read(const LedgerId& id, std::uint64_t sequence);

  /// Whether the ledger holds what a status says is its head. Ahead of the bucket, or another
  /// digest: the bucket is not the one that was written to, or the ledger was cut. Corrupt then.
  Status check_head(const LedgerId& id, std::uint64_t sequence, std::string_view digest);

  /// 32 hex digits for a text, always the same ones under one signing key: who does not have the
  /// key cannot guess them.
  [[nodiscard]] std::string unguessable(std::string_view about) const;

  /// The first thing that the store did and no sound store does: took a record and did not keep or
  /// lock it. Stays set: records may lie there that anybody can delete.
  [[nodiscard]] std::optional<std::string> store_fault() const { return fault_.get(); }

 private:
  /// What an append works with: everything is of one ledger, whose Slot::io it holds.
  struct Work {
    Slot& slot;
    const LedgerObject& object;
    PendingStore& pending;
    std::optional<PendingSnapshot> seen;  ///< nothing: to be read anew, the ledger too
    bool fresh = false;                   ///< the ledger was listed in this round
  };

  /// A record as it goes to the bucket.
  struct Outgoing {
    std::string key;
    std::string envelope;
    std::uint64_t sequence = 0;
    TimePoint retain_until{};
  };

  std::shared_ptr<Slot> slot_of(const LedgerId& id);
  [[nodiscard]] std::shared_ptr<Slot> find_slot(const LedgerId& id) const;
  void drop_unused() SK_REQUIRES(mutex_);
  [[nodiscard]] Result<TimePoint> conservative_now() const;
  [[nodiscard]] RecordContent next_content(const Chain& chain, const LedgerObject& object,
                                           const RecordContent& wanted) const;
  Result<std::optional<RecordFact>> round(Work& work, RecordContent content)
      SK_REQUIRES(work.slot.io);
  Result<bool> write_next(Work& work, const RecordContent& content) SK_REQUIRES(work.slot.io);
  [[nodiscard]] std::optional<Outgoing> left_pending(Work& work, const RecordContent& content) const
      SK_REQUIRES(work.slot.io);
  Result<Outgoing> sign(const Work& work, const RecordContent& content) const
      SK_REQUIRES(work.slot.io);
  Result<bool> commit(Work& work, Outgoing outgoing) SK_REQUIRES(work.slot.io);
  Result<bool> learn_taken(Work& work, const Outgoing& outgoing) SK_REQUIRES(work.slot.io);
  Status verify_stored(const Outgoing& outgoing, const std::string& version_id);

  Store& store_;
  SigningKey key_;
  std::string key_id_;
  const Clock& clock_;
  LedgerOptions options_;
  StoreFault fault_;
  ReadingOptions reading_;
  mutable Mutex mutex_;

  struct Kept {
    std::shared_ptr<Slot> slot;
    std::uint64_t used = 0;  ///< value of `uses_` at the last use
  };

  mutable std::map<std::string, Kept> slots_ SK_GUARDED_BY(mutex_);
  mutable std::uint64_t uses_ SK_GUARDED_BY(mutex_) = 0;
};

}  // namespace stagekeeper::audit
