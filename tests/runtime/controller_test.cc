#include "runtime/controller.h"

#include "base/clock.h"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

using namespace stagekeeper;           // NOLINT(google-build-using-namespace)
using namespace stagekeeper::runtime;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + seconds(5);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

/// Does what the test says, and notices when one key runs twice at once.
class Probe final : public Reconciler {
 public:
  using Body = std::function<Result<Next>(const Key&, int run)>;

  explicit Probe(Body body) : body_(std::move(body)) {}

  Result<Next> reconcile(const Key& key) override {
    int run = 0;
    {
      const MutexLock lock(mutex_);
      overlaps_ += running_.insert(key).second ? 0 : 1;
      run = ++runs_[key];
    }

    struct Leave {
      Probe& probe;
      const Key& key;

      ~Leave() {
        const MutexLock lock(probe.mutex_);
        probe.running_.erase(key);
      }
    } leave{*this, key};

    return body_(key, run);
  }

  int runs(const Key& key) const {
    const MutexLock lock(mutex_);
    const auto it = runs_.find(key);
    return it == runs_.end() ? 0 : it->second;
  }

  int overlaps() const {
    const MutexLock lock(mutex_);
    return overlaps_;
  }

 private:
  const Body body_;
  mutable Mutex mutex_;
  std::set<Key> running_;
  std::map<Key, int> runs_;
  int overlaps_ = 0;
};

const Key kKey{"Request", "ns", "a"};

struct Bench {
  explicit Bench(Probe::Body body, QueueOptions options = {})
      : queue("promotion", options, metrics), probe(std::move(body)) {
    controller.start();
  }

  Metrics metrics;
  SystemClock clock;
  WorkQueue queue;
  Probe probe;
  Controller controller{{"promotion", 4}, queue, probe, clock, metrics};

  bool counts(const std::string& result) {
    return metrics.text().find("result=\"" + result + "\"} ") != std::string::npos;
  }
};

}  // namespace

TEST_CASE("next: turns moments and spans into bounded waits") {
  const TimePoint now = parse_time("2026-03-03T09:15:00Z").value();
  CHECK_FALSE(Next::await_change().delay(now));
  CHECK(Next::at(now + seconds(5)).delay(now) == milliseconds(5000));
  CHECK(Next::at(now - seconds(5)).delay(now) == milliseconds(10));
  CHECK(Next::at(TimePoint::max()).delay(now) == std::chrono::minutes(10));
  CHECK(Next::at(TimePoint::min()).delay(now) == milliseconds(10));
  CHECK(Next::after(milliseconds(0)).delay(now) == milliseconds(10));
  CHECK(Next::after(std::chrono::hours(5)).delay(now) == std::chrono::minutes(10));
}

TEST_CASE("controller: tells transient failures from those that need somebody") {
  struct Row {
    ErrorCode code;
    bool comes_back;
    Failure::Pace pace;
  };

  for (const Row& row : {Row{ErrorCode::kUnavailable, true, Failure::Pace::kFast},
                         Row{ErrorCode::kConflict, true, Failure::Pace::kFast},
                         Row{ErrorCode::kThrottled, true, Failure::Pace::kFast},
                         Row{ErrorCode::kNotFound, true, Failure::Pace::kFast},
                         Row{ErrorCode::kInvalid, true, Failure::Pace::kSlow},
                         Row{ErrorCode::kDenied, true, Failure::Pace::kSlow},
                         Row{ErrorCode::kCorrupt, true, Failure::Pace::kSlow},
                         Row{ErrorCode::kCancelled, false, Failure::Pace::kSlow}}) {
    CAPTURE(name(row.code));
    const auto failure = failure_of(Error{row.code, "x", seconds(3)});
    REQUIRE(failure.has_value() == row.comes_back);
    if (!failure) continue;
    CHECK(failure->pace == row.pace);
    CHECK(failure->retry_after == seconds(3));
  }
}

TEST_CASE("controller: runs a key again after a failure and after the time it asked for") {
  Bench b([](const Key&, int run) -> Result<Next> {
    if (run == 1) return fail(ErrorCode::kUnavailable, "not yet");
    if (run == 2) return Next::after(milliseconds(20));
    return Next::await_change();
  });
  b.queue.add(kKey);
  CHECK(eventually([&] { return b.probe.runs(kKey) == 3; }));
  CHECK(eventually([&] { return b.counts("success"); }));
  CHECK(b.counts("error"));
  CHECK(b.counts("requeue_after"));
  std::this_thread::sleep_for(milliseconds(30));
  CHECK(b.probe.runs(kKey) == 3);
  CHECK(b.controller.check().ok);
}

