#include "promotion/status_view.h"

#include "fixtures.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)
using nlohmann::json;
using std::chrono::hours;

namespace {

/// The patch that shows a decision on an object with that status; null when none is needed.
json patch_of(const World& world, const Decision& decision, const json& status = json::object(),
              TimePoint now = at(hours(1))) {
  const std::string object = json{{"metadata", {{"name", "r"}}}, {"status", status}}.dump();
  const std::string text = request_status_patch(world.request, decision, object, now).value();
  return text.empty() ? json() : json::parse(text);
}

/// The status after the patch.
json shown(const World& world, const Decision& decision, json status = json::object(),
           TimePoint now = at(hours(1))) {
  const json patch = patch_of(world, decision, status, now);
  if (!patch.is_null()) status.merge_patch(patch["status"]);
  return status;
}

json condition_of(const json& status, const std::string& type) {
  for (const json& each : status["conditions"]) {
    if (each["type"] == type) return each;
  }
  return {};
}

}  // namespace

TEST_CASE("status: a patch names the object it was computed for, down to its version") {
  World w = ready_to_promote();
  w.request.meta.resource_version = "77";
  const json patch = patch_of(w, decide(w));
  CHECK(patch["metadata"]["uid"] == w.request.meta.uid);
  CHECK(patch["metadata"]["resourceVersion"] == "77");
}

TEST_CASE("status: what is shown already needs no patch, however much later") {
  const World w = ready_to_promote();
  const Decision d = decide(w);
  const json status = shown(w, d);
  CHECK(status["phase"] == "Recording");
  CHECK(patch_of(w, d, status, at(hours(9))).is_null());
  for (const char* field : {"phase", "gates", "approvals", "review", "decisionDigest", "conditions",
                            "observedGeneration", "summary", "to"}) {
    CAPTURE(field);
    json wiped = status;
    wiped.erase(field);
    CHECK(shown(w, d, wiped, at(hours(1))) == status);
  }
  json of_others = status;
  of_others["theirs"] = 1;
  CHECK(patch_of(w, d, of_others).is_null());
}

TEST_CASE("status: a condition keeps its time until its status changes") {
  World w = ready_to_promote();
  const Decision d = decide(w);
  const json before = shown(w, d, json::object(), at(hours(1)));
  Decision other = d;
  other.message = "something else";
  json after = shown(w, other, before, at(hours(2)));
  CHECK(condition_of(after, "Ready")["message"] == "something else");
  CHECK(condition_of(after, "Ready")["lastTransitionTime"] == format_time(at(hours(1))));
  other.phase = Phase::kPromoted;
  after = shown(w, other, before, at(hours(2)));
  CHECK(condition_of(after, "Ready")["status"] == "True");
  CHECK(condition_of(after, "Ready")["lastTransitionTime"] == format_time(at(hours(2))));
  CHECK(condition_of(after, "GatesPassed")["lastTransitionTime"] == format_time(at(hours(1))));
}

TEST_CASE("status: each way a request can stand, in the conditions that tools look at") {
  struct Row {
    Phase phase;
    const char* ready;
    bool reconciling;
    bool stalled;
  };

  const Row rows[] = {
      {Phase::kPending, "Unknown", true, false},
      {Phase::kEvaluating, "Unknown", true, false},
      {Phase::kAwaitingApproval, "False", true, false},
      {Phase::kRecording, "Unknown", true, false},
      {Phase::kRollingOut, "Unknown", true, false},
      {Phase::kPromoted, "True", false, false},
      {Phase::kBlocked, "False", false, true},
      {Phase::kRejected, "False", false, true},
      {Phase::kExpired, "False", false, true},
      {Phase::kRolledBack, "False", false, true},
      {Phase::kAborted, "False", false, true},
      {Phase::kErrored, "False", false, true},
  };
  for (const Row& row : rows) {
    CAPTURE(name(row.phase));
    Decision d;
    d.phase = row.phase;
    d.reason = "Because";
    const json status = shown(ready_to_promote(), d);
    CHECK(condition_of(status, "Ready")["status"] == row.ready);
    CHECK(condition_of(status, "Reconciling").is_null() != row.reconciling);
    CHECK(condition_of(status, "Stalled").is_null() != row.stalled);
    CHECK(status.contains("finishedAt") == is_terminal(row.phase));
  }
}

TEST_CASE("status: gates are counted, and an advisory one does not fail them all") {
  World w = ready_to_promote();
  Decision d = decide(w);
  REQUIRE(d.gates.size() >= 2);
  CHECK(condition_of(shown(w, d), "GatesPassed")["status"] == "True");
  d.gates[0].verdict = Verdict::kRunning;
  CHECK(condition_of(shown(w, d), "GatesPassed")["status"] == "Unknown");
  d.gates[0].verdict = Verdict::kFailed;
  CHECK(condition_of(shown(w, d), "GatesPassed")["status"] == "False");
  d.gates[0].spec.blocking = false;
  CHECK(condition_of(shown(w, d), "GatesPassed")["status"] == "True");
  const auto all = std::to_string(d.gates.size());
  CHECK(shown(w, d)["summary"]["gates"] == std::to_string(d.gates.size() - 1) + "/" + all);
}

TEST_CASE("status: what is awaited goes when nothing is") {
  const World w = ready_to_promote();
  Decision d;
  d.waiting_for = "audit store";
  const json status = shown(w, d);
  CHECK(status["summary"]["waitingFor"] == "audit store");
  d.waiting_for.clear();
  CHECK_FALSE(shown(w, d, status)["summary"].contains("waitingFor"));
}

TEST_CASE("status: is bounded, whatever others write, and stays UTF-8") {
  const World w = ready_to_promote();
  Decision d = decide(w);
  d.message = std::string(1999, 'x') + "\u00e9";  // the second byte of é would be number 2001
  d.approvals.assign(100, d.approvals[0]);
  d.records.assign(100, RecordFact{});
  d.gates[0].message = std::string(5000, 'y');
  const json status = shown(w, d);
  CHECK(status["message"].get<std::string>() == std::string(1999, 'x'));
  CHECK(status["approvals"].size() == 64);
  CHECK(status["records"].size() == 16);
  CHECK(status["gates"][0]["message"].get<std::string>().size() == 1000);
}

TEST_CASE("status: an object that is no JSON is an error, not an empty status") {
  const World w = ready_to_promote();
  for (const char* object : {"", "[]", "{", "{\"status\":{}} x"}) {
    CAPTURE(object);
    CHECK_FALSE(request_status_patch(w.request, decide(w), object, w.now));
  }
}
