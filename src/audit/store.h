#pragma once

#include "aws/s3_client.h"
#include "base/clock.h"
#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::audit {

using aws::LockMode;
using aws::ObjectLock;
using aws::ServerTime;
using aws::VersionEntry;
using aws::VersionMarker;
using aws::VersionPage;

/// An object that put_new() created.
struct Stored {
  std::string version_id;
};

/// Port to a bucket that keeps what it was given. There is no way to delete or to overwrite, on
/// purpose: whoever holds a Store cannot undo a record. Implementations are thread-safe.
///
/// Errors of all calls: Unavailable (nothing is known), Throttled, Denied.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  Store(Store&&) = delete;
  Store& operator=(Store&&) = delete;
  virtual ~Store() = default;

  /// Creates a key that never was there, locked in COMPLIANCE mode until `retain_until`.
  /// AlreadyExists when it was (412, 409 of a racing PUT, or the lock of what is there).
  virtual Result<Stored> put_new(std::string_view key, std::string_view bytes,
                                 TimePoint retain_until) = 0;

  /// The bytes of one version. NotFound when that version is not there.
  virtual Result<std::string> get(std::string_view key, std::string_view version_id) = 0;

  /// What protects one version; LockMode::kNone for nothing. NotFound as get().
  virtual Result<ObjectLock> lock_of(std::string_view key, std::string_view version_id) = 0;

  /// One page of all versions and delete markers below a prefix: keys in byte order, the newest
  /// first within a key.
  virtual Result<VersionPage> list_versions(std::string_view prefix, const VersionMarker& page) = 0;

  /// The store's clock beside ours at the last answer; nothing before the first answer.
  [[nodiscard]] virtual std::optional<ServerTime> server_time() const = 0;
};

}  // namespace stagekeeper::audit
