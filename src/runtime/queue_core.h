#pragma once

#include "runtime/backoff.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace stagekeeper::runtime {

/// What a worker is asked to look at: an object by kind, namespace ("" when cluster-scoped) and
/// name. It carries no state: the worker reads the world itself.
struct Key {
  std::string kind;
  std::string ns;
  std::string name;

  /// "Kind/ns/name" or "Kind/name".
  [[nodiscard]] std::string str() const;

  friend auto operator<=>(const Key&, const Key&) = default;
};

/// Who goes first. Items of an initial list yield to live events, but never starve.
enum class Priority : std::uint8_t { kInitial, kLive };

/// Why a key comes back, and so how fast.
struct Failure {
  enum class Pace : std::uint8_t {
    kFast,  ///< may well succeed at once: 5 ms doubling to 60 s, full jitter
    kSlow,  ///< somebody has to act first: 5 s doubling to 60 s, equal jitter
  };
  Pace pace = Pace::kFast;
  /// The server asked for patience: nothing brings the key back earlier. Capped at 5 min.
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

struct QueueOptions {
  BackoffOptions fast{std::chrono::milliseconds(5), std::chrono::seconds(60)};
  BackoffOptions slow{std::chrono::seconds(5), std::chrono::seconds(60)};
  /// An initial item that waited this long gets one turn in every `live_per_aged` + 1.
  std::chrono::milliseconds ageing = std::chrono::seconds(1);
  unsigned live_per_aged = 4;
};

/// The deterministic heart of the work queue: no lock, no clock, time is an argument.
///
/// Guarantees: a key is queued at most once and handed out to one taker at a time; an add while it
/// is handed out leads to exactly one more run; among several delayed adds the earliest wins, and a
/// plain add beats them all; a failing key is not brought back by adds sooner than min(back-off,
/// 1 s) after its last failure, so that a worker whose own writes wake it up cannot spin.
/// Not thread-safe.
class QueueCore {
 public:
  QueueCore(QueueOptions options, Random random);

  /// The key should run as soon as possible.
  void add(const Key& key, Priority priority, SteadyTime now);

  /// The key should run at `due`, or earlier when something else asks for it.
  void add_at(const Key& key, Priority priority, SteadyTime due, SteadyTime now);

  /// A key taken off the queue.
  struct Taken {
    Key key;
    Priority priority = Priority::kLive;
    SteadyTime ready_since;  ///< when it could first have run
  };

  /// Hands out the next key that may run at `now`. The caller must end with finish().
  std::optional<Taken> take(SteadyTime now);

  /// The run of a taken key is over.
  /// - success: its failures are forgotten; it runs again at `again_at`, if given, or by an add.
  void finish(const Key& key, std::optional<SteadyTime> again_at, SteadyTime now);

  /// - failure: it runs again after a back-off. Returns the wait.
  std::chrono::milliseconds finish_failed(const Key& key, const Failure& failure, SteadyTime now);

  /// When take() could next hand out something that it cannot now; nullopt: only after an add.
  [[nodiscard]] std::optional<SteadyTime> next_due() const;

  /// Keys ready to run (not the delayed, not the handed-out ones).
  [[nodiscard]] std::size_t depth() const;

  [[nodiscard]] std::size_t delayed() const { return delayed_.size(); }

  [[nodiscard]] std::size_t running() const { return running_; }

  /// Keys remembered for any reason: wanted, handed out or failing.
  [[nodiscard]] std::size_t known() const { return keys_.size(); }

  /// Failures in a row of a key.
  [[nodiscard]] unsigned failures(const Key& key) const;

 private:
  /// Everything known of a key that is queued, delayed, handed out or failing.
  struct State {
    bool running = false;
    std::optional<SteadyTime> due;  ///< when wanted; unset: not wanted
    std::uint64_t ticket = 0;       ///< place among the ready ones; 0: not there
    SteadyTime ready_since;
    Priority priority = Priority::kInitial;
    unsigned failures = 0;
    SteadyTime not_before = SteadyTime::min();
  };

  using Keys = std::map<Key, State>;
  using Ready = std::map<std::uint64_t, Keys::iterator>;

  void want(Keys::iterator it, SteadyTime due, SteadyTime now);
  void place(Keys::iterator it, SteadyTime due, SteadyTime now);
  void displace(Keys::iterator it);
  void end_run(Keys::iterator it, SteadyTime now);
  void ripen(SteadyTime now);
  Ready* pick(SteadyTime now);

  Ready& ready(Priority priority) { return priority == Priority::kLive ? live_ : initial_; }

  QueueOptions options_;
  Random random_;
  Keys keys_;
  Ready live_;
  Ready initial_;
  std::multimap<SteadyTime, Keys::iterator> delayed_;
  std::uint64_t tickets_ = 0;
  unsigned live_in_a_row_ = 0;
  std::size_t running_ = 0;
};

}  // namespace stagekeeper::runtime
