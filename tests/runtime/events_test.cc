#include "runtime/events.h"

#include "tests/fakes/fake_api.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <thread>

using namespace stagekeeper;           // NOLINT(google-build-using-namespace)
using namespace stagekeeper::runtime;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const kube::ResourceType kEvents{"events.k8s.io", "v1", "events", "Event", true};

EventDraft draft(const std::string& note = "3 of 3 gates passed") {
  EventDraft out;
  out.regarding = {{"stagekeeper.dev", "v1alpha1", "promotionrequests", "PromotionRequest", true},
                   {"credit", "promote-2"},
                   "uid-1"};
  out.reason = "GatesPassed";
  out.action = "Evaluate";
  out.note = note;
  return out;
}

struct Bench {
  explicit Bench(milliseconds flush_for = seconds(2)) : flush(flush_for) {}

  milliseconds flush;
  fakes::FakeApi api;
  SystemClock clock;
  Metrics metrics;
  EventRecorder recorder{{"stagekeeper.dev/operator", "stagekeeper-0"},
                         {api, clock, metrics},
                         {.max_queued = 4, .retry_wait = milliseconds(5), .flush = flush}};

  bool counts(const std::string& result, int times) {
    return metrics.text().find("events_total{result=\"" + result + "\"} " +
                               std::to_string(times)) != std::string::npos;
  }
};

}  // namespace

TEST_CASE("event log: repeats within ten minutes are one Event with a count") {
  EventLog log;
  SteadyTime now{std::chrono::hours(1)};
  const auto first = log.plan(draft(), "aa", now);
  CHECK(first.kind == EventPlan::Kind::kCreate);
  CHECK(first.name == "promote-2.aa");
  const auto second = log.plan(draft(), "bb", now += seconds(1));
  CHECK(second.kind == EventPlan::Kind::kPatchSeries);
  CHECK(second.name == first.name);
  CHECK(second.count == 2);
  for (int i = 3; i < 50; ++i) {
    CHECK(log.plan(draft(), "cc", now += seconds(1)).kind == EventPlan::Kind::kMerge);
  }
  const auto later = log.plan(draft(), "dd", now += seconds(30));
  CHECK(later.kind == EventPlan::Kind::kPatchSeries);
  CHECK(later.count == 50);
  const auto much_later = log.plan(draft(), "ee", now += minutes(11));
  CHECK(much_later.kind == EventPlan::Kind::kCreate);
  CHECK(much_later.name == "promote-2.ee");
  for (int i = 0; i < 5; ++i) {  // the ten minutes count from the last repeat
    CHECK(log.plan(draft(), "xx", now += minutes(6)).name == much_later.name);
  }
  log.forget(draft());
  CHECK(log.plan(draft(), "ff", now).kind == EventPlan::Kind::kCreate);
}

TEST_CASE("event log: what differs in anything people see is another Event") {
  struct Row {
    const char* what;
    void (*spoil)(EventDraft&);
  };

  for (const Row& row : {Row{"note", [](EventDraft& d) { d.note = "2 of 3"; }},
                         Row{"reason", [](EventDraft& d) { d.reason = "Blocked"; }},
                         Row{"action", [](EventDraft& d) { d.action = "Pin"; }},
                         Row{"type", [](EventDraft& d) { d.type = EventType::kWarning; }},
                         Row{"object", [](EventDraft& d) { d.regarding.key.name = "other"; }},
                         Row{"uid", [](EventDraft& d) { d.regarding.uid = "uid-2"; }}}) {
    CAPTURE(row.what);
    EventLog log;
    const SteadyTime now{std::chrono::hours(1)};
    (void)log.plan(draft(), "aa", now);
    EventDraft other = draft();
    row.spoil(other);
    CHECK(log.plan(other, "bb", now).kind == EventPlan::Kind::kCreate);
  }
}

TEST_CASE("event log: remembers a bounded number") {
  EventLog log;
  SteadyTime now{std::chrono::hours(1)};
  for (int i = 0; i < 3000; ++i) {
    (void)log.plan(draft(std::to_string(i)), "aa", now += milliseconds(1));
  }
  CHECK(log.plan(draft("2999"), "bb", now).kind == EventPlan::Kind::kPatchSeries);
  CHECK(log.plan(draft("0"), "bb", now).kind == EventPlan::Kind::kCreate);
}

