#pragma once

#include "audit/chain.h"
#include "audit/reading.h"
#include "audit/store.h"
#include "base/mutex.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::audit {

/// What the store did that no sound store does, if it did. Thread-safe.
class StoreFault {
 public:
  void set(const std::string& what);
  [[nodiscard]] std::optional<std::string> get() const;

 private:
  mutable Mutex mutex_;
  std::optional<std::string> what_ SK_GUARDED_BY(mutex_);
};

/// How all ledgers of a bucket are read. Outlived by the store and the fault.
struct ReadingOptions {
  Store& store;
  StoreFault& fault;
  std::vector<TrustedKey> keys;
  unsigned threads = 8;
  std::size_t max_entries = 10'000;  ///< of one listing; what is in memory beside the history
};

/// One ledger in memory, and how it is completed from the bucket.
///
/// Guarantees: records are only added, also by a reading that fails half-way: what was verified
/// stays. Until their locks were seen by this process, an open Intent, a Decided whose request has
/// not ended, the last record of the first reading and whatever this process tried to write are
/// unproven: load() and prove() fail as long as one of them is.
///
/// Thread rule: thread-safe. `io` is held while records are added, network calls included; who only
/// looks never waits for it.
class Slot {
 public:
  Slot(const ReadingOptions& reading, const LedgerId& id)
      : reading_(reading), id_(id), chain_(id) {}

  /// One at a time adds records. Public, so that callers can be seen to hold it.
  Mutex io;  // NOLINT(misc-non-private-member-variables-in-classes)

  /// As last known. No network call, and no waiting for one.
  [[nodiscard]] History history() const;
  [[nodiscard]] std::vector<Finding> findings() const;

  /// Completes the ledger by one listing of what lies behind the head. Waits for others that add
  /// records only when there is something to add or to prove.
  /// Errors: those of the store; Corrupt.
  Result<History> load() SK_EXCLUDES(io);

  /// The same for who holds `io`, without proving.
  Status refresh() SK_REQUIRES(io);

  /// Reads the locks of unproven records. Errors: as load().
  Status prove() SK_REQUIRES(io);

  /// The lock of one record, read unless this process knows it. Errors: as load().
  Status prove(const RecordFact& fact) SK_REQUIRES(io);

  /// A record of that sequence is about to be written: unproven until accept().
  void expect(std::uint64_t sequence) SK_REQUIRES(io);

  /// Adds a record that this process has written and read back with its lock.
  Status accept(const OpenedRecord& opened) SK_REQUIRES(io);

  [[nodiscard]] const Chain& chain() const SK_REQUIRES(io) { return chain_; }

  /// Whether the bucket was read to its end once.
  [[nodiscard]] bool is_loaded() const SK_REQUIRES(io) { return loaded_; }

 private:
  Status merge(const Listing& listing) SK_REQUIRES(io);
  Status merge_records(const std::vector<VersionEntry>& entries) SK_REQUIRES(io);
  Status look_beyond(const Arranged& arranged) SK_REQUIRES(io);
  Status complete(Listing listing) SK_REQUIRES(io);
  Status add(const OpenedRecord& opened) SK_REQUIRES(io);
  void publish() SK_REQUIRES(io);
  [[nodiscard]] tl::unexpected<Error> untrue(std::string_view key, std::string_view what) const;

  const ReadingOptions& reading_;
  const LedgerId id_;
  Chain chain_ SK_GUARDED_BY(io);
  bool loaded_ SK_GUARDED_BY(io) = false;
  std::set<std::uint64_t> unproven_ SK_GUARDED_BY(io);
  std::set<std::string> judged_strays_ SK_GUARDED_BY(io);  // key and version of those behind a gap

  mutable Mutex mutex_;  // of what readers see; never held during a network call
  History history_ SK_GUARDED_BY(mutex_);
  bool has_unproven_ SK_GUARDED_BY(mutex_) = false;
  std::vector<Finding> kept_ SK_GUARDED_BY(mutex_);    // about records
  std::vector<Finding> beyond_ SK_GUARDED_BY(mutex_);  // behind the head, as last listed
};

}  // namespace stagekeeper::audit
