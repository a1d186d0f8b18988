#pragma once

#include "base/clock.h"
#include "http/client.h"

#include <string>
#include <string_view>
#include <utility>

namespace stagekeeper::aws {

/// One version of one object.
struct ObjectVersionId {
  std::string key;
  std::string version_id;
};

/// Where a listing of versions goes on. Empty markers mean the beginning; a key marker alone means
/// everything after that key.
struct VersionMarker {
  std::string key_marker;
  std::string version_id_marker;

  friend bool operator==(const VersionMarker&, const VersionMarker&) = default;
};

/// Where a request names its bucket.
enum class BucketIn {
  kPath,  ///< "/bucket/key"
  kHost,  ///< "/key", and the host is the bucket's own
};

/// The requests of one bucket. Pure; nothing is signed here: see S3Client. Keys are percent-encoded
/// once.
class S3Requests {
 public:
  explicit S3Requests(std::string bucket, BucketIn where = BucketIn::kPath)
      : bucket_(std::move(bucket)), where_(where) {}

  /// PUT that creates and never overwrites: If-None-Match "*", COMPLIANCE until `retain_until`,
  /// SHA-256 checksum and Content-MD5 of the body.
  [[nodiscard]] http::Request put_locked(std::string_view key, std::string body,
                                         TimePoint retain_until) const;

  /// GET of the current version, or of the named one.
  [[nodiscard]] http::Request get(std::string_view key, std::string_view version_id = {}) const;

  /// HEAD with x-amz-checksum-mode: the size, the lock and the stored checksum of a version.
  [[nodiscard]] http::Request head(const ObjectVersionId& object) const;

  /// GET ?retention of a version.
  [[nodiscard]] http::Request get_retention(const ObjectVersionId& object) const;

  /// GET ?versions: at most `max_keys` (1…1,000) versions and delete markers below a prefix.
  [[nodiscard]] http::Request list_versions(std::string_view prefix, const VersionMarker& from,
                                            int max_keys = 1000) const;

  /// GET ?list-type=2: at most 1,000 current objects below a prefix, after a page's token.
  [[nodiscard]] http::Request list_objects(std::string_view prefix, std::string_view token) const;

  /// GET ?object-lock of the bucket.
  [[nodiscard]] http::Request get_lock_configuration() const;

  /// GET ?versioning of the bucket.
  [[nodiscard]] http::Request get_versioning() const;

  /// DELETE of one version. For the probe alone, which wants it refused.
  [[nodiscard]] http::Request delete_version(const ObjectVersionId& object,
                                             bool bypass_governance) const;

  /// PUT ?retention in COMPLIANCE mode. For the probe alone.
  [[nodiscard]] http::Request put_retention(const ObjectVersionId& object,
                                            TimePoint retain_until) const;

 private:
  [[nodiscard]] std::string path(std::string_view key) const;
  [[nodiscard]] std::string bucket_path() const;

  std::string bucket_;
  BucketIn where_;
};

}  // namespace stagekeeper::aws