TEST_CASE("event: has the fields that the API demands, within its limits") {
  EventDraft d = draft(std::string(1023, 'x') + "\xC3\xA9 and more");
  d.type = EventType::kWarning;
  d.reason = std::string(200, 'R');
  const TimePoint now = parse_time("2026-03-03T09:15:00Z").value();
  const json body = json::parse(event_body(d, {EventPlan::Kind::kCreate, "n.aa", 1},
                                           {"stagekeeper.dev/operator", "pod-0"}, now));
  CHECK(body["metadata"]["namespace"] == "credit");
  CHECK(body["eventTime"] == "2026-03-03T09:15:00.000000Z");
  CHECK(body["type"] == "Warning");
  CHECK(body["note"].get<std::string>() == std::string(1023, 'x'));  // not half an é
  CHECK(body["reason"].get<std::string>().size() == 128);
  CHECK(body["regarding"]["apiVersion"] == "stagekeeper.dev/v1alpha1");
  CHECK(body["regarding"]["uid"] == "uid-1");
  CHECK(body["reportingController"] == "stagekeeper.dev/operator");
  d.regarding.key.ns.clear();
  CHECK(event_namespace(d) == "default");
  d.regarding.key.name = std::string(199, 'n') + ".-tail";
  CHECK(EventLog().plan(d, "aa", SteadyTime{}).name == std::string(199, 'n') + ".aa");
}

TEST_CASE(
    "events: creates, counts repeats in the series, and begins anew when the Event aged out") {
  Bench b;
  b.recorder.start();
  b.recorder.record(draft());
  CHECK(b.api.eventually([&] { return b.api.count(kEvents) == 1; }));
  b.recorder.record(draft());
  CHECK(b.api.eventually([&] { return b.counts("repeated", 1); }));
  b.recorder.record(draft());
  CHECK(b.api.eventually([&] { return b.counts("merged", 1); }));
  CHECK(b.api.calls_with("PATCH") == 1);

  EventDraft other = draft("other");
  b.recorder.record(other);
  CHECK(b.api.eventually([&] { return b.api.count(kEvents) == 2; }));
  b.api.inject({"PATCH", Error{ErrorCode::kNotFound, "aged out"}, 1});
  b.recorder.record(other);
  CHECK(b.api.eventually([&] { return b.api.count(kEvents) == 3; }));
}

TEST_CASE("events: a lost answer does not make a second Event, a refusal is given up") {
  Bench b;
  b.recorder.start();
  b.api.inject({"POST", Error{ErrorCode::kUnavailable, "reset"}, 1, true});
  b.recorder.record(draft());
  CHECK(b.api.eventually([&] { return b.counts("created", 1); }));
  CHECK(b.api.count(kEvents) == 1);
  b.api.inject({"POST", Error{ErrorCode::kDenied, "namespace is terminating"}, 1});
  b.recorder.record(draft("refused"));
  CHECK(b.api.eventually([&] { return b.counts("failed", 1); }));
  CHECK(b.api.calls_with("POST") == 3);
  b.recorder.record(draft("refused"));
  CHECK(b.api.eventually([&] { return b.api.count(kEvents) == 2; }));
}

TEST_CASE("events: a full queue drops and never blocks, stopping writes what is left") {
  Bench b;
  std::atomic<bool> go{false};
  b.api.on_call([&](const std::string&) {
    while (!go)
      std::this_thread::sleep_for(milliseconds(1));
  });
  b.recorder.start();
  b.recorder.record(draft("0"));
  // One is in the hands of the thread, four wait, the others are dropped.
  std::this_thread::sleep_for(milliseconds(20));
  for (int i = 1; i <= 10; ++i)
    b.recorder.record(draft(std::to_string(i)));
  CHECK(b.counts("dropped", 6));
  go = true;
  b.recorder.stop();
  CHECK(b.api.count(kEvents) == 5);
}

TEST_CASE("events: stopping while a call hangs begins no other one after it") {
  for (const ErrorCode how : {ErrorCode::kUnavailable, ErrorCode::kNotFound, ErrorCode::kDenied}) {
    CAPTURE(name(how));
    Bench b(milliseconds(10));
    std::atomic<bool> go{false};
    std::atomic<bool> hangs{false};
    b.api.inject({"POST", Error{how, "hung up"}, 9});
    b.api.on_call([&](const std::string&) {
      hangs = true;
      while (!go)
        std::this_thread::sleep_for(milliseconds(1));
    });
    b.recorder.start();
    for (int i = 0; i < 4; ++i)
      b.recorder.record(draft(std::to_string(i)));
    REQUIRE(b.api.eventually([&] { return hangs.load(); }));
    std::jthread stopper([&] { b.recorder.stop(); });
    std::this_thread::sleep_for(milliseconds(30));
    go = true;
    stopper.join();
    CHECK(b.api.calls_with("POST") == 1);
    CHECK(b.counts("dropped", 3));
  }
}
