#include "audit/ledger.h"
#include "tests/audit/fixture.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

// What the store says or does not say: lies, races, strays and outages.
using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using fakes::Fault;

namespace {

Error down() {
  return Error{ErrorCode::kUnavailable, "connection reset"};
}

}  // namespace

TEST_CASE("ledger: a key taken by something else is an alarm, and nothing is written") {
  Bench bench;
  bench.two_promotions();
  bench.ledger.load(kTarget).value();
  bench.store.before = [&](std::string_view call, std::string_view object) -> Fault {
    if (call == "put") bench.store.add_version(std::string(object), "somebody else's");
    return std::nullopt;
  };
  const auto ref = bench.append(intent("2", "3"));
  REQUIRE_FALSE(ref);
  CHECK(ref.error().code == ErrorCode::kCorrupt);
  CHECK(bench.append(intent("2", "3")).error().code == ErrorCode::kCorrupt);
  CHECK(bench.store.objects.size() == 6);
}

TEST_CASE("ledger: a race that shows nothing is repeated, then left for later") {
  Bench bench;
  bench.two_promotions();
  int races = 2;
  bench.store.before = [&](std::string_view call, std::string_view) -> Fault {
    if (call == "put" && races-- > 0) {
      return Error{ErrorCode::kAlreadyExists, "409 ConditionalRequestConflict"};
    }
    return std::nullopt;
  };
  CHECK(bench.append(intent("2", "3"))->sequence == 6);
  bench.append(applied(intent("2", "3"), 6)).value();
  races = 1000;
  CHECK(bench.append(intent("3", "4")).error().code == ErrorCode::kUnavailable);
}

