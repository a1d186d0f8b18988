#include "aws/refreshing_source.h"

#include "tests/fakes/memory_store.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using aws::Credentials;
using fakes::ManualClock;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const TimePoint kNow = parse_time("2026-03-03T09:15:00Z").value();

/// An issuer that gives out numbered keys, and a source in front of it.
struct Bench {
  ManualClock clock{kNow};
  int asked = 0;
  seconds life = hours(1);
  std::optional<Error> fault;
  double random = 0;

  aws::RefreshingSource source{
      [this] { return issue(); }, {.what = "test", .random = [this] { return random; }}, clock};

  Result<Credentials> issue() {
    ++asked;
    if (fault) return tl::unexpected(*fault);
    return Credentials{.access_key_id = "key" + std::to_string(asked),
                       .secret_access_key = aws::Secret("hush"),
                       .expires_at = clock.now() + life};
  }

  std::string key() {
    const auto got = source.get();
    return got ? got->access_key_id : "error: " + got.error().message;
  }
};

}  // namespace

TEST_CASE("refreshing: asks once, and again ahead of the end") {
  Bench b;
  CHECK(b.key() == "key1");
  b.clock.advance(minutes(54));
  CHECK(b.key() == "key1");
  b.clock.advance(minutes(1));
  CHECK(b.key() == "key2");
  CHECK(b.asked == 2);
}

TEST_CASE("refreshing: how far ahead is drawn, and at most a third of a short life") {
  Bench b;
  b.random = 1;
  CHECK(b.key() == "key1");
  b.clock.advance(minutes(49));
  CHECK(b.key() == "key1");
  b.clock.advance(minutes(1));
  CHECK(b.key() == "key2");
  b.clock.advance(hours(2));
  b.life = seconds(30);
  CHECK(b.key() == "key3");
  b.clock.advance(seconds(19));
  CHECK(b.key() == "key3");
  b.clock.advance(seconds(1));
  CHECK(b.key() == "key4");
}

TEST_CASE("refreshing: the last good ones stay until they really end, and failures are spaced") {
  Bench b;
  CHECK(b.key() == "key1");
  b.clock.advance(minutes(55));
  b.fault = Error{ErrorCode::kUnavailable, "down"};
  CHECK(b.key() == "key1");
  CHECK(b.key() == "key1");
  CHECK(b.asked == 2);
  b.clock.advance(seconds(1));
  CHECK(b.key() == "key1");
  CHECK(b.asked == 3);
  b.clock.advance(seconds(1));  // the second pause is two seconds
  CHECK(b.key() == "key1");
  CHECK(b.asked == 3);
  b.clock.advance(minutes(5));
  CHECK(b.key() == "error: test: down; the last ones ended at 2026-03-03T10:15:00Z");
  b.fault.reset();
  CHECK(b.key().starts_with("error"));  // not sooner than announced
  b.clock.advance(minutes(1));
  CHECK(b.key() == "key5");
}

TEST_CASE("refreshing: a clock that was set back holds up nothing") {
  Bench b;
  b.fault = Error{ErrorCode::kUnavailable, "down"};
  CHECK(b.key() == "error: test: down");
  b.fault.reset();
  b.clock.advance(-hours(24));
  CHECK(b.key() == "key2");
}

TEST_CASE("refreshing: what ended before it came is no success") {
  Bench b;
  b.life = seconds(0);
  CHECK(b.key().find("compare this machine's clock") != std::string::npos);
}

TEST_CASE("refreshing: without an end they are asked for again after an hour") {
  ManualClock clock(kNow);
  int asked = 0;
  aws::RefreshingSource source(
      [&]() -> Result<Credentials> {
        return Credentials{.access_key_id = std::to_string(++asked),
                           .secret_access_key = aws::Secret("hush")};
      },
      {.what = "test"}, clock);
  CHECK(source.get()->access_key_id == "1");
  clock.advance(minutes(40));
  CHECK(source.get()->access_key_id == "1");
  clock.advance(minutes(20));
  CHECK(source.get()->access_key_id == "2");
}

TEST_CASE("refreshing: what a store refuses is renewed once for all who were refused") {
  Bench b;
  const Credentials first = b.source.get().value();
  b.clock.advance(seconds(10));
  const Credentials second = b.source.renew(first).value();
  CHECK(second.access_key_id == "key2");
  b.clock.advance(seconds(10));
  CHECK(b.source.renew(first)->access_key_id == "key2");  // renewed by another since
  CHECK(b.asked == 2);
  const Credentials third = b.source.renew(second).value();
  CHECK(b.source.renew(third)->access_key_id == "key3");  // a store that refuses whatever comes
  CHECK(b.asked == 3);
  b.fault = Error{ErrorCode::kUnavailable, "down"};
  b.clock.advance(seconds(10));
  CHECK(b.source.renew(third)->access_key_id == "key3");  // the same: nothing to repeat with
  CHECK(b.asked == 4);
}

TEST_CASE("refreshing: one thread asks while the others go on with what there is") {
  ManualClock clock(kNow);
  std::mutex gate;
  std::condition_variable moved;
  bool slow = false;
  bool open = false;
  std::atomic<int> asked = 0;
  aws::RefreshingSource source(
      [&]() -> Result<Credentials> {
        const int number = ++asked;
        std::unique_lock lock(gate);
        if (slow) moved.wait(lock, [&] { return open; });
        return Credentials{.access_key_id = std::to_string(number),
                           .secret_access_key = aws::Secret("hush"),
                           .expires_at = clock.now() + hours(1)};
      },
      {.what = "test"}, clock);
  REQUIRE(source.get());
  clock.advance(minutes(58));
  {
    const std::lock_guard lock(gate);
    slow = true;
  }
  std::jthread refresher([&] { CHECK(source.get()->access_key_id == "2"); });
  while (asked < 2)
    std::this_thread::yield();
  for (int i = 0; i < 100; ++i)
    CHECK(source.get()->access_key_id == "1");
  CHECK(asked == 2);
  {
    const std::lock_guard lock(gate);
    open = true;
  }
  moved.notify_all();
  refresher.join();
  CHECK(source.get()->access_key_id == "2");
}

TEST_CASE("refreshing: whoever has nothing waits for the one that asks") {
  ManualClock clock(kNow);
  std::atomic<int> asked = 0;
  aws::RefreshingSource source(
      [&]() -> Result<Credentials> {
        ++asked;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        return Credentials{.access_key_id = "key",
                           .secret_access_key = aws::Secret("hush"),
                           .expires_at = clock.now() + hours(1)};
      },
      {.what = "test"}, clock);
  std::vector<std::jthread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (source.get()) ++good;
    });
  }
  threads.clear();
  CHECK(good == 8);
  CHECK(asked == 1);
}
