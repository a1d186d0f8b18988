#include "operator/wiring/engine.h"

#include "tests/fakes/fake_s3.h"
#include "tests/operator/room.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;

namespace {

const kube::ResourceType kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};

/// A gate that holds up whoever comes until it is opened.
struct Turnstile {
  std::atomic<int> arrived{0};
  std::atomic<bool> open{false};

  void pass() {
    ++arrived;
    while (!open)
      std::this_thread::sleep_for(milliseconds(1));
  }
};

/// An engine over an API server and a bucket in memory, run by a thread of its own.
struct Bench {
  operator_test::Room room;
  Turnstile probes;
  Turnstile rounds;
  SystemClock clock;
  fakes::FakeS3 bucket{room.store, clock};
  aws::S3Client s3{bucket, {.host = "fake", .region = "r", .bucket = "audit"}, clock};
  runtime::Metrics metrics;
  runtime::Health health;
  std::atomic<int> lost{0};
  std::atomic<bool> ended{false};
  std::unique_ptr<Engine> engine;
  std::stop_source stop;
  std::jthread runner;

  Bench() {
    room.api.put(kube::type_of<Namespace>(),
                 {{"metadata", {{"name", "kube-system"}, {"uid", "c1"}}}});
    room.ask("1", "Staging");
    bucket.instead = [this](const http::Request&) -> std::optional<http::Response> {
      probes.pass();
      return std::nullopt;
    };
    room.api.on_call([this](const std::string& call) {
      if (call.starts_with("GET") && call.find("/promotionrequests/") != std::string::npos)
        rounds.pass();
    });
  }

  /// A check that fails must end its test and not hold it up.
  ~Bench() {
    probes.open = true;
    rounds.open = true;
    stop.request_stop();
  }

  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void start(const Engine::Limits& limits = {}) {
    engine = std::make_unique<Engine>(
        Engine::Ports{.api = room.api,
                      .lease_api = room.api,
                      .s3 = s3,
                      .ledger = room.operator_->ledger,
                      .clock = clock,
                      .metrics = metrics,
                      .health = health,
                      .on_lost = [this] { ++lost; }},
        Config{}, Engine::Identity{.pod = "a", .ns = "system", .version = "t"}, limits);
    runner = std::jthread([this] {
      engine->run(stop.get_token());
      ended = true;
    });
  }

  [[nodiscard]] std::string holder() const {
    const auto lease = room.api.get(kLeases, {"system", "stagekeeper"});
    return lease ? (*lease)["spec"].value("holderIdentity", "") : "nobody ever";
  }

  /// Writes but those of the lease and of Events, and dry runs, which write nothing.
  [[nodiscard]] std::size_t effects() const {
    std::size_t count = 0;
    for (const std::string& call : room.api.calls()) {
      const bool write = !call.starts_with("GET ");
      const bool own = call.find("/leases") != std::string::npos ||
                       call.find("dryRun") != std::string::npos ||
                       call.find("/events") != std::string::npos ||
                       call.find("accessreviews") != std::string::npos;
      count += write && !own ? 1 : 0;
    }
    return count;
  }

  bool eventually(const std::function<bool()>& condition) { return room.api.eventually(condition); }
};

}  // namespace

TEST_CASE("engine: ends after the probe that is under way, which may still wake the queue") {
  Bench b;
  b.rounds.open = true;
  b.start();
  REQUIRE(b.eventually([&] { return b.probes.arrived > 0; }));
  b.stop.request_stop();
  std::this_thread::sleep_for(milliseconds(300));
  CHECK_FALSE(b.ended);
  b.probes.open = true;
  b.runner.join();
  const int probes = b.probes.arrived;
  std::this_thread::sleep_for(milliseconds(50));
  CHECK(b.probes.arrived == probes);
  b.engine.reset();
}

TEST_CASE("engine: keeps the lease until the last round has ended, then gives it back") {
  Bench b;
  b.probes.open = true;
  b.start();
  REQUIRE(b.eventually([&] { return b.rounds.arrived > 0; }));
  b.stop.request_stop();
  std::this_thread::sleep_for(milliseconds(200));  // ten times as long as a drain may take
  CHECK_FALSE(b.ended);
  CHECK(b.holder().starts_with("a_"));
  const std::size_t before = b.effects();
  b.rounds.open = true;
  b.runner.join();
  CHECK(b.holder().empty());
  // The rounds that were under way have ended before their next effect.
  CHECK(b.effects() == before);
}

TEST_CASE("engine: a leader that has lost the lease writes nothing more") {
  Bench b;
  b.probes.open = true;
  b.start();
  REQUIRE(b.eventually([&] { return b.rounds.arrived > 0; }));
  auto lease = *b.room.api.get(kLeases, {"system", "stagekeeper"});
  lease["spec"]["holderIdentity"] = "usurper";
  b.room.api.put(kLeases, lease);
  REQUIRE(b.eventually([&] { return b.lost == 1; }));
  const std::size_t before = b.effects();
  b.rounds.open = true;
  std::this_thread::sleep_for(milliseconds(200));
  CHECK(b.effects() == before);
  b.stop.request_stop();
  b.runner.join();
  CHECK(b.holder() == "usurper");
}

TEST_CASE("engine: is ready once the names in requests can be believed") {
  Bench b;
  b.probes.open = b.rounds.open = true;
  b.room.change_policies(b.clock.now() - std::chrono::seconds(4));
  b.start();
  const auto says = [&](const char* text) {
    return b.health.readyz().text.find(text) != std::string::npos;
  };
  REQUIRE(b.eventually([&] { return b.effects() > 0; }));
  CHECK(says("[-] admission policies: new; requests do not count"));
  SUBCASE("which takes as long as API servers need to apply a policy") {
    CHECK(b.eventually([&] { return says("[+] admission policies"); }));
  }
  b.stop.request_stop();
  b.runner.join();
}

TEST_CASE("engine: policies that are not there yet are waited for, but not for ever") {
  Bench b;
  b.probes.open = b.rounds.open = true;
  const kube::ObjectKey approver{"", "stagekeeper-approver"};
  b.room.api.remove(kube::type_of<ValidatingAdmissionPolicy>(), approver);
  b.start({.policies = std::chrono::seconds(2)});
  const auto ready = [&] {
    return b.health.readyz().text.find("[+] admission policies") != std::string::npos;
  };
  REQUIRE(b.eventually([&] { return b.effects() > 0; }));
  CHECK_FALSE(ready());
  CHECK(b.eventually(ready));
  b.stop.request_stop();
  b.runner.join();
}
