#include "operator/wiring/metered_store.h"

#include <chrono>

namespace stagekeeper {

template <typename Call>
auto MeteredStore::metered(std::string_view operation, const Call& call) {
  const auto start = std::chrono::steady_clock::now();
  auto answer = call();
  metrics_.count("stagekeeper_audit_store_requests_total",
                 "Calls to the audit store by operation and outcome",
                 {{"operation", operation}, {"code", answer ? "OK" : name(answer.error().code)}});
  metrics_.took("stagekeeper_audit_store_request_duration_seconds",
                "Duration of a call to the audit store", {{"operation", operation}},
                std::chrono::steady_clock::now() - start);
  return answer;
}

Result<audit::Stored> MeteredStore::put_new(std::string_view key, std::string_view bytes,
                                            TimePoint retain_until) {
  return metered("put", [&] { return store_.put_new(key, bytes, retain_until); });
}

Result<std::string> MeteredStore::get(std::string_view key, std::string_view version_id) {
  return metered("get", [&] { return store_.get(key, version_id); });
}

Result<audit::ObjectLock> MeteredStore::lock_of(std::string_view key, std::string_view version_id) {
  return metered("lock", [&] { return store_.lock_of(key, version_id); });
}

Result<audit::VersionPage> MeteredStore::list_versions(std::string_view prefix,
                                                       const audit::VersionMarker& page) {
  return metered("list", [&] { return store_.list_versions(prefix, page); });
}

std::optional<audit::ServerTime> MeteredStore::server_time() const {
  return store_.server_time();
}

}  // namespace stagekeeper
