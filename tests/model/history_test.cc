#include "model/history.h"

#include "model/record.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace stagekeeper;

namespace {

TimePoint at_minute(std::uint64_t minute) {
  return TimePoint(std::chrono::minutes(minute));
}

VersionRef version(const std::string& number, const std::string& bytes = "a") {
  return {.version = number, .digest = "sha256:" + bytes + number, .stage = "Production"};
}

/// A log that numbers what is added and dates it by the minute.
struct Log {
  std::shared_ptr<HistoryLog> log = HistoryLog::create();
  std::uint64_t head = 0;

  std::uint64_t add(RecordContent content) {
    RecordFact fact;
    static_cast<RecordContent&>(fact) = std::move(content);
    fact.effect = effect_of(fact);
    fact.sequence = ++head;
    fact.digest = "digest-" + std::to_string(head);
    fact.time = at_minute(head);
    log->append(std::move(fact));
    return head;
  }

  std::uint64_t add(RecordKind kind, const std::string& request, std::uint64_t of = 0) {
    return add({.kind = kind,
                .request = {.name = request, .uid = "uid-" + request, .spec_digest = "spec"},
                .to = version("1"),
                .of = of});
  }

  [[nodiscard]] History snapshot() const { return log->snapshot(); }
};

std::vector<std::uint64_t> sequences(const std::vector<const RecordFact*>& facts) {
  std::vector<std::uint64_t> out;
  for (const RecordFact* fact : facts)
    out.push_back(fact->sequence);
  return out;
}

using Numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("history: an empty one knows nothing") {
  const History none;
  CHECK(none.empty());
  CHECK(none.head_digest().empty());
  CHECK(none.at(0) == nullptr);
  CHECK(none.at(1) == nullptr);
  CHECK(none.of_request("x").empty());
  CHECK(none.open_intent() == nullptr);
  CHECK(none.end_of(1) == nullptr);
  CHECK(none.serving() == nullptr);
  CHECK(none.applied().empty());
  CHECK(none.last_pin() == nullptr);
  CHECK(none.moves_of("1", "").empty());
  CHECK(none.digest_of_number("1").empty());
  CHECK(none.targets().empty());
  CHECK(none.conclusion({.name = "a", .uid = "b", .spec_digest = "c"}) == nullptr);
  CHECK(none.concluded_since(Effect::kNone, {}) == 0);
  CHECK(Log().snapshot().empty());
}

TEST_CASE("history: a snapshot stays as it was while the log grows") {
  Log log;
  log.add(RecordKind::kGenesis, "");
  log.add(RecordKind::kIntent, "r");  // 2
  const History early = log.snapshot();
  const RecordFact* intent = early.at(2);
  log.add(RecordKind::kApplied, "r", 2);  // 3
  for (int i = 0; i < 2000; ++i)
    log.add(RecordKind::kGenesis, "");
  log.add({.kind = RecordKind::kDecided, .targets = {"eu"}});
  log.add({.kind = RecordKind::kConcluded,
           .request = {.name = "r", .uid = "uid-r", .spec_digest = "spec"},
           .moves = {{.version = version("7"), .from = "None"}}});

  CHECK(early.head_sequence() == 2);
  CHECK(early.head_digest() == "digest-2");
  CHECK(early.at(3) == nullptr);
  CHECK(early.at(2) == intent);
  CHECK(early.open_intent() == intent);
  CHECK(early.end_of(2) == nullptr);
  CHECK(early.serving() == nullptr);
  CHECK(early.targets().empty());
  CHECK(early.moves_of("7", "").empty());
  CHECK(early.digest_of_number("7").empty());
  CHECK(early.conclusion({.uid = "uid-r"}) == nullptr);
  CHECK(early.concluded_since(Effect::kStage, {}) == 0);
  CHECK(sequences(early.of_request("uid-r")) == Numbers{2});

  const History late = log.snapshot();
  CHECK(late.open_intent() == nullptr);
  CHECK(late.end_of(2)->sequence == 3);
  CHECK(late.at(2) == intent);
  CHECK(late.serving()->sequence == 3);
  CHECK(late.targets() == std::vector<std::string>{"eu"});
  CHECK(late.moves_of("7", version("7").digest).size() == 1);
}

TEST_CASE("history: a request created again under its name does not run again") {
  Log log;
  log.add(RecordKind::kGenesis, "");
  log.add(RecordKind::kConcluded, "r");  // 2
  const History history = log.snapshot();

  struct Row {
    const char* what;
    RequestRef request;
    bool ended;
  };

  const Row rows[] = {
      {"itself", {.name = "r", .uid = "uid-r", .spec_digest = "spec"}, true},
      {"by uid alone", {.uid = "uid-r"}, true},
      {"created again", {.name = "r", .uid = "uid-2", .spec_digest = "spec"}, true},
      {"created again, asking otherwise", {.name = "r", .uid = "uid-2", .spec_digest = "x"}, false},
      {"another name", {.name = "s", .uid = "uid-2", .spec_digest = "spec"}, false},
      {"nameless", {.uid = "uid-2", .spec_digest = "spec"}, false},
      {"without a digest", {.name = "r", .uid = "uid-2"}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK((history.conclusion(row.request) != nullptr) == row.ended);
  }
}

TEST_CASE("history: tells what is open, what serves and what concerned a pin last") {
  Log log;
  log.add(RecordKind::kGenesis, "");        // 1
  log.add(RecordKind::kIntent, "a");        // 2
  log.add(RecordKind::kAborted, "a", 2);    // 3
  log.add(RecordKind::kIntent, "b");        // 4
  log.add(RecordKind::kApplied, "b", 4);    // 5
  log.add(RecordKind::kKeyRotation, "");    // 6
  log.add(RecordKind::kIntent, "c");        // 7
  log.add(RecordKind::kAbandoned, "c", 7);  // 8
  log.add(RecordKind::kObjectAdopted, "");  // 9
  const History history = log.snapshot();
  CHECK(history.open_intent() == nullptr);
  CHECK(history.end_of(2)->kind == RecordKind::kAborted);
  CHECK(history.end_of(7)->kind == RecordKind::kAbandoned);
  CHECK(history.serving()->sequence == 5);
  CHECK(sequences(history.applied()) == Numbers{5});
  CHECK(history.last_pin()->sequence == 8);
  CHECK(history.last_pin(7)->sequence == 5);
  CHECK(history.last_pin(2) == nullptr);
  CHECK(history.last_of(RecordKind::kIntent, "uid-c")->sequence == 7);
  CHECK(history.last_of(RecordKind::kApplied, "uid-c") == nullptr);
}

TEST_CASE("history: other bytes under a used number are another version") {
  Log log;
  log.add(RecordKind::kGenesis, "");
  log.add({.kind = RecordKind::kGateResult, .to = version("5", "a")});
  log.add({.kind = RecordKind::kConcluded,
           .request = {.uid = "1"},
           .moves = {{.version = version("5", "a")}, {.version = version("4")}}});
  log.add({.kind = RecordKind::kConcluded,
           .request = {.uid = "2"},
           .moves = {{.version = version("5", "b")}}});
  const History history = log.snapshot();
  CHECK(history.digest_of_number("5") == version("5", "a").digest);
  CHECK(history.digest_of_number("9").empty());
  CHECK(sequences(history.moves_of("5", "")) == Numbers{3, 4});
  CHECK(sequences(history.moves_of("5", version("5", "a").digest)) == Numbers{3});
  CHECK(sequences(history.moves_of("5", version("5", "b").digest)) == Numbers{4});
  CHECK(history.moves_of("4", version("5", "a").digest).empty());
}

TEST_CASE("history: counts what a requester caused without a gate having run") {
  Log log;
  log.add(RecordKind::kGenesis, "");      // minute 1
  log.add(RecordKind::kConcluded, "a");   // 2
  log.add(RecordKind::kGateResult, "b");  // 3
  log.add(RecordKind::kConcluded, "b");   // 4: gates ran
  log.add(RecordKind::kConcluded, "c");   // 5
  log.add({.kind = RecordKind::kConcluded,
           .request = {.uid = "uid-d"},
           .moves = {{.version = version("5")}}});  // 6
  const History history = log.snapshot();
  CHECK(history.concluded_since(Effect::kNone, at_minute(0)) == 2);
  CHECK(history.concluded_since(Effect::kNone, at_minute(2)) == 1);
  CHECK(history.concluded_since(Effect::kNone, at_minute(5)) == 0);
  CHECK(history.concluded_since(Effect::kStage, at_minute(0)) == 1);
}

TEST_CASE("history: targets are those that decisions ever named, sorted") {
  Log log;
  log.add(RecordKind::kGenesis, "");
  log.add({.kind = RecordKind::kDecided, .targets = {"eu", "us"}});
  log.add({.kind = RecordKind::kDecided, .targets = {"asia", "eu"}});
  CHECK(log.snapshot().targets() == std::vector<std::string>{"asia", "eu", "us"});
}

TEST_CASE("history: readers see whole records while another thread appends") {
  constexpr std::uint64_t kRecords = 300;
  Log log;
  log.add(RecordKind::kGenesis, "");
  std::atomic<bool> done = false;
  std::atomic<bool> sound = true;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        do {
          const History history = log.snapshot();
          const std::uint64_t head = history.head_sequence();
          const RecordFact* last = history.at(head);
          const bool good = last != nullptr && last->sequence == head &&
                            history.head_digest() == "digest-" + std::to_string(head) &&
                            history.of_request("uid-r").size() == head - 1 &&
                            (head < 2 || history.last_pin()->sequence == head);
          if (!good) sound = false;
          std::this_thread::yield();
        } while (!done);
      });
    }
    while (log.head < kRecords)
      log.add(RecordKind::kIntent, "r");
    done = true;
  }
  CHECK(sound);
  CHECK(log.snapshot().head_sequence() == kRecords);
}
