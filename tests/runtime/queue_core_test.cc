#include "runtime/queue_core.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

using namespace stagekeeper::runtime;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

Key key(const std::string& name) {
  return {"Request", "ns", name};
}

/// A queue with a clock that stands still until told, and the largest jitter.
struct Bench {
  SteadyTime now{std::chrono::hours(1)};
  double random = 0.999999;
  QueueCore queue{QueueOptions{}, [this] { return random; }};

  std::string take() {
    const auto taken = queue.take(now);
    return taken ? taken->key.name : "";
  }

  void add(const std::string& name, Priority priority = Priority::kLive) {
    queue.add(key(name), priority, now);
  }
};

}  // namespace

TEST_CASE("queue: hands out each key once, in order, and again only after it is finished") {
  Bench b;
  b.add("a");
  b.add("b");
  b.add("a");
  CHECK(b.queue.depth() == 2);
  CHECK(b.take() == "a");
  CHECK(b.take() == "b");
  CHECK(b.take().empty());
  b.add("a");
  b.add("a");
  CHECK(b.take().empty());
  b.queue.finish(key("a"), std::nullopt, b.now);
  CHECK(b.take() == "a");
  b.queue.finish(key("a"), std::nullopt, b.now);
  b.queue.finish(key("b"), std::nullopt, b.now);
  CHECK(b.take().empty());
  CHECK(b.queue.running() == 0);
}

TEST_CASE("queue: among delayed adds the earliest wins, and a plain add beats them") {
  Bench b;
  b.queue.add_at(key("a"), Priority::kLive, b.now + seconds(10), b.now);
  b.queue.add_at(key("a"), Priority::kLive, b.now + seconds(5), b.now);
  b.queue.add_at(key("a"), Priority::kLive, b.now + seconds(20), b.now);
  CHECK(b.queue.next_due() == b.now + seconds(5));
  CHECK(b.queue.delayed() == 1);
  CHECK(b.take().empty());
  b.now += seconds(5);
  CHECK(b.take() == "a");
  b.queue.finish(key("a"), b.now + seconds(60), b.now);
  CHECK(b.take().empty());
  b.add("a");
  CHECK(b.take() == "a");
  CHECK_FALSE(b.queue.next_due());
}

TEST_CASE("queue: adds while a key runs, plain or delayed, coalesce into the earliest") {
  Bench b;
  b.add("a");
  CHECK(b.take() == "a");
  b.queue.add_at(key("a"), Priority::kLive, b.now + seconds(9), b.now);
  b.queue.add_at(key("a"), Priority::kLive, b.now + seconds(3), b.now);
  b.queue.finish(key("a"), b.now + seconds(6), b.now);
  CHECK(b.queue.next_due() == b.now + seconds(3));
  b.now += seconds(3);
  CHECK(b.take() == "a");
  b.queue.finish(key("a"), std::nullopt, b.now);
  b.now += seconds(100);
  CHECK(b.take().empty());
}

TEST_CASE("queue: failures double the wait up to a minute and success forgets them") {
  Bench b;
  b.add("a");
  milliseconds last{0};
  for (int i = 1; i <= 20; ++i) {
    CAPTURE(i);
    REQUIRE(b.take() == "a");
    const auto wait = b.queue.finish_failed(key("a"), {}, b.now);
    CHECK(wait >= last);
    CHECK(wait <= seconds(60));
    if (i == 1) CHECK(wait <= milliseconds(5));
    last = wait;
    CHECK(b.queue.failures(key("a")) == static_cast<unsigned>(i));
    b.now += wait;
  }
  CHECK(last > seconds(59));
  REQUIRE(b.take() == "a");
  b.queue.finish(key("a"), std::nullopt, b.now);
  CHECK(b.queue.failures(key("a")) == 0);
}

TEST_CASE("queue: full jitter spreads fast retries, equal jitter keeps slow ones slow") {
  Bench b;
  b.random = 0;
  b.add("a");
  REQUIRE(b.take() == "a");
  CHECK(b.queue.finish_failed(key("a"), {}, b.now) == milliseconds(0));
  REQUIRE(b.take() == "a");
  CHECK(b.queue.finish_failed(key("a"), {Failure::Pace::kSlow}, b.now) >= seconds(5));
}

TEST_CASE("queue: Retry-After is honoured even against new adds, within five minutes") {
  struct Row {
    milliseconds asked;
    milliseconds earliest;
  };

  for (const Row& row : {Row{seconds(7), seconds(7)}, Row{std::chrono::hours(9), seconds(300)}}) {
    CAPTURE(row.asked.count());
    Bench b;
    b.add("a");
    REQUIRE(b.take() == "a");
    b.add("a");
    const auto wait = b.queue.finish_failed(key("a"), {Failure::Pace::kFast, row.asked}, b.now);
    CHECK(wait >= row.earliest);
    b.add("a");
    b.now += row.earliest - milliseconds(1);
    CHECK(b.take().empty());
    b.now += milliseconds(1);
    CHECK(b.take() == "a");
  }
}

