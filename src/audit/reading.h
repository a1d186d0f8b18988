#pragma once

#include "audit/chain.h"
#include "audit/keys.h"
#include "audit/ledger_id.h"
#include "audit/store.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

// Reads many objects of a bucket at once.
namespace stagekeeper::audit {

/// Calls `one(i)` for 0 … count - 1, by up to `threads` threads at a time in ascending order, until
/// one says false: those that were begun are finished, no other is begun. Returns after the last.
/// With one thread, or one call, the caller's own thread does it.
void for_each_parallel(std::size_t count, unsigned threads,
                       const std::function<bool(std::size_t)>& one);

/// A part of a listing.
struct Listing {
  std::vector<VersionEntry> entries;
  bool complete = true;  ///< false: more follows behind the last key of `entries`
};

/// The versions below a ledger's prefix after record `after` (0 = from the beginning), page by page
/// until about `max_entries` are there; an incomplete listing ends with a whole key. Of a key with
/// many versions some are left out, never the oldest. Errors: those of Store::list_versions.
Result<Listing> list_ledger(Store& store, const LedgerId& id, std::uint64_t after,
                            std::size_t max_entries);

/// Reads and opens records in parallel. The results are those of the first entries, in order, up to
/// and with the first that failed: Corrupt for what is no record, else the store's errors.
std::vector<Result<OpenedRecord>> fetch_records(Store& store,
                                                const std::vector<VersionEntry>& entries,
                                                const std::vector<TrustedKey>& keys,
                                                unsigned threads);

/// Whether an object behind a gap is a genuine record of the ledger: then records are missing.
bool is_genuine(const LedgerId& id, const Result<OpenedRecord>& opened);

/// Whether a lock holds a record at least until `until`. Stores keep whole seconds, and some cut
/// where others round: one second is forgiven. Pure. Errors: Corrupt, saying what the lock is.
Status check_lock(const ObjectLock& lock, TimePoint until);

}  // namespace stagekeeper::audit
