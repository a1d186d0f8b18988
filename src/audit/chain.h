#pragma once

#include "audit/keys.h"
#include "audit/ledger_id.h"
#include "audit/record.h"
#include "audit/store.h"
#include "base/crypto.h"
#include "model/history.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

// The rules that make records a ledger. Pure.
namespace stagekeeper::audit {

/// Something about a ledger that must not be, and that stops nothing by itself.
struct Finding {
  enum class Kind {
    kTampered,    ///< somebody changed, added or hid something
    kIncomplete,  ///< records are missing
  };

  Kind kind = Kind::kTampered;
  std::uint64_t sequence = 0;  ///< 0 when it concerns no single record
  std::string what;

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// One record as found in the bucket.
struct StoredRecord {
  std::string key;
  std::string version_id;
  std::string bytes;
};

/// A record whose signature and form hold, under a key that was valid at its time. Whether it has a
/// place in a ledger is for Chain to judge.
struct OpenedRecord {
  Record record;
  std::string key_id;
  std::string digest;  ///< of the envelope's bytes
  std::string key;
  std::string version_id;
};

/// Errors: Corrupt.
Result<OpenedRecord> open_record(const StoredRecord& stored, const std::vector<TrustedKey>& keys);

/// The records of a listing from `first` on, and what was strange about it.
struct Arranged {
  std::vector<VersionEntry> records;  ///< the first version of each key, contiguous from `first`
  /// First versions behind a sequence that is not there. Strays that stop nothing, unless one of
  /// them is a genuine record: then the missing ones were hidden.
  std::vector<VersionEntry> beyond;
  std::vector<Finding> findings;
};

/// Orders a listing of all versions below a ledger's prefix (keys before `first` are left out). The
/// oldest data version of a key is the record; more versions, delete markers and strange objects
/// are findings without effect (the first version cannot be changed).
Arranged arrange(const LedgerId& id, std::uint64_t first, const std::vector<VersionEntry>& entries);

/// Whether a content may come next: kinds that belong to this ledger, one open Intent, `of` of what
/// closes it, one end per request, a way back only where one is owed.
/// Errors: Invalid for what can never be, Conflict for what may be later.
Status check_next(const LedgerId& id, const History& history, const RecordContent& content);

/// The record that already says what a content says: same kind, request, decision digest, action,
/// Intent, end code and version. Null for none, and for contents without a request.
const RecordFact* find_same(const History& history, const RecordContent& content);

/// One ledger as far as it was verified. Records are only ever added. Not thread-safe; snapshots of
/// its history may be read by any thread meanwhile.
class Chain {
 public:
  explicit Chain(LedgerId id) : id_(std::move(id)), log_(HistoryLog::create()) {}

  [[nodiscard]] const LedgerId& id() const { return id_; }

  [[nodiscard]] History history() const { return log_->snapshot(); }

  /// Of the object that the last record was written for; empty for an empty ledger.
  [[nodiscard]] const std::string& object_uid() const { return object_uid_; }

  /// Of the key that signed the last record; empty for an empty ledger.
  [[nodiscard]] const std::string& key_id() const { return key_id_; }

  /// Whether a record is the next of this ledger: cluster and ledger, sequence, previous digest,
  /// time not before the previous, object, key, kind and pairing. Errors: Corrupt.
  [[nodiscard]] Status check(const OpenedRecord& opened) const;

  /// Checks a record and adds it, in time that does not depend on the ledger's length. The chain is
  /// untouched when it fails. Errors: Corrupt.
  Status extend(const OpenedRecord& opened);

 private:
  LedgerId id_;
  std::shared_ptr<HistoryLog> log_;
  std::string object_uid_;
  std::string key_id_;
};

}  // namespace stagekeeper::audit
