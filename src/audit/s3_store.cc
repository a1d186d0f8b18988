#include "audit/s3_store.h"

namespace stagekeeper::audit {

Result<Stored> S3Store::put_new(std::string_view key, std::string_view bytes,
                                TimePoint retain_until) {
  Result<std::string> version = client_.put_locked(key, std::string(bytes), retain_until);
  if (!version) return tl::unexpected(version.error());
  return Stored{.version_id = std::move(*version)};
}

Result<std::string> S3Store::get(std::string_view key, std::string_view version_id) {
  return client_.get(key, version_id);
}

Result<ObjectLock> S3Store::lock_of(std::string_view key, std::string_view version_id) {
  return client_.retention({.key = std::string(key), .version_id = std::string(version_id)});
}

Result<VersionPage> S3Store::list_versions(std::string_view prefix, const VersionMarker& page) {
  return client_.list_versions(prefix, page);
}

std::optional<ServerTime> S3Store::server_time() const {
  return client_.server_time();
}

}  // namespace stagekeeper::audit