TEST_CASE("queue: a failing key that wakes itself up does not spin") {
  Bench b;
  b.add("a");
  int runs = 0;
  for (const auto end = b.now + seconds(60); b.now < end; b.now += milliseconds(1)) {
    if (b.take() != "a") continue;
    ++runs;
    b.add("a");  // its own write comes back as an event
    b.queue.finish_failed(key("a"), {Failure::Pace::kSlow}, b.now);
  }
  CHECK(runs <= 61);
  CHECK(runs >= 30);
}

TEST_CASE("queue: live events go ahead of the initial list, a later live add raises a key") {
  Bench b;
  for (const char* name : {"i1", "i2", "i3"})
    b.add(name, Priority::kInitial);
  b.add("live");
  b.add("i3");
  CHECK(b.take() == "live");
  CHECK(b.take() == "i3");
  CHECK(b.take() == "i1");
  b.add("i1", Priority::kLive);
  b.queue.finish(key("i1"), std::nullopt, b.now);
  CHECK(b.take() == "i1");
  CHECK(b.take() == "i2");
}

TEST_CASE("queue: an initial item has no turn among live events before it has aged") {
  Bench b;
  b.add("initial", Priority::kInitial);
  for (int i = 0; i < 20; ++i)
    b.add("live" + std::to_string(i));
  for (int i = 0; i < 20; ++i)
    CHECK(b.take() == "live" + std::to_string(i));
  CHECK(b.take() == "initial");
}

TEST_CASE("queue: a finished key comes back at the time that its round asked for") {
  Bench b;
  b.add("a");
  REQUIRE(b.take() == "a");
  b.queue.finish(key("a"), b.now + seconds(6), b.now);
  CHECK(b.queue.next_due() == b.now + seconds(6));
  b.now += seconds(6);
  CHECK(b.take() == "a");
}

TEST_CASE("queue: an endless stream of live events does not starve the initial list") {
  Bench b;
  for (int i = 0; i < 50; ++i)
    b.add("i" + std::to_string(i), Priority::kInitial);
  int initial = 0;
  int live = 0;
  for (int i = 0; i < 400; ++i) {
    b.add("live" + std::to_string(i));
    const std::string name = b.take();
    (name.starts_with("live") ? live : initial) += 1;
    b.queue.finish(key(name), std::nullopt, b.now);
    b.now += milliseconds(10);
  }
  CHECK(initial == 50);
  CHECK(live == 350);
}

TEST_CASE("queue: forgets keys that are done") {
  Bench b;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = std::to_string(i);
    b.add(name);
    CHECK(b.take() == name);
    b.queue.finish(key(name), std::nullopt, b.now);
  }
  CHECK(b.queue.known() == 0);
  CHECK_FALSE(b.queue.next_due());
}

TEST_CASE("queue: random interleavings lose nothing and never run a key twice at once") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    SteadyTime now{std::chrono::hours(1)};
    QueueCore queue(QueueOptions{}, [&] { return below(1000) / 1000.0; });
    std::map<Key, std::optional<SteadyTime>> wanted;  // the model: when a run is due at the latest
    std::set<Key> running;
    const auto take = [&] {
      const auto taken = queue.take(now);
      if (!taken) return false;
      REQUIRE(running.insert(taken->key).second);
      REQUIRE(wanted[taken->key].has_value());  // nobody runs unasked
      wanted[taken->key].reset();
      return true;
    };
    const auto want = [&](const Key& k, SteadyTime due) {
      auto& slot = wanted[k];
      if (!slot || due < *slot) slot = due;
    };
    for (int step = 0; step < 500; ++step) {
      const Key k = key(std::to_string(below(6)));
      switch (below(6)) {
        case 0:
          queue.add(k, below(2) == 0 ? Priority::kInitial : Priority::kLive, now);
          want(k, now);
          break;
        case 1: {
          const auto due = now + milliseconds(below(5000));
          queue.add_at(k, Priority::kLive, due, now);
          want(k, due);
          break;
        }
        case 2:
          take();
          break;
        case 3:
          if (running.erase(k) > 0) queue.finish(k, std::nullopt, now);
          break;
        case 4:
          if (running.erase(k) > 0) {
            want(k, now + queue.finish_failed(k, {}, now));
          }
          break;
        default:
          now += milliseconds(below(2000));
      }
      REQUIRE(queue.running() == running.size());
    }
    // In the end everything that was asked for runs, once.
    for (const Key& k : running)
      queue.finish(k, std::nullopt, now);
    running.clear();
    for (int i = 0; i < 10; ++i) {
      while (take()) {
      }
      for (const Key& k : running)
        queue.finish(k, std::nullopt, now);
      running.clear();
      now += seconds(60);
    }
    for (const auto& [k, due] : wanted)
      CHECK_FALSE(due.has_value());
    CHECK(queue.depth() + queue.delayed() == 0);
  }
}
