#pragma once

#include "audit/store.h"

namespace stagekeeper::audit {

/// The Store on an S3 bucket with object lock. Thread-safe; the client outlives it.
class S3Store final : public Store {
 public:
  explicit S3Store(aws::S3Client& client) : client_(client) {}

  Result<Stored> put_new(std::string_view key, std::string_view bytes,
                         TimePoint retain_until) override;
  Result<std::string> get(std::string_view key, std::string_view version_id) override;
  Result<ObjectLock> lock_of(std::string_view key, std::string_view version_id) override;
  Result<VersionPage> list_versions(std::string_view prefix, const VersionMarker& page) override;
  [[nodiscard]] std::optional<ServerTime> server_time() const override;

 private:
  aws::S3Client& client_;
};

}  // namespace stagekeeper::audit
