#include "runtime/watch_machine.h"

#include <doctest/doctest.h>

#include <vector>

using namespace stagekeeper;           // NOLINT(google-build-using-namespace)
using namespace stagekeeper::runtime;  // NOLINT(google-build-using-namespace)
using kube::WatchEvent;
using kube::WatchEventType;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr milliseconds kLong = std::chrono::minutes(5);

WatchEvent event(WatchEventType type, const std::string& version) {
  WatchEvent out;
  out.type = type;
  out.resource_version = version;
  return out;
}

WatchEvent error_event(ErrorCode code) {
  WatchEvent out;
  out.type = WatchEventType::kError;
  out.error = Error{code, "told by the server"};
  return out;
}

Status broken(ErrorCode code = ErrorCode::kUnavailable) {
  return fail(code, "broken");
}

/// A machine whose jitter is in the middle.
WatchMachine machine() {
  return WatchMachine(WatchOptions{}, [] { return 0.5; });
}

/// A machine that watches from version 100.
WatchMachine watching() {
  WatchMachine m = machine();
  (void)m.page("100", "");
  return m;
}

/// An event of which the caller has taken care.
EventAction take(WatchMachine& m, const WatchEvent& event) {
  const EventAction action = m.event(event);
  if (action == EventAction::kApply || action == EventAction::kRemove) m.delivered();
  return action;
}

std::string resumes_from(const WatchStep& step) {
  const auto* start = std::get_if<StartWatch>(&step);
  return start == nullptr ? "" : start->resource_version;
}

bool lists(const WatchStep& step) {
  const auto* page = std::get_if<ListPage>(&step);
  return page != nullptr && page->continue_token.empty();
}

milliseconds wait_of(const WatchStep& step) {
  const auto* pause = std::get_if<Pause>(&step);
  return pause == nullptr ? milliseconds(-1) : pause->duration;
}

}  // namespace

TEST_CASE("watch machine: lists in pages, then watches from the first page's version") {
  WatchMachine m = machine();
  CHECK(lists(m.start()));
  CHECK(m.page("100", "token-1") == WatchStep(ListPage{"token-1", 100}));
  CHECK(m.page("105", "token-2") == WatchStep(ListPage{"token-2", 100}));
  CHECK(m.page("110", "") == WatchStep(StartWatch{"100", seconds(450)}));
}

TEST_CASE("watch machine: asks for a random time between 300 and 600 seconds") {
  for (const double random : {0.0, 0.25, 0.999}) {
    CAPTURE(random);
    WatchMachine m(WatchOptions{}, [random] { return random; });
    const auto step = std::get<StartWatch>(m.page("1", ""));
    CHECK(step.timeout >= seconds(300));
    CHECK(step.timeout <= seconds(600));
  }
}

TEST_CASE("watch machine: resumes from the last event or bookmark") {
  WatchMachine m = watching();
  CHECK(take(m, event(WatchEventType::kAdded, "101")) == EventAction::kApply);
  CHECK(take(m, event(WatchEventType::kModified, "102")) == EventAction::kApply);
  CHECK(resumes_from(m.stream_ended({}, kLong)) == "102");
  CHECK(take(m, event(WatchEventType::kDeleted, "103")) == EventAction::kRemove);
  CHECK(take(m, event(WatchEventType::kBookmark, "150")) == EventAction::kNone);
  CHECK(resumes_from(m.stream_ended({}, milliseconds(1))) == "150");
  CHECK(m.failures() == 0);
}

