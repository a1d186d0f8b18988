#pragma once

#include "audit/store.h"
#include "runtime/metrics.h"

namespace stagekeeper {

/// Counts and times the calls of another Store: stagekeeper_audit_store_requests_total{operation,
/// code} and stagekeeper_audit_store_request_duration_seconds{operation}. Thread-safe; must not
/// outlive either.
class MeteredStore final : public audit::Store {
 public:
  MeteredStore(audit::Store& store, runtime::Metrics& metrics) : store_(store), metrics_(metrics) {}

  Result<audit::Stored> put_new(std::string_view key, std::string_view bytes,
                                TimePoint retain_until) override;
  Result<std::string> get(std::string_view key, std::string_view version_id) override;
  Result<audit::ObjectLock> lock_of(std::string_view key, std::string_view version_id) override;
  Result<audit::VersionPage> list_versions(std::string_view prefix,
                                           const audit::VersionMarker& page) override;
  [[nodiscard]] std::optional<audit::ServerTime> server_time() const override;

 private:
  template <typename Call>
  auto metered(std::string_view operation, const Call& call);

  audit::Store& store_;
  runtime::Metrics& metrics_;
};

}  // namespace stagekeeper
