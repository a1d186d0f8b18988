#include "operator/wiring/prober.h"

#include "tests/fakes/fake_s3.h"
#include "tests/fakes/memory_store.h"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;

namespace {

/// A prober in a hurry over a bucket in memory that may be down.
struct Bench {
  SystemClock clock;
  fakes::MemoryStore store{clock};
  fakes::FakeS3 bucket{store, clock};
  aws::S3Client s3{bucket, {.host = "fake", .region = "r", .bucket = "audit"}, clock};
  StoreTrust trust;
  std::atomic<bool> down{false};
  std::atomic<bool> refuses{false};
  std::atomic<int> writes{0};
  std::atomic<int> flips{0};
  Prober prober{{.s3 = s3,
                 .clock = clock,
                 .trust = trust,
                 .on_change =
                     [this](const auto& old, const auto& now) {
                       CHECK(old.trusted != now.trusted);
                       ++flips;
                     }},
                {},
                {.interval = milliseconds(10), .retry = {milliseconds(10), milliseconds(2000)}}};

  Bench() {
    bucket.instead = [this](const http::Request& request) -> std::optional<http::Response> {
      if (request.method == "PUT") ++writes;
      if (refuses) return fakes::s3_error_answer(404, "NoSuchBucket", "no");
      if (!down) return std::nullopt;
      return fakes::s3_error_answer(503, "SlowDown", "later");
    };
  }

  static bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
  }
};

}  // namespace

TEST_CASE("prober: asks a bucket that does not answer ever more slowly") {
  Bench b;
  b.down = true;
  b.prober.start("c1");
  std::this_thread::sleep_for(milliseconds(600));
  b.prober.stop();
  CHECK(b.writes >= 3);
  CHECK(b.writes <= 7);  // after 0, 10, 30, 70, 150, 310 ms
  CHECK(b.trust.get().reason == "AuditStoreUnavailable");
  CHECK(b.flips == 0);
}

TEST_CASE("prober: a store that will not have us is asked again soon, and says what to mend") {
  Bench b;
  b.refuses = true;
  b.prober.start("c1");
  REQUIRE(Bench::eventually([&] { return b.trust.get().reason == "AuditStoreRefused"; }));
  CHECK(b.trust.get().message.find("create the bucket") != std::string::npos);
  b.refuses = false;
  CHECK(Bench::eventually([&] { return b.trust.get().trusted; }));
  b.prober.stop();
}

TEST_CASE("prober: tells when trust begins or ends, and not each time that it looks") {
  Bench b;
  b.prober.start("c1");
  REQUIRE(Bench::eventually([&] { return b.flips == 1; }));
  CHECK(b.trust.get().trusted);
  const int writes = b.writes;
  REQUIRE(Bench::eventually([&] { return b.writes > writes + 5; }));
  b.down = true;  // what was found stands
  std::this_thread::sleep_for(milliseconds(100));
  CHECK(b.trust.get().trusted);
  b.prober.stop();
  CHECK(b.flips == 1);
}
