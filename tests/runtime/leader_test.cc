#include "runtime/leader.h"

#include "tests/fakes/fake_api.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace stagekeeper;           // NOLINT(google-build-using-namespace)
using namespace stagekeeper::runtime;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const kube::ResourceType kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};
const kube::ObjectKey kLease{"system", "stagekeeper"};

LeaseOptions options(const std::string& identity) {
  LeaseOptions out;
  out.ns = kLease.ns;
  out.name = kLease.name;
  out.identity = identity;
  return out;
}

/// One process: its machine, and a clock of its own that may be wrong.
struct Candidate {
  Candidate(fakes::FakeApi& server, const std::string& identity)
      : api(server), lease_options(options(identity)), machine(lease_options) {}

  fakes::FakeApi& api;
  LeaseOptions lease_options;
  LeaseMachine machine;
  TimePoint wall = parse_time("2026-03-03T09:15:00Z").value();

  std::optional<LeaseView> read() {
    const auto body = api.call(kube::get_request(kLeases, kLease));
    return body ? std::optional(parse_lease(*body).value()) : std::nullopt;
  }

  Status send(const LeaseWrite& write, SteadyTime now) {
    const std::string body = lease_body(lease_options, write);
    const auto answer = api.call(write.resource_version.empty()
                                     ? kube::create_request(kLeases, kLease.ns, body)
                                     : kube::merge_patch_request(kLeases, kLease, "", body));
    if (!answer) return tl::unexpected<Error>(answer.error());
    machine.written(parse_lease(*answer).value(), now);
    return {};
  }

  bool round(SteadyTime now) {
    const auto write = machine.observe(read(), now, wall);
    if (write) (void)send(*write, now);
    return machine.holds(now);
  }
};

std::string holder(fakes::FakeApi& api) {
  const auto lease = api.get(kLeases, kLease);
  return lease ? (*lease)["spec"].value("holderIdentity", "") : "";
}

/// An elector with a lease of milliseconds, and whether it was told that it lost.
struct Process {
  Process(fakes::FakeApi& api, const std::string& identity)
      : elector(quick(identity), {api, clock, metrics}, [this] { ++lost; }) {
    elector.start();
  }

  static LeaseOptions quick(const std::string& identity) {
    LeaseOptions out = options(identity);
    out.duration = seconds(1);
    out.renew_deadline = milliseconds(200);
    out.retry = milliseconds(5);
    return out;
  }

  SystemClock clock;
  Metrics metrics;
  std::atomic<int> lost{0};
  LeaderElector elector;
};

}  // namespace

TEST_CASE("lease: reads what the server sends, also a lease that was never filled in") {
  const auto lease = parse_lease(R"({"metadata":{"name":"l","resourceVersion":"7"},"spec":{
      "holderIdentity":"a","leaseDurationSeconds":15,"acquireTime":"2026-03-03T09:15:00.000000Z",
      "renewTime":"2026-03-03T09:16:00.123456Z","leaseTransitions":3}})");
  REQUIRE(lease);
  CHECK(lease->holder == "a");
  CHECK(lease->duration == seconds(15));
  CHECK(lease->transitions == 3);
  CHECK(parse_lease(R"({"metadata":{"resourceVersion":"7"},"spec":{}})")->holder.empty());
  CHECK(parse_lease(R"({"metadata":{"resourceVersion":"7"}})")->holder.empty());
  for (const char* bad : {"", "{}", "[]", R"({"metadata":{}})", R"({"metadata":7})"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_lease(bad));
  }
}

TEST_CASE("lease: the first creates it and keeps it, the second waits for its end") {
  fakes::FakeApi api;
  Candidate a(api, "a");
  Candidate b(api, "b");
  SteadyTime now{std::chrono::hours(1)};
  CHECK(a.round(now));
  for (int i = 0; i < 30; ++i) {
    now += seconds(2);
    a.wall += seconds(2);
    CHECK(a.round(now));
    CHECK_FALSE(b.round(now));
  }
  CHECK((*api.get(kLeases, kLease))["spec"]["leaseTransitions"] == 0);
  // a dies. b takes over when it has seen nothing new for the lease's duration, not sooner.
  const SteadyTime died = now;
  while (!b.round(now))
    now += seconds(2);
  CHECK(now - died >= seconds(15));
  CHECK(now - died <= seconds(18));
  CHECK(holder(api) == "b");
  CHECK((*api.get(kLeases, kLease))["spec"]["leaseTransitions"] == 1);
}

