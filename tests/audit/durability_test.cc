// Whether what is acted on was locked, whether the bucket is the one it was, and whose key signs.
#include "audit/ledger.h"
#include "tests/audit/fixture.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using fakes::Fault;

namespace {

Error down() {
  return Error{ErrorCode::kUnavailable, "503"};
}

/// A hook under which one kind of call fails.
fakes::Hook failing(std::string_view which) {
  return [which](std::string_view call, std::string_view) -> Fault {
    return call == which ? Fault(down()) : std::nullopt;
  };
}

audit::LedgerOptions with_keys(std::vector<audit::TrustedKey> keys) {
  audit::LedgerOptions out = options();
  out.trusted_keys = std::move(keys);
  return out;
}

audit::TrustedKey trust(const SigningKey& key, TimePoint from = TimePoint::min(),
                        TimePoint to = TimePoint::max()) {
  return audit::trusted_key(key.public_pem(), from, to).value();
}

}  // namespace

TEST_CASE("durability: an Intent whose lock was not read back is not given to anybody") {
  struct Row {
    const char* what;
    audit::LedgerId id;
    RecordContent content;
    const char* fails;
  };

  const Row rows[] = {
      {"Intent, lock unread", kTarget, intent("", "1"), "lock"},
      {"Intent, bytes unread", kTarget, intent("", "1"), "get"},
      {"Decided, lock unread", kModel, decided("", "1"), "lock"},
      {"GateResult, lock unread", kModel, gate_result("r"), "lock"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench;
    bench.target.id = row.id;
    bench.append(row.id == kTarget ? intent("", "0") : gate_result("before")).value();
    if (row.id == kTarget) bench.append(aborted(intent("", "0"), 2, false)).value();
    bench.store.before = failing(row.fails);
    CHECK(bench.append(row.content).error().code == ErrorCode::kUnavailable);
    // It lies in the bucket; as long as its lock is unseen nobody may act on it.
    bench.store.before = failing("lock");
    CHECK(bench.ledger.load(row.id).error().code == ErrorCode::kUnavailable);
    CHECK(bench.ledger.load(row.id).error().code == ErrorCode::kUnavailable);
    bench.store.before = nullptr;
    CHECK(bench.ledger.load(row.id));
    CHECK(bench.append(row.content));
  }
}

TEST_CASE("durability: a store that dropped the lock stays found out") {
  Bench bench;
  bench.two_promotions();
  bench.store.after = [&](std::string_view call, std::string_view object) -> Fault {
    if (call == "put") bench.store.objects[std::string(object)].back().lock = {};
    return std::nullopt;
  };
  CHECK_FALSE(bench.ledger.store_fault());
  CHECK(bench.append(intent("2", "3")).error().code == ErrorCode::kCorrupt);
  bench.store.after = nullptr;
  for (int round = 0; round < 3; ++round) {
    CHECK(bench.ledger.load(kTarget).error().code == ErrorCode::kCorrupt);
    CHECK(bench.append(intent("2", "3")).error().code == ErrorCode::kCorrupt);
  }
  CHECK(bench.ledger.store_fault());
  Fresh restarted(bench);
  CHECK(restarted.load().error().code == ErrorCode::kCorrupt);
  CHECK(restarted.ledger.store_fault());
}

TEST_CASE("durability: a restarted process reads the locks of what it is to act on") {
  Bench bench;
  bench.two_promotions();
  bench.append(intent("2", "3")).value();
  bench.append(applied(intent("2", "3"), 6)).value();
  bench.append(intent("3", "4")).value();  // 8, open
  std::vector<std::string> locks;
  bench.store.before = [&](std::string_view call, std::string_view object) -> Fault {
    if (call == "lock") locks.emplace_back(object);
    return std::nullopt;
  };
  Fresh open(bench);
  REQUIRE(open.load());
  CHECK(locks == std::vector<std::string>{kTarget.key(8)});
  CHECK(open.load());
  CHECK(locks.size() == 1);

  bench.append(applied(intent("3", "4"), 8)).value();
  locks.clear();
  REQUIRE(Fresh(bench).load());
  CHECK(locks == std::vector<std::string>{kTarget.key(9)});  // the last one, whatever it is

  bench.store.objects[kTarget.key(9)][0].lock.mode = audit::LockMode::kGovernance;
  CHECK(Fresh(bench).load().error().code == ErrorCode::kCorrupt);
}

TEST_CASE("durability: what another replica left unlocked is not acted on") {
  Bench bench;
  bench.two_promotions();
  Fresh other(bench);
  REQUIRE(other.load());
  bench.store.before = failing("lock");
  CHECK_FALSE(bench.append(intent("2", "3")));
  bench.store.before = nullptr;
  bench.store.objects[kTarget.key(6)][0].lock = {};
  CHECK(other.load().error().code == ErrorCode::kCorrupt);
}

TEST_CASE("durability: a bucket that is behind the status is not the bucket that was") {
  Bench bench;
  bench.two_promotions();
  const std::string head = bench.ledger.load(kTarget)->head_digest();

  Fresh right(bench);
  CHECK(right.ledger.check_head(kTarget, 5, head));
  CHECK(right.ledger.check_head(kTarget, 0, ""));
  CHECK(right.ledger.check_head(kTarget, 4, right.load()->at(4)->digest));  // a status may be late
  CHECK(right.ledger.check_head(kTarget, 5, digest_of("x")).error().code == ErrorCode::kCorrupt);
  CHECK(right.ledger.check_head(kTarget, 6, head).error().code == ErrorCode::kCorrupt);

  fakes::MemoryStore empty(bench.clock);
  audit::Ledger wrong(empty, key(), bench.clock, options());
  CHECK(wrong.load(kTarget)->empty());
  CHECK(wrong.check_head(kTarget, 5, head).error().code == ErrorCode::kCorrupt);
  bench.store.before = failing("list");
  CHECK(right.ledger.check_head(kTarget, 6, head).error().code == ErrorCode::kUnavailable);
}

TEST_CASE("durability: a head that another replica has just written is read before it is judged") {
  Bench bench;
  bench.two_promotions();
  Fresh other(bench);
  other.load().value();
  const auto written = bench.append(intent("2", "3")).value();
  CHECK(other.ledger.check_head(kTarget, 6, written.digest));
}

TEST_CASE("keys: a new key takes over by a record of its own, and the old records stand") {
  Bench bench;
  bench.two_promotions();
  audit::Ledger rotated(bench.store, other_key(), bench.clock, with_keys({trust(key())}));
  const auto ref = rotated.append(bench.target, intent("2", "3"), bench.pending);
  REQUIRE(ref);
  CHECK(ref->sequence == 7);
  const auto rotation = rotated.read(kTarget, 6).value();
  CHECK(rotation.content.kind == RecordKind::kKeyRotation);
  const auto body = nlohmann::json::parse(rotation.content.body);
  CHECK(body["publicKey"] == other_key().public_pem());
  CHECK(body["keyId"] == other_key().key_id().str());
  CHECK(body["previousKeyId"] == key().key_id().str());
  CHECK(rotated.append(bench.target, applied(intent("2", "3"), 7), bench.pending)->sequence == 8);

  // Who knows both keys reads all of it; who knows one reads none, and does not write.
  audit::Ledger both(bench.store, other_key(), bench.clock, with_keys({trust(key())}));
  CHECK(both.load(kTarget)->head_sequence() == 8);
  audit::Ledger one(bench.store, other_key(), bench.clock, options());
  CHECK(one.load(kTarget).error().code == ErrorCode::kCorrupt);
  CHECK(one.append(bench.target, intent("3", "4"), bench.pending).error().code ==
        ErrorCode::kCorrupt);
  CHECK(bench.store.objects.size() == 8);
}

TEST_CASE("keys: replicas with two keys make one chain while a new key is rolled out") {
  Bench bench;
  bench.two_promotions();
  audit::Ledger next(bench.store, other_key(), bench.clock, with_keys({trust(key())}));
  audit::Ledger last(bench.store, key(), bench.clock, with_keys({trust(other_key())}));
  CHECK(next.append(bench.target, intent("2", "3"), bench.pending)->sequence == 7);
  CHECK(last.append(bench.target, applied(intent("2", "3"), 7), bench.pending)->sequence == 9);
  CHECK(next.load(kTarget)->at(8)->kind == RecordKind::kKeyRotation);
}

TEST_CASE("keys: nothing signed outside a key's validity is believed or written") {
  Bench bench;
  bench.two_promotions();  // at kNow + 10 s and + 20 s
  const auto load = [&](TimePoint from, TimePoint to) {
    audit::Ledger reader(bench.store, other_key(), bench.clock,
                         with_keys({trust(key(), from, to)}));
    return reader.load(kTarget);
  };
  using std::chrono::hours;
  using std::chrono::seconds;
  CHECK(load(kNow, kNow + hours(1)));
  const auto late = load(kNow, kNow + seconds(15));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::kCorrupt);
  CHECK_MESSAGE(late.error().message.find("its key is trusted") != std::string::npos,
                late.error().message);
  CHECK(load(kNow + seconds(15), TimePoint::max()).error().code == ErrorCode::kCorrupt);

  audit::Ledger expired(bench.store, key(), bench.clock,
                        with_keys({trust(key(), kNow, kNow + seconds(20))}));
  bench.clock.advance(hours(1));
  CHECK(expired.load(kTarget));
  CHECK(expired.append(bench.target, intent("2", "3"), bench.pending).error().code ==
        ErrorCode::kDenied);
  CHECK(bench.store.objects.size() == 5);
}