TEST_CASE("watch machine: how a stream ends decides between resuming and listing again") {
  struct Row {
    const char* what;
    std::vector<WatchEvent> events;
    Status how;
    milliseconds ran_for;
    std::string resume;  // empty: a new list
    milliseconds min_wait;
    milliseconds max_wait;
  };

  const auto added = event(WatchEventType::kAdded, "101");
  Error patient{ErrorCode::kThrottled, "slow down", seconds(9)};
  WatchEvent patient_event = error_event(ErrorCode::kThrottled);
  patient_event.error->retry_after = seconds(9);
  const Row rows[] = {
      {"idle timeout", {}, broken(), seconds(90), "100", seconds(0), seconds(1)},
      {"broken after an event",
       {added},
       broken(),
       seconds(9),
       "101",
       milliseconds(500),
       seconds(1)},
      {"ended at once", {}, {}, milliseconds(3), "100", milliseconds(500), seconds(1)},
      {"410 as status", {}, broken(ErrorCode::kGone), seconds(0), "", seconds(0), seconds(0)},
      {"410 in the stream",
       {added, error_event(ErrorCode::kGone)},
       {},
       kLong,
       "",
       seconds(0),
       seconds(0)},
      {"other error in the stream",
       {error_event(ErrorCode::kUnavailable)},
       {},
       kLong,
       "",
       milliseconds(500),
       seconds(1)},
      {"error with patience", {patient_event}, {}, kLong, "", seconds(9), seconds(10)},
      {"429", {}, tl::unexpected<Error>(patient), seconds(0), "100", seconds(9), seconds(10)},
      {"400", {}, broken(ErrorCode::kInvalid), seconds(0), "", milliseconds(500), seconds(1)},
      {"403", {}, broken(ErrorCode::kDenied), seconds(0), "100", milliseconds(500), seconds(1)},
      {"event without version",
       {event(WatchEventType::kAdded, "")},
       {},
       kLong,
       "",
       milliseconds(500),
       seconds(1)},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    WatchMachine m = watching();
    for (const auto& e : row.events)
      (void)take(m, e);
    const WatchStep pause = m.stream_ended(row.how, row.ran_for);
    CHECK(wait_of(pause) >= row.min_wait);
    CHECK(wait_of(pause) <= row.max_wait);
    const WatchStep next = m.waited();
    if (row.resume.empty()) {
      CHECK(lists(next));
    } else {
      CHECK(resumes_from(next) == row.resume);
    }
  }
}

TEST_CASE("watch machine: a line that cannot be read stops the stream and lists again") {
  WatchMachine m = watching();
  CHECK(m.garbage() == EventAction::kStop);
  CHECK(wait_of(m.stream_ended({}, kLong)) >= milliseconds(500));
  CHECK(lists(m.waited()));
  // And the next stream starts clean.
  (void)m.page("200", "");
  CHECK(resumes_from(m.stream_ended({}, kLong)) == "200");
  WatchEvent patient = error_event(ErrorCode::kThrottled);
  patient.error->retry_after = seconds(9);
  (void)m.event(patient);
  CHECK(wait_of(m.stream_ended({}, kLong)) >= seconds(9));
  (void)m.page("300", "");
  (void)m.garbage();
  CHECK(wait_of(m.stream_ended({}, kLong)) < seconds(9));
}

TEST_CASE("watch machine: a server that keeps saying 410 is listed ever more slowly") {
  WatchMachine m = watching();
  std::vector<milliseconds> waits;
  for (int i = 0; i < 8; ++i) {
    waits.push_back(wait_of(m.stream_ended(broken(ErrorCode::kGone), milliseconds(1))));
    CHECK(lists(m.waited()));
    (void)m.page("100", "");
  }
  CHECK(waits.front() == milliseconds(0));
  CHECK(waits.at(1) >= milliseconds(750));
  CHECK(waits.back() >= seconds(15));
  CHECK(waits.back() <= seconds(30));
}

TEST_CASE("watch machine: a server that comes back without its history is listed at once") {
  WatchMachine m = watching();
  (void)m.stream_ended(broken(), milliseconds(1));
  (void)m.waited();
  (void)m.event(error_event(ErrorCode::kGone));
  CHECK(wait_of(m.stream_ended({}, milliseconds(1))) == milliseconds(0));
  CHECK(lists(m.waited()));
}

TEST_CASE("watch machine: waits double to 30 s and an event resets them") {
  WatchMachine m = watching();
  milliseconds last{0};
  for (int i = 0; i < 7; ++i) {
    last = wait_of(m.stream_ended(broken(), milliseconds(1)));
    CHECK(last <= seconds(30));
    CHECK(resumes_from(m.waited()) == "100");
  }
  CHECK(last >= seconds(15));
  (void)take(m, event(WatchEventType::kAdded, "101"));
  CHECK(wait_of(m.stream_ended(broken(), milliseconds(1))) <= seconds(1));
}

TEST_CASE("watch machine: a list that fails half-way begins from its first page") {
  struct Row {
    const char* what;
    ErrorCode code;
    milliseconds max_wait;
  };

  for (const Row& row : {Row{"token expired", ErrorCode::kGone, milliseconds(0)},
                         Row{"network", ErrorCode::kUnavailable, seconds(1)},
                         Row{"no right", ErrorCode::kDenied, seconds(1)},
                         Row{"no such kind yet", ErrorCode::kNotFound, seconds(1)}}) {
    CAPTURE(row.what);
    WatchMachine m = machine();
    (void)m.page("100", "token");
    CHECK(wait_of(m.list_failed(Error{row.code, "no"})) <= row.max_wait);
    CHECK(lists(m.waited()));
    CHECK(resumes_from(m.page("300", "")) == "300");
  }
  WatchMachine m = machine();
  CHECK(wait_of(m.page("", "")) >= milliseconds(0));
  CHECK(lists(m.waited()));
}

