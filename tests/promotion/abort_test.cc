#include "fixtures.h"
#include "promotion/digests.h"

#include <doctest/doctest.h>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)

namespace {

/// Version 1 serves, every gate of 2 has passed, and people are asked.
Bench in_review() {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.pass_gates();
  return bench;
}

/// nina's request "stop" names this one, as its Concluded record says.
void stop(Bench& bench) {
  bench.append({.kind = LedgerKind::kModel, .name = "credit-risk"},
               {.kind = RecordKind::kConcluded,
                .model = "credit-risk",
                .request = {.name = "stop", .uid = "uid-stop"},
                .requester = {.username = "nina"},
                .action = "Abort",
                .code = EndCode::kStopped,
                .text = "the data was wrong",
                .aborts = {.name = bench.world.subject.request.meta.name,
                           .uid = bench.world.subject.request.meta.uid}});
}

/// An Abort that names another request.
Bench aborting() {
  Bench bench(RequestAction::kAbort, "");
  bench.world.subject.request.aborts = NamedRequest{.name = "to-2"};
  bench.world.aborted = OtherRequest{
      .ref = {.name = "to-2", .uid = "uid-to-2"}, .model = "credit-risk", .stage = "Production"};
  return bench;
}

}  // namespace

TEST_CASE("abort: a review ends, with who ended it and why") {
  Bench bench = in_review();
  REQUIRE(bench.run().phase == Phase::kAwaitingApproval);
  stop(bench);
  const Decision end = bench.run();
  CHECK(end.phase == Phase::kAborted);
  CHECK(end.reason == "Aborted");
  CHECK(end.message == "aborted by nina (request stop): the data was wrong");
  CHECK(bench.pinned("eu") == "1");
}

TEST_CASE("abort: what is approved afterwards changes nothing") {
  Bench bench = in_review();
  bench.approve();
  stop(bench);
  CHECK(bench.run().phase == Phase::kAborted);
  CHECK(bench.pinned("eu") == "1");
}

TEST_CASE("abort: an open rollout puts the pins back, wherever it is") {
  for (int rounds = 1; rounds < 5; ++rounds) {
    CAPTURE(rounds);
    Bench bench = in_review();
    bench.approve();
    bench.rolls = false;
    for (int i = 0; i < rounds; ++i)
      bench.round();
    REQUIRE_FALSE(bench.world.conclusion);
    stop(bench);
    bench.rolls = true;
    const Decision end = bench.run();
    const bool ended = end.phase == Phase::kAborted || end.phase == Phase::kRolledBack;
    CHECK(ended);
    CHECK(end.message.find("aborted by nina") != std::string::npos);
    CHECK(bench.pinned("eu") == "1");
    CHECK(bench.pinned("us") == "1");
    CHECK(bench.ledger("eu").open_intent() == nullptr);
    // Decided, and nothing begun yet: nothing begins.
    if (rounds == 1) {
      CHECK(end.phase == Phase::kAborted);
      CHECK(bench.ledger("eu").of_request(bench.world.subject.request.meta.uid).empty());
    }
  }
}

TEST_CASE("abort: what has ended stays as it is") {
  Bench bench = in_review();
  bench.approve();
  REQUIRE(bench.run().phase == Phase::kPromoted);
  stop(bench);
  CHECK(bench.run().phase == Phase::kPromoted);
  CHECK(bench.pinned("eu") == "2");
}

TEST_CASE("abort: it is recorded by whoever has the verb, and names the request by uid") {
  Bench bench = aborting();
  const Decision first = bench.round();
  CHECK(bench.asked.size() == 1);
  CHECK(bench.asked.front().verb == "abort");
  const RecordContent* record = appends(first, RecordKind::kConcluded);
  REQUIRE(record != nullptr);
  CHECK(record->code == EndCode::kStopped);
  CHECK(record->aborts.uid == "uid-to-2");
  CHECK(record->moves.empty());
  CHECK(bench.run().phase == Phase::kPromoted);
  CHECK(bench.world.model_ledger.stop_of("uid-to-2") != nullptr);
  CHECK(bench.world.model_ledger.stop_of("uid-other") == nullptr);
}

