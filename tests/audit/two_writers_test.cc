#include "audit/ledger.h"
#include "tests/audit/fixture.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using fakes::Fault;

namespace {

/// Lets one of two threads run at a time and decides at every call who goes on: bit n of the
/// schedule for the n-th call; behind its end the first thread that still runs.
class Turns {
 public:
  explicit Turns(std::uint32_t schedule, int length) : schedule_(schedule), length_(length) {}

  void wait_for(int me) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return turn_ == me; });
  }

  void next() {
    const std::lock_guard lock(mutex_);
    int turn = done_[0] ? 1 : 0;
    if (step_ < length_) turn = static_cast<int>((schedule_ >> static_cast<unsigned>(step_)) & 1U);
    ++step_;
    if (done_[turn]) turn = 1 - turn;
    turn_ = turn;
    changed_.notify_all();
  }

  void finish(int me) {
    {
      const std::lock_guard lock(mutex_);
      done_[me] = true;
    }
    next();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint32_t schedule_;
  int length_;
  int step_ = 0;
  int turn_ = -1;
  bool done_[2] = {false, false};
};

/// The Store as one of two writers sees it: each call waits for its turn.
class TurnStore final : public audit::Store {
 public:
  TurnStore(audit::Store& inner, Turns& turns, int me) : inner_(inner), turns_(turns), me_(me) {}

  template <typename Call>
  auto turn(Call call) {
    turns_.next();
    turns_.wait_for(me_);
    return call();
  }

  Result<audit::Stored> put_new(std::string_view object, std::string_view bytes,
                                TimePoint until) override {
    return turn([&] { return inner_.put_new(object, bytes, until); });
  }

  Result<std::string> get(std::string_view object, std::string_view id) override {
    return turn([&] { return inner_.get(object, id); });
  }

  Result<audit::ObjectLock> lock_of(std::string_view object, std::string_view id) override {
    return turn([&] { return inner_.lock_of(object, id); });
  }

  Result<audit::VersionPage> list_versions(std::string_view prefix,
                                           const audit::VersionMarker& page) override {
    return turn([&] { return inner_.list_versions(prefix, page); });
  }

  [[nodiscard]] std::optional<audit::ServerTime> server_time() const override {
    return inner_.server_time();
  }

 private:
  audit::Store& inner_;
  Turns& turns_;
  int me_;
};

/// Turns are for one thread a writer.
audit::LedgerOptions one_by_one() {
  audit::LedgerOptions out = options();
  out.parallel_reads = 1;
  return out;
}

/// One writer: its own Ledger and view of the status, in its own thread.
struct Writer {
  TurnStore store;
  fakes::MemoryPending pending;
  audit::Ledger ledger;
  std::optional<Result<RecordFact>> got;

  Writer(Bench& bench, Turns& turns, int me)
      : store(bench.store, turns, me),
        pending(bench.status),
        ledger(store, key(), bench.clock, one_by_one()) {
    pending.before = [this](std::string_view, std::string_view) {
      return store.turn([] { return Fault(); });
    };
  }
};

struct Outcome {
  std::size_t records;
  std::vector<Result<RecordFact>> got;
};

/// Genesis and one more record, or a whole promotion.
void begin(Bench& bench, const audit::LedgerId& id) {
  bench.target.id = id;
  if (id == kModel) {
    bench.append(gate_result("before")).value();
    return;
  }
  bench.append(intent("", "0")).value();
  bench.append(applied(intent("", "0"), 2)).value();
}