TEST_CASE("watch machine: streams that never bring even a bookmark end in a new list") {
  WatchMachine m = watching();
  CHECK(resumes_from(m.stream_ended({}, kLong)) == "100");
  CHECK(resumes_from(m.stream_ended({}, kLong)) == "100");
  CHECK(wait_of(m.stream_ended({}, kLong)) == milliseconds(0));
  CHECK(lists(m.waited()));
}

TEST_CASE("watch machine: Retry-After is bounded") {
  WatchMachine m = watching();
  const auto wait = wait_of(
      m.stream_ended(tl::unexpected<Error>(Error{ErrorCode::kThrottled, "", std::chrono::hours(9)}),
                     milliseconds(1)));
  CHECK(wait <= std::chrono::minutes(6));
}

TEST_CASE("watch machine: an event that was not taken care of is asked for again") {
  for (const WatchEventType type : {WatchEventType::kModified, WatchEventType::kDeleted}) {
    WatchMachine m = watching();
    (void)take(m, event(WatchEventType::kAdded, "101"));
    (void)m.event(event(type, "102"));
    CHECK(wait_of(m.stream_ended(broken(), milliseconds(1))) > milliseconds(0));
    CHECK(resumes_from(m.waited()) == "101");
    CHECK(take(m, event(type, "102")) != EventAction::kStop);
    CHECK(resumes_from(m.stream_ended({}, kLong)) == "102");
  }
}

TEST_CASE("watch machine: a place from which every stream fails is given up for a new list") {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kThrottled, ErrorCode::kDenied,
                               ErrorCode::kTooLarge, ErrorCode::kNotFound}) {
    CAPTURE(name(code));
    WatchMachine m = watching();
    for (int i = 0; i < 7; ++i) {
      (void)m.stream_ended(broken(code), milliseconds(1));
      REQUIRE(resumes_from(m.waited()) == "100");
    }
    CHECK(wait_of(m.stream_ended(broken(code), milliseconds(1))) >= seconds(15));
    CHECK(lists(m.waited()));
    CHECK(resumes_from(m.page("50", "")) == "50");
  }
  // One event proves the place.
  WatchMachine m = watching();
  for (int i = 0; i < 20; ++i) {
    (void)take(m, event(WatchEventType::kAdded, "101"));
    (void)m.stream_ended(broken(), milliseconds(1));
    CHECK(resumes_from(m.waited()) == "101");
  }
}

TEST_CASE("watch machine: a page too large is asked for again with half the objects") {
  const Error too_large{ErrorCode::kTooLarge, "answer too large"};
  WatchMachine m = machine();
  CHECK(m.list_failed(too_large) == WatchStep(ListPage{"", 50}));
  CHECK(m.page("100", "t1") == WatchStep(ListPage{"t1", 50}));
  CHECK(m.list_failed(too_large) == WatchStep(ListPage{"t1", 25}));
  for (int limit = 12; limit >= 1; limit /= 2)
    CHECK(m.list_failed(too_large) == WatchStep(ListPage{"t1", limit}));
  // A single object: all that is left is to wait until somebody makes it smaller.
  CHECK(wait_of(m.list_failed(too_large)) >= milliseconds(500));
  CHECK(lists(m.waited()));
}

TEST_CASE("watch machine: a list that expires before its end goes on in larger pages") {
  WatchMachine m = machine();
  (void)m.page("100", "t1");
  (void)m.list_failed(Error{ErrorCode::kGone, "token expired"});
  CHECK(m.waited() == WatchStep(ListPage{"", 400}));
  (void)m.page("101", "");
  (void)m.garbage();
  (void)m.stream_ended({}, kLong);
  CHECK(m.waited() == WatchStep(ListPage{"", 100}));
}

TEST_CASE("watch machine: a page that leads to itself ends the list") {
  WatchMachine m = machine();
  (void)m.page("100", "t1");
  CHECK(wait_of(m.page("100", "t1")) >= milliseconds(0));
  CHECK(lists(m.waited()));
}
