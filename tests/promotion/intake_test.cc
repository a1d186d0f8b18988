#include "fixtures.h"
#include "promotion/queries.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fmt/format.h>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)

namespace {

/// Version 1 serves everywhere, 2 is in Staging and asked for Production.
Bench staged() {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  return bench;
}

Bench rollback(const std::string& version = "") {
  Bench bench(RequestAction::kRollback, version);
  for (const char* each : {"1", "2"}) {
    bench.serve("eu", each);
    bench.serve("us", each);
  }
  return bench;
}

void join_stage(Bench& bench, const std::string& name) {
  bench.world.subject.policy->stages.back().targets.push_back(name);
  RolloutFacts target = bench.facts("us");
  target.state.name = name;
  target.state.ledger = History();
  bench.world.targets.push_back(std::move(target));
}

std::size_t records(const Bench& bench) {
  return bench.world.model_ledger.head_sequence();
}

}  // namespace

TEST_CASE("intake: a version that is where it is asked for already needs no record") {
  Bench bench(RequestAction::kPromote, "2", "Staging");
  bench.move("2", "Staging");
  const std::size_t before = records(bench);
  const Decision shown = bench.run();
  CHECK(shown.phase == Phase::kPromoted);
  CHECK(shown.reason == "NoChange");
  CHECK(records(bench) == before);
  SUBCASE("and stays so when it moves on") {
    bench.world.now += std::chrono::hours(1);
    bench.move_now("2", "Archived");
    CHECK(bench.decide_now().reason == "NoChange");
  }
  SUBCASE("and when its ModelVersion is gone") {
    bench.world.subject.version.reset();
    CHECK(bench.decide_now().reason == "NoChange");
  }
}

TEST_CASE("intake: a version that serves where it is asked for already needs no record") {
  Bench bench;
  bench.serve("eu", "2");
  bench.serve("us", "2");
  CHECK(bench.decide_now().reason == "NoChange");
  CHECK_FALSE(acts(bench.decide_now()));
  SUBCASE("and stays so when another replaces it") {
    bench.world.now += std::chrono::hours(1);
    bench.move_now("2", "Archived");
    CHECK(bench.decide_now().reason == "NoChange");
  }
  SUBCASE("and when a target joins the stage later") {
    join_stage(bench, "ap");
    CHECK(bench.decide_now().reason == "NoChange");
  }
}

TEST_CASE("intake: a version that serves on some targets only is rolled out on the others") {
  Bench bench;
  bench.serve("eu", "2");
  bench.serve("us", "1");
  const Decision decision = bench.decide_now();
  CHECK(decision.reason != "NoChange");
  bench.pass_gates();
  bench.approve();
  CHECK(bench.run().phase == Phase::kPromoted);
  CHECK(bench.pinned("us") == "2");
}