TEST_CASE("lease: clocks that are hours apart do not matter, only what is seen to change") {
  for (const auto skew : {std::chrono::hours(-30), std::chrono::hours(30)}) {
    fakes::FakeApi api;
    Candidate a(api, "a");
    Candidate b(api, "b");
    b.wall += skew;
    SteadyTime now{std::chrono::hours(1)};
    CHECK(a.round(now));
    for (int i = 0; i < 20; ++i) {
      now += seconds(2);
      a.wall += seconds(2);
      CHECK_FALSE(b.round(now));
      CHECK(a.round(now));
    }
  }
}

TEST_CASE("lease: a leader that was paused has lost before the next one begins") {
  fakes::FakeApi api;
  Candidate a(api, "a");
  Candidate b(api, "b");
  SteadyTime now{std::chrono::hours(1)};
  REQUIRE(a.round(now));
  const auto stale = a.machine.observe(a.read(), now, a.wall);  // decided to renew, then paused
  CHECK_FALSE(b.round(now));
  for (int i = 0; i < 60; ++i) {
    now += milliseconds(250);
    const bool b_leads = b.round(now);
    CHECK_FALSE((a.machine.holds(now) && b_leads));
  }
  CHECK(b.machine.holds(now));
  CHECK_FALSE(a.machine.holds(now));
  // Resumed: what it had in hand is refused, and its next look tells it.
  REQUIRE(stale);
  CHECK(a.send(*stale, now).error().code == ErrorCode::kConflict);
  CHECK_FALSE(a.round(now));
  CHECK(holder(api) == "b");
}

TEST_CASE("lease: of two that find it expired at once only one gets it") {
  fakes::FakeApi api;
  Candidate dead(api, "dead");
  Candidate a(api, "a");
  Candidate b(api, "b");
  SteadyTime now{std::chrono::hours(1)};
  REQUIRE(dead.round(now));
  (void)a.round(now);
  (void)b.round(now);
  now += seconds(15);
  const auto write_a = a.machine.observe(a.read(), now, a.wall);
  const auto write_b = b.machine.observe(b.read(), now, b.wall);
  REQUIRE(write_a);
  REQUIRE(write_b);
  CHECK(b.send(*write_b, now));
  CHECK(a.send(*write_a, now).error().code == ErrorCode::kConflict);
  CHECK_FALSE(a.machine.holds(now));
  CHECK(b.machine.holds(now));
}

TEST_CASE("lease: a released one is taken at once, a label on it is no sign of life") {
  fakes::FakeApi api;
  Candidate a(api, "a");
  Candidate b(api, "b");
  SteadyTime now{std::chrono::hours(1)};
  REQUIRE(a.round(now));
  CHECK_FALSE(b.round(now));
  SUBCASE("released") {
    const auto last = a.machine.release(a.wall);
    REQUIRE(last);
    CHECK(a.send(*last, now));
    CHECK_FALSE(a.machine.holds(now));
    CHECK(b.round(now));
  }
  SUBCASE("labelled while its holder is dead") {
    for (int i = 0; i < 7; ++i) {
      now += seconds(2);
      auto lease = *api.get(kLeases, kLease);
      lease["metadata"]["labels"]["touched"] = std::to_string(i);
      api.put(kLeases, lease);
      CHECK_FALSE(b.round(now));
    }
    now += seconds(1);
    CHECK(b.round(now));
  }
  SUBCASE("taken by force: what it sees ends its leadership at once") {
    auto lease = *api.get(kLeases, kLease);
    lease["spec"]["holderIdentity"] = "usurper";
    api.put(kLeases, lease);
    CHECK_FALSE(a.round(now));
  }
  SUBCASE("deleted under a leader") {
    api.remove(kLeases, kLease);
    CHECK(a.machine.observe(a.read(), now, a.wall));
    CHECK_FALSE(a.machine.holds(now));
  }
}

