#pragma once

#include "audit/ledger_id.h"
#include "audit/record.h"
#include "audit/store.h"
#include "base/crypto.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::audit {

/// Where a record lies, and what names it for ever.
struct RecordRef {
  RecordKind kind = RecordKind::kGenesis;
  std::uint64_t sequence = 0;
  std::string key;
  std::string version_id;
  Digest digest;  ///< of the envelope's bytes
  TimePoint recorded;
  TimePoint retain_until;

  friend bool operator==(const RecordRef&, const RecordRef&) = default;
};

/// What is kept of a record in memory: everything but its body.
struct RecordEntry {
  RecordRef ref;
  std::string model;
  RequestRef request;
  std::string decision_digest;
  std::string action;
  std::optional<ModelState> from;
  std::optional<ModelState> to;
  std::optional<std::uint64_t> of;
  std::string reason;
};

/// What a target serves, and the Applied record that says so.
struct Serving {
  ModelState what;
  RecordRef by;
};

/// Something about a ledger that must not be.
struct Finding {
  enum class Kind {
    kTampered,    ///< somebody changed, added or hid something
    kIncomplete,  ///< records are missing
  };

  Kind kind = Kind::kTampered;
  std::uint64_t sequence = 0;  ///< 0 when it concerns no single record
  std::string what;
};

/// What the records of one ledger add up to.
struct LedgerState {
  LedgerId id;
  std::vector<RecordEntry> records = {};  ///< sequence n at index n - 1
  std::string object_uid = {};            ///< of the object that the last record was written for
  std::optional<Serving> serving = {};    ///< by the last Applied
  std::optional<Serving> previous = {};   ///< what served before, of another version or digest
  /// Intents without a terminal record, oldest first. Two at most: a Rollback may be opened while
  /// the Intent of the same request that it takes back is open.
  std::vector<std::uint64_t> open_intents = {};
  std::vector<Finding> findings =
      {};  ///< strange versions and delete markers: seen, and without effect

  [[nodiscard]] std::uint64_t head_sequence() const { return records.size(); }

  /// The digest of the last record, "" for an empty ledger.
  [[nodiscard]] std::string head_digest() const;

  /// The record of a sequence, or nullptr.
  [[nodiscard]] const RecordEntry* find(std::uint64_t sequence) const;

  /// The record that closes an Intent, or nullptr.
  [[nodiscard]] const RecordEntry* terminal_of(std::uint64_t intent) const;
};

/// An immutable state, shared with whoever reads it.
using LedgerSnapshot = std::shared_ptr<const LedgerState>;

/// One record as found in the bucket.
struct StoredRecord {
  std::string key;
  std::string version_id;
  std::string bytes;
};

/// The records of a listing, from `first` on, and what was strange about it.
struct Arranged {
  std::vector<VersionEntry> records;  ///< the first version of each key, contiguous from `first`
  std::vector<Finding> findings;
};

/// Orders a listing of all versions below a ledger's prefix (keys before `first` left out by the
/// caller). The oldest data version of a key is the record; more versions and delete markers are
/// findings without effect (the first cannot be changed). A missing sequence is a finding, and what
/// lies behind it is not returned. Pure.
Arranged arrange(const LedgerId& id, std::uint64_t first, const std::vector<VersionEntry>& entries);

/// Whether a draft may come next: kinds that belong to this ledger, one open Intent, `of` of a
/// terminal record. Pure. Errors: Invalid for what can never be, Conflict for what may be later.
Status check_next(const LedgerState& state, const Draft& draft);

/// Verifies one record as the next of a ledger and adds it: signature, canonical bytes, cluster and
/// ledger, sequence, previous digest, time not before the previous, kind, pairing. Pure: the state
/// is untouched when it fails. Returns the record. Errors: Corrupt.
Result<Record> extend(LedgerState& state, const StoredRecord& stored,
                      const std::vector<VerifyKey>& keys);

/// The record that already says what a draft says: same kind, request, decision digest, action,
/// Intent and version; without a request only the latest of that kind can match. nullptr for none.
/// Pure.
const RecordEntry* find_same(const LedgerState& state, const Draft& draft);

}  // namespace stagekeeper::audit