TEST_CASE("ledger: a store that lies about what it kept is caught at reading back") {
  struct Row {
    const char* what;
    void (*lie)(std::vector<fakes::MemoryStore::Version>&);
  };

  const Row rows[] = {
      {"altered", [](auto& versions) { versions.back().bytes += " "; }},
      {"gone", [](auto& versions) { versions.clear(); }},
      {"unlocked", [](auto& versions) { versions.back().lock = {}; }},
      {"GOVERNANCE",
       [](auto& versions) { versions.back().lock.mode = audit::LockMode::kGovernance; }},
      {"short",
       [](auto& versions) { versions.back().lock.retain_until -= std::chrono::seconds(2); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench;
    bench.two_promotions();
    bench.store.after = [&](std::string_view call, std::string_view object) -> Fault {
      if (call == "put") row.lie(bench.store.objects[std::string(object)]);
      return std::nullopt;
    };
    const auto ref = bench.append(intent("2", "3"));
    REQUIRE_FALSE(ref);
    CHECK(ref.error().code == ErrorCode::kCorrupt);
    REQUIRE(bench.ledger.store_fault());
    CHECK(bench.ledger.store_fault()->find(kTarget.key(6)) != std::string::npos);
  }
}

TEST_CASE("ledger: whole seconds cut by the store are forgiven") {
  Bench bench;
  bench.store.after = [&](std::string_view call, std::string_view object) -> Fault {
    if (call == "put") {
      bench.store.objects[std::string(object)].back().lock.retain_until -= std::chrono::seconds(1);
    }
    return std::nullopt;
  };
  CHECK(bench.append(intent("", "1")));
}

TEST_CASE("ledger: a record whose lock was never seen is looked at before it is trusted") {
  Bench bench;
  bench.append(intent("", "1")).value();
  bench.store.objects[kTarget.key(2)][0].lock.retain_until = kNow + std::chrono::hours(1);
  audit::Ledger restarted(bench.store, key(), bench.clock, options());
  const auto ref = restarted.append(bench.target, intent("", "1"), bench.pending);
  REQUIRE_FALSE(ref);
  CHECK(ref.error().code == ErrorCode::kCorrupt);
}

TEST_CASE(
    "ledger: clocks that differ too much stop the writing, and small ones lengthen the lock") {
  Bench bench;
  for (const int ahead : {61, -61, 315'360'000, -315'360'000}) {
    CAPTURE(ahead);
    bench.store.clock_ahead = std::chrono::seconds(ahead);
    const auto ref = bench.append(intent("", "1"));
    REQUIRE_FALSE(ref);
    CHECK(ref.error().code == ErrorCode::kMisconfigured);
    CHECK(ref.error().message.find("clock") != std::string::npos);
    CHECK(bench.store.objects.empty());
    CHECK_FALSE(bench.status.pending);
  }
  bench.store.clock_ahead = std::chrono::seconds(50);
  const auto ref = bench.append(intent("", "1")).value();
  CHECK(ref.time == kNow + std::chrono::seconds(50));
  CHECK(ref.retain_until == kNow + std::chrono::seconds(50) + std::chrono::hours(24));
  // Our clock falls back within the limit: records do not go back in time.
  bench.clock.set(kNow - std::chrono::seconds(30));
  bench.store.clock_ahead = std::chrono::seconds(0);
  const auto next = bench.append(aborted(intent("", "1"), 2, false)).value();
  CHECK(next.time == ref.time);
}

TEST_CASE("ledger: a hidden or changed record stops the ledger, strangers beside it do not") {
  struct Row {
    const char* what;
    void (*spoil)(fakes::MemoryStore&);
    bool stops;
    const char* says;
  };

  using Store = fakes::MemoryStore;
  const Row rows[] = {
      {"gap", [](Store& s) { s.objects.erase(kTarget.key(3)); }, true, "record 3 is missing"},
      {"no Genesis", [](Store& s) { s.objects.erase(kTarget.key(1)); }, true, "1 is missing"},
      {"changed", [](Store& s) { s.objects[kTarget.key(3)][0].bytes[60] ^= 1; }, true, "record 3"},
      {"garbage at the next key", [](Store& s) { s.add_version(kTarget.key(6), "x"); }, true,
       "what lies where record 6 belongs is no record of this operator"},
      {"a record replayed at the next key",
       [](Store& s) { s.add_version(kTarget.key(6), s.objects[kTarget.key(5)][0].bytes); }, true,
       "record 6: says it is record 5"},
      {"garbage behind a gap", [](Store& s) { s.add_version(kTarget.key(9), "x"); }, false,
       "an object behind the last record"},
      {"much garbage behind a gap",
       [](Store& s) { s.add_version(kTarget.key(50'000), std::string(100'000, 'x')); }, false,
       "an object behind the last record"},
      {"a marker where the next record goes",
       [](Store& s) { s.add_version(kTarget.key(6), "", true); }, false, "where no record is"},
      {"a marker behind a gap", [](Store& s) { s.add_version(kTarget.key(9), "", true); }, false,
       "where no record is"},
      {"marker", [](Store& s) { s.add_version(kTarget.key(3), "", true); }, false, "hide it"},
      {"second version", [](Store& s) { s.add_version(kTarget.key(3), "x"); }, false,
       "written over it"},
      {"marker over the head", [](Store& s) { s.add_version(kTarget.key(5), "", true); }, false,
       "hide it"},
      {"stranger", [](Store& s) { s.add_version(kTarget.prefix() + "a.txt", "x"); }, false,
       "strange object"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench;
    bench.two_promotions();
    row.spoil(bench.store);
    Fresh restarted(bench);
    const auto state = restarted.load();
    REQUIRE(state.has_value() == !row.stops);
    const auto findings = restarted.ledger.findings(kTarget);
    const auto ref = restarted.ledger.append(bench.target, intent("2", "3"), bench.pending);
    REQUIRE(ref.has_value() == !row.stops);
    const std::string said = row.stops ? state.error().message : findings.at(0).what;
    CHECK_MESSAGE(said.find(row.says) != std::string::npos, said);
    if (row.stops) {
      CHECK(state.error().code == ErrorCode::kCorrupt);
      CHECK(ref.error().code == ErrorCode::kCorrupt);
    } else {
      CHECK(findings.size() == 1);
      CHECK(ref->sequence == 6);
      CHECK(Fresh(bench).load()->head_sequence() == 6);
    }
  }
}

TEST_CASE("ledger: strays found while running stop nothing and are told once") {
  Bench bench;
  bench.two_promotions();
  bench.store.add_version(kTarget.key(8), "garbage");
  CHECK(bench.ledger.load(kTarget)->head_sequence() == 5);
  CHECK(bench.ledger.load(kTarget)->head_sequence() == 5);
  CHECK(bench.ledger.findings(kTarget).size() == 1);
  int gets = 0;
  bench.store.before = [&](std::string_view call, std::string_view) -> Fault {
    if (call == "get") ++gets;
    return std::nullopt;
  };
  bench.ledger.load(kTarget).value();
  CHECK(gets == 0);  // what was looked at is not looked at again
  bench.store.before = nullptr;
  CHECK(bench.append(intent("2", "3"))->sequence == 6);
  CHECK(bench.append(applied(intent("2", "3"), 6))->sequence == 7);
  // Now it lies where the next record belongs.
  CHECK(bench.append(intent("3", "4")).error().code == ErrorCode::kCorrupt);
}

TEST_CASE("ledger: an outage is an outage and not an empty ledger") {
  Bench bench;
  bench.two_promotions();
  bench.store.before = [](std::string_view, std::string_view) -> Fault { return down(); };
  audit::Ledger restarted(bench.store, key(), bench.clock, options());
  CHECK(restarted.load(kTarget).error().code == ErrorCode::kUnavailable);
  CHECK(restarted.append(bench.target, intent("2", "3"), bench.pending).error().code ==
        ErrorCode::kUnavailable);
  bench.store.before = nullptr;
  CHECK(restarted.load(kTarget)->head_sequence() == 5);
}

TEST_CASE("ledger: reads through pages, and only what is new the second time") {
  Bench bench;
  bench.store.page_size = 2;
  bench.two_promotions();
  CHECK(Fresh(bench).load()->head_sequence() == 5);
  std::vector<std::string> calls;
  bench.store.before = [&](std::string_view call, std::string_view) -> Fault {
    calls.emplace_back(call);
    return std::nullopt;
  };
  bench.ledger.load(kTarget).value();
  CHECK(calls == std::vector<std::string>{"list"});
  CHECK(bench.ledger.known(kTarget)->head_sequence() == 5);
  CHECK(calls.size() == 1);
}
