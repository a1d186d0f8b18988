#include "operator/wiring/metered_store.h"

#include "tests/fakes/memory_store.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

TEST_CASE("metered store: counts and times each operation by its outcome, and passes all on") {
  const SystemClock clock;
  fakes::MemoryStore store(clock);
  runtime::Metrics metrics;
  MeteredStore metered(store, metrics);
  const TimePoint until = clock.now() + std::chrono::hours(1);
  const auto stored = metered.put_new("a", "bytes", until);
  REQUIRE(stored);
  CHECK(metered.put_new("a", "others", until).error().code == ErrorCode::kAlreadyExists);
  CHECK(metered.get("a", stored->version_id).value() == "bytes");
  CHECK(metered.lock_of("a", stored->version_id)->mode == audit::LockMode::kCompliance);
  CHECK(metered.list_versions("", {})->entries.size() == 1);
  const std::string text = metrics.text();
  for (const char* line :
       {"stagekeeper_audit_store_requests_total{code=\"OK\",operation=\"put\"} 1",
        "stagekeeper_audit_store_requests_total{code=\"AlreadyExists\",operation=\"put\"} 1",
        "stagekeeper_audit_store_requests_total{code=\"OK\",operation=\"get\"} 1",
        "stagekeeper_audit_store_request_duration_seconds_count{operation=\"put\"} 2",
        "stagekeeper_audit_store_request_duration_seconds_count{operation=\"lock\"} 1",
        "stagekeeper_audit_store_request_duration_seconds_count{operation=\"list\"} 1"}) {
    CAPTURE(line);
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
  }
}