TEST_CASE("abort: what it may not, or cannot, end is named and left alone") {
  struct Row {
    const char* what;
    void (*spoil)(Bench&);
    const char* reason;
  };

  const Row rows[] = {
      {"no such request", [](Bench& b) { b.world.aborted.reset(); }, "NotAborted"},
      {"another one of that name",
       [](Bench& b) { b.world.subject.request.aborts->uid = "uid-earlier"; }, "NotAborted"},
      {"another stage, for which another right is needed",
       [](Bench& b) { b.world.aborted->stage = "Staging"; }, "NotAborted"},
      {"another model", [](Bench& b) { b.world.aborted->model = "other"; }, "NotAborted"},
      {"a rollback", [](Bench& b) { b.world.aborted->action = RequestAction::kRollback; },
       "NotAborted"},
      {"an abort", [](Bench& b) { b.world.aborted->action = RequestAction::kAbort; }, "NotAborted"},
      {"no right", [](Bench& b) { b.without_right = {b.world.subject.request.requester.username}; },
       "RequesterNotAuthorized"},
      {"no policy", [](Bench& b) { b.world.subject.policy.reset(); }, "PolicyMissing"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench = aborting();
    row.spoil(bench);
    CHECK(bench.run().reason == row.reason);
    CHECK(bench.world.model_ledger.stop_of("uid-to-2") == nullptr);
  }
}

TEST_CASE("abort: it waits for no admission policy, and its record tells") {
  Bench bench = aborting();
  bench.admission = {.proof = AdmissionState::Proof::kBroken, .message = "a forgery passed"};
  const Decision first = bench.round();
  const RecordContent* record = appends(first, RecordKind::kConcluded);
  REQUIRE(record != nullptr);
  CHECK(record->text.find("a forgery passed") != std::string::npos);
}

TEST_CASE("rollback: it needs no PromotionPolicy for targets that it names") {
  Bench bench(RequestAction::kRollback, "");
  for (const char* each : {"1", "2"}) {
    bench.serve("eu", each);
    bench.serve("us", each);
  }
  bench.world.subject.policy.reset();
  SUBCASE("without names it says so") {
    const Decision decision = bench.run();
    CHECK(decision.reason == "PolicyMissing");
    CHECK(decision.message.find("spec.targets") != std::string::npos);
  }
  SUBCASE("named, it goes") {
    bench.world.subject.request.targets = {"eu"};
    CHECK(bench.run().phase == Phase::kPromoted);
    CHECK(bench.pinned("eu") == "1");
    CHECK(bench.pinned("us") == "2");
  }
  SUBCASE("a right for another stage is no right for what serves Production") {
    bench.world.subject.request.targets = {"eu"};
    bench.world.subject.request.stage = "Staging";
    const Decision decision = bench.run();
    CHECK(decision.reason == "TargetMissing");
    CHECK(bench.pinned("eu") == "2");
  }
}

TEST_CASE("rollback: a paused Deployment gets its pins, and is watched once it is resumed") {
  Bench bench(RequestAction::kRollback, "");
  for (const char* each : {"1", "2"}) {
    bench.serve("eu", each);
    bench.serve("us", each);
  }
  bench.world.subject.gate_classes.clear();
  bench.deployment("eu").paused = true;
  const Decision decision = bench.run();
  CHECK(bench.pinned("eu") == "1");
  CHECK(bench.pinned("us") == "1");
  CHECK(decision.reason == "DeploymentPaused");
  CHECK(decision.message.find("rollout resume") != std::string::npos);
  bench.deployment("eu").paused = false;
  CHECK(bench.run().phase == Phase::kPromoted);
}