TEST_CASE("intake: the stage graph, as far as a version has come") {
  struct Row {
    const char* what;
    const char* version_is_in;
    const char* asked;
    std::optional<WaitCode> waits;
    const char* ends;
  };

  const Row rows[] = {
      {"not reached yet", "None", "Production", WaitCode::kWaitingForStage, ""},
      {"archived", "Archived", "Production", std::nullopt, "StageOrder"},
      {"archived, asked for Staging", "Archived", "Staging", std::nullopt, "StageOrder"},
      {"further already", "Production", "Staging", std::nullopt, "StageOrder"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench(RequestAction::kPromote, "2", row.asked);
    if (row.version_is_in != std::string("None")) bench.move("2", row.version_is_in);
    const std::size_t before = records(bench);
    const Decision decision = bench.run();
    CHECK(records(bench) == before);
    CHECK_FALSE(acts(decision));
    if (row.waits) {
      REQUIRE(decision.wait);
      CHECK(decision.wait->code == *row.waits);
    } else {
      CHECK(decision.phase == Phase::kBlocked);
      CHECK(decision.reason == row.ends);
    }
  }
}

TEST_CASE("intake: a request that waits for its stage goes on when the version gets there") {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  CHECK(bench.decide_now().wait->code == WaitCode::kWaitingForStage);
  CHECK_FALSE(bench.decide_now().wake_at);  // the Concluded record of the other request wakes it
  bench.world.now += std::chrono::hours(1);
  bench.move_now("2", "Staging");
  CHECK(bench.decide_now().reason != "WaitingForStage");
}

TEST_CASE("intake: serving users is never entered from None or Archived, whatever a policy says") {
  for (const char* from : {"None", "Archived"}) {
    Bench bench;
    bench.world.subject.policy->stages.back().from = {from};
    if (from == std::string("Archived")) bench.move("2", "Archived");
    CHECK(bench.decide_now().reason == "StageOrder");
  }
}

TEST_CASE("intake: a number that the records know for other bytes is never promoted") {
  Bench bench = staged();
  bench.world.subject.version->artifact_digest = version_ref("9").digest;
  const Decision decision = bench.decide_now();
  CHECK(decision.phase == Phase::kBlocked);
  CHECK(decision.reason == "VersionReused");
  CHECK_FALSE(acts(decision));
}

TEST_CASE("intake: what must hold before anything starts") {
  struct Row {
    WaitCode code;
    void (*spoil)(Bench& bench);
  };

  const Row rows[] = {
      {WaitCode::kPolicyMissing, [](Bench& b) { b.world.subject.policy.reset(); }},
      {WaitCode::kAuditStoreNotTrusted, [](Bench& b) { b.world.store.trusted = false; }},
      {WaitCode::kRequesterUnknown, [](Bench& b) { b.world.subject.request.requester = {}; }},
      {WaitCode::kStageUnknown, [](Bench& b) { b.world.subject.request.stage = "Canary"; }},
      {WaitCode::kModelVersionMissing, [](Bench& b) { b.world.subject.version.reset(); }},
      {WaitCode::kPolicyUnsafe,
       [](Bench& b) { b.world.subject.policy->stages.back().review.reset(); }},
      {WaitCode::kPolicyUnsafe,
       [](Bench& b) { b.world.subject.policy->stages.back().gates.front().blocking = false; }},
      {WaitCode::kPolicyUnsafe, [](Bench& b) { b.world.subject.policy->high_risk = true; }},
      {WaitCode::kRequesterNotAuthorized, [](Bench& b) { b.without_right = {"priya"}; }},
      {WaitCode::kTargetMissing, [](Bench& b) { b.world.subject.request.targets = {"ap"}; }},
      {WaitCode::kTargetMissing, [](Bench& b) { b.facts("us").state.target.reset(); }},
      {WaitCode::kTargetOfAnotherModel,
       [](Bench& b) { b.facts("us").state.target->model = "churn"; }},
      {WaitCode::kDeploymentMissing, [](Bench& b) { b.facts("us").state.deployment.reset(); }},
      {WaitCode::kDeploymentNotClaimed, [](Bench& b) { b.facts("us").state.claimed_by = ""; }},
      {WaitCode::kDeploymentNotClaimed, [](Bench& b) { b.facts("us").state.claimed_by = "eu"; }},
      {WaitCode::kDeploymentNotClaimed,
       [](Bench& b) { b.facts("us").state.target->observes = true; }},
      {WaitCode::kDeploymentPaused, [](Bench& b) { b.deployment("us").paused = true; }},
      {WaitCode::kDeploymentPaused, [](Bench& b) { b.deployment("us").replicas = 0; }},
      {WaitCode::kContainerMissing,
       [](Bench& b) { b.deployment("us").containers.front().name = "other"; }},
      {WaitCode::kSequenceAhead,
       [](Bench& b) { b.deployment("us").meta.annotations[kSequenceAnnotation] = "99"; }},
  };
  for (const Row& row : rows) {
    Bench bench = staged();
    row.spoil(bench);
    const Decision decision = bench.decide_now();
    CAPTURE(decision.reason);
    REQUIRE(decision.wait);
    CHECK(decision.wait->code == row.code);
    CHECK(decision.reason == name(row.code));
    CHECK(decision.message == message_of(*decision.wait));
    CHECK_FALSE(acts(decision));
  }
}

TEST_CASE("intake: a request that waits holds nothing that others wait for") {
  Bench bench = staged();
  bench.world.owned.clones = {{.name = "server-eu-candidate", .uid = "uid-clone"}};
  bench.world.subject.policy->stages.back().review.reset();
  const Decision decision = bench.decide_now();
  REQUIRE(find<DeleteOwned>(decision) != nullptr);
  CHECK(find<DeleteOwned>(decision)->uid == "uid-clone");
}

TEST_CASE("intake: a store that is away for a moment costs no evaluation") {
  Bench bench = staged();
  bench.world.owned.clones = {{.name = "server-eu-candidate", .uid = "uid-clone"}};
  bench.world.store.trusted = false;
  CHECK(bench.decide_now().actions.empty());
}

TEST_CASE("intake: the requester's right is asked when gates begin and before the decision, only") {
  Bench bench = staged();
  const auto asked_of_priya = [&] {
    return std::ranges::any_of(
        bench.asked, [](const RightsQuestion& question) { return question.verb == "promote"; });
  };
  bench.decide_now();
  CHECK(asked_of_priya());
  SUBCASE("not while people are asked") {
    bench.pass_gates();
    CHECK(bench.decide_now().phase == Phase::kAwaitingApproval);
    CHECK_FALSE(asked_of_priya());
    bench.approve();
    bench.decide_now();
    CHECK(asked_of_priya());
  }
  SUBCASE("not while gates run") {
    bench.world.owned.jobs = {{.name = "g-1", .uid = "uid-job"}};
    bench.decide_now();
    CHECK_FALSE(asked_of_priya());
  }
  SUBCASE("one that lacks it is asked about again after a minute, since no event tells") {
    bench.without_right = {"priya"};
    CHECK(bench.decide_now().wake_at == bench.world.now + std::chrono::seconds(60));
  }
  SUBCASE("one that lost it before the decision gets none") {
    bench.pass_gates();
    bench.approve();
    bench.without_right = {"priya"};
    CHECK(bench.decide_now().reason == "RequesterNotAuthorized");
    CHECK_FALSE(acts(bench.decide_now()));
  }
}

TEST_CASE("intake: a field conflict of one target keeps the decision from being recorded") {
  Bench bench = staged();
  bench.pass_gates();
  bench.approve();
  bench.conflicts["us"] = "field manager helm owns MODEL_VERSION";
  const Decision decision = bench.decide_now();
  CHECK(decision.reason == "FieldConflict");
  CHECK(decision.message.find("helm") != std::string::npos);
  CHECK_FALSE(acts(decision));
}

TEST_CASE("intake: a promotion waits for a rollout under way, and says whose it is") {
  Bench bench = staged();
  bench.append({.kind = LedgerKind::kTarget, .name = "us"},
               {.kind = RecordKind::kIntent,
                .request = {.name = "other-request", .uid = "uid-other"},
                .action = "Promote",
                .to = version_ref("3"),
                .decided = "sha256:decided"});
  const Decision decision = bench.decide_now();
  REQUIRE(decision.wait);
  CHECK(decision.wait->code == WaitCode::kTargetBusy);
  CHECK(decision.message.find("other-request") != std::string::npos);
}

TEST_CASE("intake: a rollback returns each target to what it served before") {
  Bench bench = rollback();
  CHECK(bench.run().phase == Phase::kPromoted);
  CHECK(bench.pinned("eu") == "1");
  CHECK(bench.pinned("us") == "1");
  CHECK(stage_of(bench.world.model_ledger, version_ref("1")) == "Production");
  CHECK(stage_of(bench.world.model_ledger, version_ref("2")) == "Archived");
}

TEST_CASE("intake: a rollback after a rollback goes further back, not forth") {
  Bench bench(RequestAction::kRollback, "");
  for (const char* each : {"1", "2", "3"})
    bench.serve("eu", each);
  bench.serve("eu", "2", RequestAction::kRollback);
  CHECK(previous_version(bench.ledger("eu")).version == "1");
}

TEST_CASE("intake: ends of rollbacks, adoptions and archiving are recorded without moves") {
  struct Row {
    EndCode code;
    RequestAction action;
    const char* version;
    void (*before)(Bench& bench);
  };

  const auto both = [](Bench& bench) {
    bench.serve("eu", "1");
    bench.serve("us", "1");
  };
  const Row rows[] = {
      {EndCode::kNeverServed, RequestAction::kRollback, "7", both},
      {EndCode::kNothingToRollBackTo, RequestAction::kRollback, "", both},
      {EndCode::kNoChange, RequestAction::kRollback, "1", both},
      {EndCode::kAlreadyManaged, RequestAction::kAdopt, "2", both},
      {EndCode::kNoChange, RequestAction::kAdopt, "1", both},
      {EndCode::kNotRunning, RequestAction::kAdopt, "1", [](Bench&) {}},
      {EndCode::kStillServing, RequestAction::kArchive, "1", both},
      {EndCode::kNoChange, RequestAction::kArchive, "1",
       [](Bench& bench) { bench.move("1", "Archived"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(name(row.code));
    Bench bench(row.action, row.version);
    row.before(bench);
    const Decision end = bench.run();
    REQUIRE(bench.world.conclusion);
    CHECK(bench.world.conclusion->record.code == row.code);
    CHECK(bench.world.conclusion->record.moves.empty());
    CHECK(bench.world.conclusion->record.effect == Effect::kNone);
    CHECK(is_terminal(end.phase));
    CHECK_FALSE(acts(end));
  }
}

TEST_CASE("intake: nothing that is about to serve is archived") {
  Bench bench(RequestAction::kArchive, "2");
  bench.move("2", "Staging");
  bench.append({.kind = LedgerKind::kTarget, .name = "us"},
               {.kind = RecordKind::kIntent,
                .request = {.name = "other-request", .uid = "uid-other"},
                .action = "Promote",
                .to = version_ref("2"),
                .decided = "sha256:decided"});
  bench.run();
  REQUIRE(bench.world.conclusion);
  CHECK(bench.world.conclusion->record.code == EndCode::kStillServing);
}

TEST_CASE("intake: nothing is archived while a ledger that cannot be read may say that it serves") {
  Bench bench(RequestAction::kArchive, "2");
  bench.move("2", "Staging");
  bench.world.other_targets.push_back({.name = "asia", .unreadable = true});
  const Decision waits = bench.run();
  CHECK_FALSE(bench.world.conclusion);
  REQUIRE(waits.wait);
  CHECK(waits.wait->code == WaitCode::kAuditBroken);
  CHECK(waits.wait->about == "ledger of target asia");
}

TEST_CASE("intake: an archived version is archived, and an adopted one serves unchanged") {
  SUBCASE("archive") {
    Bench bench(RequestAction::kArchive, "2");
    bench.move("2", "Staging");
    CHECK(bench.run().phase == Phase::kPromoted);
    CHECK(stage_of(bench.world.model_ledger, version_ref("2")) == "Archived");
  }
  SUBCASE("adopt") {
    Bench bench(RequestAction::kAdopt, "2");
    for (const char* target : {"eu", "us"}) {
      bench.deployment(target).containers.front().env = {
          {.name = "MODEL_VERSION", .value = "2"},
          {.name = "MODEL_URI", .value = version_ref("2").artifact_uri}};
    }
    CHECK(bench.run().phase == Phase::kPromoted);
    CHECK(serving_version(bench.ledger("us")).version == "2");
    CHECK(stage_of(bench.world.model_ledger, version_ref("2")) == "Production");
  }
}

TEST_CASE("intake: a rollback changes the targets that it can, and names the others") {
  Bench bench(RequestAction::kRollback, "");
  bench.serve("eu", "1");
  bench.serve("eu", "2");
  bench.serve("us", "2");
  CHECK(bench.run().phase == Phase::kPartlyPromoted);
  CHECK(bench.pinned("eu") == "1");
  CHECK(bench.pinned("us") == "2");
  CHECK(bench.world.conclusion->targets[1].code == EndCode::kNothingToRollBackTo);
}

TEST_CASE("intake: requests that change nothing cannot fill a ledger") {
  Bench bench(RequestAction::kRollback, "7");
  bench.serve("eu", "1");
  bench.serve("us", "1");
  for (int i = 0; i < 20; ++i) {
    bench.append({.kind = LedgerKind::kModel, .name = "credit-risk"},
                 {.kind = RecordKind::kConcluded,
                  .request = {.name = "other", .uid = fmt::format("uid-other-{}", i)},
                  .requester = bench.world.subject.request.requester,
                  .code = EndCode::kNeverServed});
    bench.world.now += std::chrono::seconds(10);
  }
  const Decision waits = bench.decide_now();
  REQUIRE(waits.wait);
  CHECK(waits.wait->code == WaitCode::kRecordQuota);
  CHECK(waits.message.find("changes nothing: eu: version 7 never served here") !=
        std::string::npos);
  CHECK(waits.actions.empty());
  REQUIRE(waits.wake_at);
  bench.world.now = *waits.wake_at + std::chrono::seconds(1);
  CHECK(appends(bench.decide_now(), RecordKind::kConcluded) != nullptr);
}

TEST_CASE("intake: a promotion that no gate can measure cannot fill a ledger either") {
  Bench bench(RequestAction::kPromote, "2", "Staging");
  GateState& gate = bench.world.evaluation.gates.emplace_back();
  gate.spec = bench.world.subject.stage()->gates.front();
  gate.verdict = gate.judgement.verdict = Verdict::kInconclusive;
  gate.judgement.reason = "LabelIsInput";
  const Decision ends = bench.decide_now();
  const RecordContent* end = appends(ends, RecordKind::kConcluded);
  REQUIRE(end != nullptr);
  CHECK(end->code == EndCode::kGatesFailed);
  CHECK(appends(ends, RecordKind::kGateResult) == nullptr);
  for (int i = 0; i < 20; ++i) {
    bench.append({.kind = LedgerKind::kModel, .name = "credit-risk"},
                 {.kind = RecordKind::kConcluded,
                  .request = {.name = "other", .uid = fmt::format("uid-other-{}", i)},
                  .requester = bench.world.subject.request.requester,
                  .code = EndCode::kGatesFailed});
  }
  const Decision waits = bench.decide_now();
  REQUIRE(waits.wait);
  CHECK(waits.wait->code == WaitCode::kRecordQuota);
  CHECK(appends(waits, RecordKind::kConcluded) == nullptr);
}

TEST_CASE("intake: a review without gates cannot fill a ledger either") {
  Bench bench(RequestAction::kPromote, "2", "Staging");
  StageSpec& stage = bench.world.subject.policy->stages.front();
  stage.gates.clear();
  stage.review.emplace();
  CHECK(appends(bench.decide_now(), RecordKind::kGateResult) != nullptr);
  const TimePoint first = bench.world.now;
  for (int i = 0; i < 20; ++i) {
    bench.append({.kind = LedgerKind::kModel, .name = "credit-risk"},
                 {.kind = RecordKind::kGateResult,
                  .request = {.name = "other", .uid = fmt::format("uid-other-{}", i)},
                  .requester = bench.world.subject.request.requester});
    bench.world.now += std::chrono::seconds(10);
  }
  const Decision waits = bench.decide_now();
  REQUIRE(waits.wait);
  CHECK(waits.wait->code == WaitCode::kRecordQuota);
  CHECK(waits.actions.empty());
  CHECK(waits.wake_at == first + std::chrono::hours(1));
  const Identity me = bench.world.subject.request.requester;
  bench.world.subject.request.requester.username = "somebody-else";
  CHECK(bench.decide_now().reason != "RecordQuota");
  bench.world.subject.request.requester = me;
  bench.world.now = *waits.wake_at;
  CHECK(appends(bench.decide_now(), RecordKind::kGateResult) != nullptr);
}

TEST_CASE("intake: a rollback that had to wait undoes nothing that was promoted since") {
  Bench bench(RequestAction::kRollback, "");
  for (const char* target : {"eu", "us"}) {
    bench.serve(target, "1");
    bench.serve(target, "2");
  }
  bench.world.subject.request.meta.created = bench.ledger("eu").at(1)->time - std::chrono::hours(1);
  CHECK(bench.run().phase == Phase::kAborted);
  CHECK(bench.pinned("eu") == "2");
  CHECK(bench.world.conclusion->record.code == EndCode::kOvertaken);
}

TEST_CASE("intake: of rollbacks that name no version, one goes back for all that were asked for") {
  Bench bench(RequestAction::kRollback, "");
  for (const char* target : {"eu", "us"})
    for (const char* version : {"1", "2", "3"})
      bench.serve(target, version);
  TimePoint asked = bench.ledger("eu").at(bench.ledger("eu").head_sequence())->time;
  const RecordContent other{.kind = RecordKind::kIntent,
                            .request = {.name = "other-request", .uid = "uid-other"},
                            .action = "Rollback",
                            .from = version_ref("3"),
                            .to = version_ref("2"),
                            .decided = "sha256:decided"};
  bool overtaken = true;
  std::string goes_to = "2";
  SUBCASE("while it is under way, it goes on") {
    for (const char* target : {"eu", "us"})
      bench.append({.kind = LedgerKind::kTarget, .name = target}, other);
    asked = bench.ledger("eu").open_intent()->time + std::chrono::seconds(30);
    goes_to = "3";  // nobody pinned it
  }
  SUBCASE("asked for before it began, it is the same step") {
    for (const char* target : {"eu", "us"})
      bench.serve(target, "2", RequestAction::kRollback);
  }
  SUBCASE("asked for after it, it goes further back") {
    for (const char* target : {"eu", "us"})
      bench.serve(target, "2", RequestAction::kRollback);
    asked = bench.ledger("us").at(bench.ledger("us").head_sequence())->time;
    overtaken = false;
    goes_to = "1";
  }
  SUBCASE("one that names its version takes over") {
    for (const char* target : {"eu", "us"})
      bench.append({.kind = LedgerKind::kTarget, .name = target}, other);
    bench.world.subject.request.version = "1";
    bench.world.subject.request.meta.created = bench.ledger("us").open_intent()->time;
    CHECK(appends(bench.decide_now(), RecordKind::kDecided) != nullptr);
    return;
  }
  bench.world.subject.request.meta.created = asked;
  const Decision end = bench.run();
  CHECK(end.phase == (overtaken ? Phase::kAborted : Phase::kPromoted));
  CHECK(bench.pinned("eu") == goes_to);
  if (!overtaken) return;
  CHECK(bench.world.conclusion->record.code == EndCode::kOvertaken);
  CHECK(bench.world.conclusion->record.text.find("names its version") != std::string::npos);
}