TEST_CASE("lease: a leader that cannot renew knows its end by itself") {
  fakes::FakeApi api;
  Candidate a(api, "a");
  const SteadyTime now{std::chrono::hours(1)};
  REQUIRE(a.round(now));
  CHECK(a.machine.deadline() == now + seconds(10));
  CHECK(a.machine.holds(now + milliseconds(9999)));
  CHECK_FALSE(a.machine.holds(now + seconds(10)));
}

TEST_CASE("leader: leads, renews, and gives back on release so that the next begins at once") {
  fakes::FakeApi api;
  const std::stop_source never;
  Process a(api, "a");
  REQUIRE(a.elector.wait_until_leading(never.get_token()));
  CHECK(a.elector.holds());
  CHECK(a.elector.check().ok);
  Process b(api, "b");
  CHECK(api.eventually([&] { return b.elector.check().detail == "standing by, led by a"; }));
  CHECK_FALSE(b.elector.holds());
  a.elector.release();
  CHECK_FALSE(a.elector.holds());
  REQUIRE(b.elector.wait_until_leading(never.get_token()));
  CHECK(holder(api) == "b");
  CHECK(a.lost == 0);
  CHECK(b.lost == 0);
}

TEST_CASE("leader: an API server that is gone or hangs costs the leadership in time") {
  for (const bool hangs : {false, true}) {
    CAPTURE(hangs);
    fakes::FakeApi api;
    const std::stop_source never;
    std::atomic<bool> release_hang{false};
    Process a(api, "a");
    REQUIRE(a.elector.wait_until_leading(never.get_token()));
    const auto start = std::chrono::steady_clock::now();
    if (hangs) {
      api.on_call([&](const std::string&) {
        while (!release_hang)
          std::this_thread::sleep_for(milliseconds(1));
      });
    } else {
      api.inject({"leases", Error{ErrorCode::kUnavailable, "refused"}, 1 << 30});
    }
    CHECK(api.eventually([&] { return a.lost == 1; }));
    CHECK(std::chrono::steady_clock::now() - start < milliseconds(1000));
    CHECK_FALSE(a.elector.holds());
    release_hang = true;
    a.elector.release();
    CHECK(a.lost == 1);
    CHECK(holder(api) == "a");  // not given back: it is no longer known to be ours
  }
}

TEST_CASE("leader: is told once when another takes the lease by force") {
  fakes::FakeApi api;
  const std::stop_source never;
  Process a(api, "a");
  REQUIRE(a.elector.wait_until_leading(never.get_token()));
  auto lease = *api.get(kLeases, kLease);
  lease["spec"]["holderIdentity"] = "usurper";
  api.put(kLeases, lease);
  CHECK(api.eventually([&] { return a.lost == 1; }));
  std::this_thread::sleep_for(milliseconds(20));
  CHECK(a.lost == 1);
  CHECK(holder(api) == "usurper");
}

TEST_CASE("leader: waiting to lead ends with the stop") {
  fakes::FakeApi api;
  api.inject({"leases", Error{ErrorCode::kDenied, "no right to leases"}, 1 << 30});
  Process a(api, "a");
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(20));
    stop.request_stop();
  });
  CHECK_FALSE(a.elector.wait_until_leading(stop.get_token()));
  CHECK(a.elector.check().detail.find("no right to leases") != std::string::npos);
}

TEST_CASE("fence: who leads no longer reads and writes nothing") {
  struct Switch final : Fence {
    bool leads = true;

    [[nodiscard]] bool holds() const override { return leads; }
  };

  const kube::ResourceType maps{"", "v1", "configmaps", "ConfigMap", true};
  const std::string body = R"({"metadata":{"name":"a","namespace":"ns"}})";
  fakes::FakeApi api;
  Switch fence;
  FencedApi fenced(api, fence);
  CHECK(fenced.call(kube::create_request(maps, "ns", body)));
  fence.leads = false;
  const auto before = api.calls().size();
  for (const kube::Request& write :
       {kube::create_request(maps, "ns", body), kube::delete_request(maps, {"ns", "a"}, {}),
        kube::merge_patch_request(maps, {"ns", "a"}, "status", "{}"),
        kube::apply_request(maps, {"ns", "a"}, {}, body)}) {
    const auto refused = fenced.call(write);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kCancelled);
  }
  CHECK(api.calls().size() == before);
  CHECK(fenced.call(kube::get_request(maps, {"ns", "a"})));
}
