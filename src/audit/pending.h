#pragma once

#include "audit/record.h"
#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>

namespace stagekeeper::audit {

/// The signed bytes of a record on their way to the bucket, as `status.ledger.pending` keeps them.
/// Only the envelope is believed, and only for its signature; the rest is for people.
struct Pending {
  std::uint64_t sequence = 0;
  std::string key;
  TimePoint retain_until{};
  std::string envelope;
};

/// What the status holds, and the token (uid and resourceVersion) that a write must still find.
struct PendingSnapshot {
  std::optional<Pending> pending;
  std::string token;
};

/// Port to the place that makes a record's bytes final before they are sent: the status of the
/// ServingTarget or PromotionPolicy. One instance per object; used by one thread at a time.
class PendingStore {
 public:
  PendingStore() = default;
  PendingStore(const PendingStore&) = delete;
  PendingStore& operator=(const PendingStore&) = delete;
  PendingStore(PendingStore&&) = delete;
  PendingStore& operator=(PendingStore&&) = delete;
  virtual ~PendingStore() = default;

  /// A live read (never a cache). A pending entry that cannot be parsed counts as none.
  /// Errors: Unavailable, NotFound when the object is gone, …
  virtual Result<PendingSnapshot> read() = 0;

  /// Compare-and-swap: replaces the entry if the object is as it was when `token` was read. Returns
  /// the token of what was written, or "" where it is not known.
  /// Errors: Conflict when it is not; Unavailable leaves open whether it was written.
  virtual Result<std::string> write(const Pending& pending, const std::string& token) = 0;
};

}  // namespace stagekeeper::audit