/// Two appends under one schedule.
Outcome race(const audit::LedgerId& id, std::uint32_t schedule, int length,
             const RecordContent& first, const RecordContent& second) {
  Bench bench;
  begin(bench, id);
  Turns turns(schedule, length);
  Writer a(bench, turns, 0);
  Writer b(bench, turns, 1);
  const auto run = [&](Writer& writer, int me, const RecordContent& content) {
    turns.wait_for(me);
    writer.got = writer.ledger.append(bench.target, content, writer.pending);
    turns.finish(me);
  };
  {
    const std::jthread one(run, std::ref(a), 0, std::cref(first));
    const std::jthread two(run, std::ref(b), 1, std::cref(second));
    turns.next();
  }
  Fresh fresh(bench);
  const auto state = fresh.load(id);
  REQUIRE(state);
  CHECK(fresh.ledger.findings(id).empty());
  for (const auto& [object, versions] : bench.store.objects)
    CHECK(versions.size() == 1);
  return {.records = state->head_sequence(), .got = {*a.got, *b.got}};
}

constexpr int kLength = 12;

/// Every n-th of the 4,096 schedules (all with SK_EXHAUSTIVE in the environment, a minute each).
/// 67 is no power of two, so that the sample mixes all bits.
std::uint32_t stride() {
  return std::getenv("SK_EXHAUSTIVE") == nullptr ? 67 : 1;
}

}  // namespace

TEST_CASE("two writers: different records both land in one chain, in every order of calls") {
  for (std::uint32_t schedule = 0; schedule < (1U << kLength); schedule += stride()) {
    CAPTURE(schedule);
    const Outcome outcome = race(kModel, schedule, kLength, gate_result("a"), gate_result("b"));
    REQUIRE(outcome.got[0]);
    REQUIRE(outcome.got[1]);
    CHECK(outcome.got[0]->sequence != outcome.got[1]->sequence);
    CHECK(outcome.records == 4);
  }
}

TEST_CASE("two writers: the same record lands once, in every order of calls") {
  for (std::uint32_t schedule = 0; schedule < (1U << kLength); schedule += stride()) {
    CAPTURE(schedule);
    const Outcome outcome = race(kTarget, schedule, kLength, intent("", "1"), intent("", "1"));
    REQUIRE(outcome.got[0]);
    REQUIRE(outcome.got[1]);
    CHECK(outcome.got[0]->digest == outcome.got[1]->digest);
    CHECK(outcome.records == 4);
  }
}

TEST_CASE("two writers: of two Intents one waits for the other to be closed") {
  for (std::uint32_t schedule = 0; schedule < (1U << kLength); schedule += stride()) {
    CAPTURE(schedule);
    const Outcome outcome = race(kTarget, schedule, kLength, intent("", "1"), intent("", "2"));
    CHECK(outcome.got[0].has_value() != outcome.got[1].has_value());
    for (const auto& got : outcome.got)
      if (!got) CHECK(got.error().code == ErrorCode::kConflict);
    CHECK(outcome.records == 4);
  }
}

TEST_CASE("two writers: a wiped status between signing and sending forks nothing") {
  // Writer a has signed record 3 and stands before its PUT; the status is emptied; b signs and
  // writes another record 3; then a goes on.
  Bench bench;
  begin(bench, kModel);
  fakes::MemoryPending other_view(bench.status);
  audit::Ledger other(bench.store, key(), bench.clock, one_by_one());
  bool interposed = false;
  bench.store.before = [&](std::string_view call, std::string_view) -> Fault {
    if (call != "put" || interposed) return std::nullopt;
    interposed = true;
    bench.status.pending.reset();
    ++bench.status.version;
    CHECK(other.append(bench.target, gate_result("b"), other_view)->sequence == 3);
    return std::nullopt;
  };
  const auto mine = bench.append(gate_result("a"));
  REQUIRE(mine);
  CHECK(mine->sequence == 4);
  CHECK(Fresh(bench).load(kModel)->head_sequence() == 4);
}

TEST_CASE("two writers: a writer that slept does not put back what was overtaken") {
  Bench bench;
  begin(bench, kModel);
  const std::optional<audit::Pending> old = bench.status.pending;
  bench.append(gate_result("a")).value();
  bench.status.pending = old;  // a replayed status
  ++bench.status.version;
  CHECK(bench.append(gate_result("b"))->sequence == 4);
  CHECK(Fresh(bench).load(kModel)->head_sequence() == 4);
}
