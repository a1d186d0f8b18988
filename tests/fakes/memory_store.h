#pragma once

#include "audit/pending.h"
#include "audit/store.h"
#include "base/clock.h"
#include "base/mutex.h"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::fakes {

/// A clock that stands still until it is told otherwise. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimePoint start) : now_(start) {}

  [[nodiscard]] TimePoint now() const override;
  void set(TimePoint time);
  void advance(std::chrono::seconds by);

 private:
  mutable Mutex mutex_;
  TimePoint now_ SK_GUARDED_BY(mutex_);
};

/// What a hook may do at a call: nothing, or make it fail with this error.
using Fault = std::optional<Error>;

/// Called with the call's name ("put", "get", "lock", "list", "read", "write") and its key. It may
/// throw, as a crash at that point.
using Hook = std::function<Fault(std::string_view call, std::string_view key)>;

/// The audit::Store in memory, for fast tests: versions, create-once, locks. `before` runs ahead of
/// the effect of a call, `after` behind it: an error from `after` of "put" is a lost
/// acknowledgement. Thread-safe, except for the setting of hooks and the tampering, which tests do
/// first; hooks are called one at a time.
class MemoryStore final : public audit::Store {
 public:
  struct Version {
    std::string id;
    bool marker = false;
    std::string bytes;
    audit::ObjectLock lock = {};
  };

  /// The store's own clock is `clock` plus `clock_ahead`.
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  Result<audit::Stored> put_new(std::string_view key, std::string_view bytes,
                                TimePoint retain_until) override;
  Result<std::string> get(std::string_view key, std::string_view version_id) override;
  Result<audit::ObjectLock> lock_of(std::string_view key, std::string_view version_id) override;
  Result<audit::VersionPage> list_versions(std::string_view prefix,
                                           const audit::VersionMarker& page) override;
  [[nodiscard]] std::optional<audit::ServerTime> server_time() const override;

  Hook before;
  Hook after;
  std::chrono::seconds clock_ahead{0};
  std::size_t page_size = 1000;
  std::chrono::milliseconds latency{0};  ///< of each call; calls of several threads overlap

  /// Everything there is, oldest version first. For looking and for tampering.
  std::map<std::string, std::vector<Version>> objects;

  /// Puts one more version of a key, as somebody with other rights could.
  void add_version(const std::string& key, std::string bytes, bool marker = false);

 private:
  [[nodiscard]] Version* find(std::string_view key, std::string_view version_id);
  Status enter(std::string_view call, std::string_view key);
  Status leave(std::string_view call, std::string_view key);

  const Clock& clock_;
  mutable Mutex mutex_;
  std::recursive_mutex hooks_;  // a hook may use the store
  int next_version_ SK_GUARDED_BY(mutex_) = 1;
};

/// The status of one object in memory, with a resourceVersion.
struct MemoryStatus {
  std::optional<audit::Pending> pending;
  int version = 1;
  Mutex mutex;
};

/// The PendingStore on a MemoryStatus; several may share one, as replicas do.
class MemoryPending final : public audit::PendingStore {
 public:
  explicit MemoryPending(MemoryStatus& status) : status_(status) {}

  Result<audit::PendingSnapshot> read() override;
  Result<std::string> write(const audit::Pending& pending, const std::string& token) override;

  Hook before;
  Hook after;
  bool tells_token = true;  ///< write() returns the new token

 private:
  MemoryStatus& status_;
};

}  // namespace stagekeeper::fakes