TEST_CASE("controller: an exception is a bug of one key and not the end of a worker") {
  for (const bool standard : {true, false}) {
    CAPTURE(standard);
    QueueOptions quick;
    quick.slow = {milliseconds(2), milliseconds(4)};
    Bench b(
        [standard](const Key& key, int run) -> Result<Next> {
          if (key == kKey && run < 3) {
            if (standard) throw std::runtime_error("boom");
            throw 42;
          }
          return Next::await_change();
        },
        quick);
    b.queue.add(kKey);
    CHECK(eventually([&] { return b.probe.runs(kKey) == 3; }));
    CHECK(b.counts("panic"));
    CHECK(b.controller.check().ok);
  }
}

TEST_CASE("controller: after three exceptions in a row, and once, the reconciler is told") {
  struct Thrower final : runtime::Reconciler {
    Result<Next> reconcile(const Key& /*key*/) override {
      const int run = ++runs;
      if (run == 3 || run == 8) return Next::after(milliseconds(10));
      if (run == 9) return Next::await_change();
      throw std::runtime_error("boom");
    }

    void broken(const Key& key, const std::string& what) override {
      CHECK(key == kKey);
      CHECK(what.find("boom") != std::string::npos);
      at_run = runs.load();
      ++told;
      throw std::runtime_error("and again");
    }

    std::atomic<int> runs{0};
    std::atomic<int> told{0};
    std::atomic<int> at_run{0};
  };

  Thrower thrower;
  const SystemClock clock;
  Metrics metrics;
  QueueOptions quick;
  quick.slow = {milliseconds(2), milliseconds(4)};
  WorkQueue queue("q", quick, metrics);
  Controller controller({.name = "c", .workers = 1}, queue, thrower, clock, metrics);
  controller.start();
  queue.add(kKey);
  CHECK(eventually([&] { return thrower.runs == 9; }));
  CHECK(thrower.told == 1);
  CHECK(thrower.at_run == 6);  // 1 and 2 threw, 3 did not; 4, 5 and 6 did
}

TEST_CASE("controller: what somebody has to mend first is tried slowly") {
  for (const ErrorCode code : {ErrorCode::kInvalid, ErrorCode::kDenied, ErrorCode::kCorrupt}) {
    Bench b([&](const Key&, int) -> Result<Next> {
      b.queue.add(kKey);  // its own status write comes back as an event
      return fail(code, "no");
    });
    b.queue.add(kKey);
    std::this_thread::sleep_for(milliseconds(50));
    CHECK(b.probe.runs(kKey) == 1);
    CHECK(b.counts("terminal_error"));
  }
}

TEST_CASE("controller: many adds of many keys by many threads never run a key twice at once") {
  std::atomic<int> total{0};
  Bench b([&](const Key&, int run) -> Result<Next> {
    ++total;
    if (run % 7 == 0) return fail(ErrorCode::kConflict, "lost");
    return Next::await_change();
  });
  {
    std::vector<std::jthread> adders;
    for (int t = 0; t < 4; ++t) {
      adders.emplace_back([&b, t] {
        for (int i = 0; i < 500; ++i) {
          b.queue.add({"Request", "ns", std::to_string((i * 7 + t) % 20)},
                      i % 2 == 0 ? Priority::kLive : Priority::kInitial);
        }
      });
    }
  }
  CHECK(eventually([&] { return b.queue.depth() == 0 && b.queue.wait_idle(seconds(1)); }));
  CHECK(b.probe.overlaps() == 0);
  CHECK(total >= 20);
}

TEST_CASE("controller: stopping waits for the round under way and takes no other") {
  std::atomic<bool> entered{false};
  std::atomic<bool> finished{false};
  Bench b([&](const Key&, int) -> Result<Next> {
    entered = true;
    std::this_thread::sleep_for(milliseconds(50));
    finished = true;
    return Next::after(milliseconds(10));
  });
  b.queue.add(kKey);
  REQUIRE(eventually([&] { return entered.load(); }));
  CHECK_FALSE(b.controller.stop(milliseconds(1)));
  CHECK(b.controller.stop(seconds(5)));
  CHECK(finished);
  b.queue.add({"Request", "ns", "late"});
  std::this_thread::sleep_for(milliseconds(30));
  CHECK(b.probe.runs(kKey) == 1);
  CHECK(b.probe.runs({"Request", "ns", "late"}) == 0);
  CHECK_FALSE(b.controller.check().ok);
}

TEST_CASE("controller: a key that takes too long makes the process unhealthy") {
  Metrics metrics;
  const SystemClock clock;
  WorkQueue queue("q", {}, metrics);
  std::atomic<bool> go{false};
  Probe probe([&](const Key&, int) -> Result<Next> {
    while (!go)
      std::this_thread::sleep_for(milliseconds(1));
    return Next::await_change();
  });
  Controller controller({"q", 1, std::chrono::minutes(0)}, queue, probe, clock, metrics);
  controller.start();
  queue.add(kKey);
  CHECK(eventually([&] { return !controller.check().ok; }));
  CHECK(controller.check().detail.find("Request/ns/a") != std::string::npos);
  go = true;
  CHECK(eventually([&] { return controller.check().ok; }));
}
