#include "fixtures.h"
#include "promotion/queries.h"
#include "promotion/targets.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)

namespace {

/// Version 1 serves everywhere, 2 is approved: the next decision is Decided.
Bench approved() {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.pass_gates();
  bench.approve();
  return bench;
}

/// Both Intents for version 2 are open, no pin is written.
Bench intended() {
  Bench bench = approved();
  REQUIRE(appends(bench.round(), RecordKind::kDecided) != nullptr);
  REQUIRE(appends(bench.round(), RecordKind::kIntent) != nullptr);
  return bench;
}

/// Both targets are pinned, and their Deployments are at work.
Bench pinned() {
  Bench bench = intended();
  bench.rolls = false;
  REQUIRE(find<PatchPin>(bench.round()) != nullptr);
  return bench;
}

const TargetEnd& end_of(const Bench& bench, const std::string& target) {
  REQUIRE(bench.world.conclusion);
  const auto& ends = bench.world.conclusion->targets;
  const auto found = std::ranges::find(ends, target, &TargetEnd::name);
  REQUIRE(found != ends.end());
  return *found;
}

/// A rollback to the version before, by another request, in the world of `bench`.
void become_rollback(Bench& bench, const std::string& uid = "uid-rollback") {
  bench.world.subject.request.meta.uid = uid;
  bench.world.subject.request.meta.name = "the-rollback";
  bench.world.subject.request.meta.deleting = false;
  bench.world.subject.request.meta.finalizers.clear();
  bench.world.subject.request.action = RequestAction::kRollback;
  bench.world.subject.request.version = "";
  bench.world.approvals.clear();
  bench.world.owned = {};
  for (RolloutFacts& each : bench.world.targets)
    each.smoke.reset();
  bench.refresh();
  bench.world.subject.request.meta.created = bench.world.now;
}

void become_promotion(Bench& bench) {
  bench.world.subject.request.meta.uid = "uid-request";
  bench.world.subject.request.meta.name = "the-request";
  bench.world.subject.request.action = RequestAction::kPromote;
  bench.world.subject.request.version = "2";
  bench.refresh();
}

}  // namespace

TEST_CASE("rollout: a promotion is decided, intended, pinned, tested, applied and concluded") {
  Bench bench = approved();
  const Decision end = bench.run();
  CHECK(end.phase == Phase::kPromoted);
  CHECK(bench.world.conclusion->record.code == EndCode::kApplied);
  CHECK(bench.pinned("eu") == "2");
  CHECK(bench.pinned("us") == "2");
  CHECK(stage_of(bench.world.model_ledger, version_ref("2")) == "Production");
  CHECK(stage_of(bench.world.model_ledger, version_ref("1")) == "Archived");
  CHECK_FALSE(bench.ledger("eu").open_intent());
  std::string kinds;
  for (const RecordFact* record : bench.world.model_ledger.of_request("uid-request"))
    kinds += std::string(name(record->kind)) + " ";
  for (const RecordFact* record : bench.ledger("us").of_request("uid-request"))
    kinds += std::string(name(record->kind)) + " ";
  CHECK(kinds == "GateResult Decided Concluded Intent Applied ");
}

TEST_CASE("rollout: no pin is written before its Intent is in the target's ledger") {
  Bench bench = approved();
  for (int i = 0; i < 20; ++i) {
    const Decision decision = bench.decide_now();
    for (const Action& action : decision.actions) {
      const auto* pin = std::get_if<PatchPin>(&action);
      if (pin == nullptr) continue;
      const RecordFact* open = bench.ledger(pin->target).open_intent();
      REQUIRE(open != nullptr);
      CHECK(open->request.uid == "uid-request");
      CHECK(open->sequence == pin->sequence);
      CHECK(open->digest == pin->record_digest);
    }
    bench.round(1);
  }
  CHECK(bench.world.conclusion);
}

TEST_CASE("rollout: one target that fails leaves the others") {
  Bench bench = approved();
  bench.smoke["us"] = Verdict::kFailed;
  const Decision end = bench.run();
  CHECK(end.phase == Phase::kPartlyPromoted);
  CHECK(end_of(bench, "eu").code == EndCode::kApplied);
  CHECK(end_of(bench, "us").code == EndCode::kRolledBack);
  CHECK(bench.pinned("eu") == "2");
  CHECK(bench.pinned("us") == "1");
  // Version 1 still serves somewhere.
  CHECK(stage_of(bench.world.model_ledger, version_ref("1")) == "Production");
  CHECK(stage_of(bench.world.model_ledger, version_ref("2")) == "Production");
}

TEST_CASE("rollout: a request that names one target changes no other") {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.world.subject.request.targets = {"us"};
  std::erase_if(bench.world.targets, [](const auto& each) { return each.state.name == "eu"; });
  bench.refresh();
  bench.pass_gates();
  bench.approve();
  CHECK(bench.run().phase == Phase::kPromoted);
  CHECK(bench.world.conclusion->targets.size() == 1);
  CHECK(bench.pinned("us") == "2");
}

TEST_CASE("rollout: a smoke test in technical trouble never takes a version back") {
  Bench bench = approved();
  bench.smoke["eu"] = bench.smoke["us"] = Verdict::kErrored;
  for (int i = 0; i < 8; ++i)
    bench.round();
  const Decision waits = bench.decide_now();
  CHECK(waits.phase == Phase::kRollingOut);
  REQUIRE(waits.wait);
  CHECK(waits.wait->code == WaitCode::kSmokeTestErrored);
  REQUIRE(waits.wake_at);
  CHECK(waits.actions.empty());
  bench.world.now = *waits.wake_at;
  CHECK(find<CreateGateJob>(bench.decide_now())->attempt == 2);
  bench.round();
  // 60 s after the second attempt, 10 min after each later one.
  bench.world.now += std::chrono::seconds(58);
  CHECK_FALSE(acts(bench.decide_now()));
  bench.world.now += std::chrono::seconds(5);
  CHECK(find<CreateGateJob>(bench.decide_now())->attempt == 3);
  bench.smoke.clear();
  CHECK(bench.run().phase == Phase::kPromoted);
  CHECK(bench.pinned("eu") == "2");
}

TEST_CASE("rollout: where pods are the proof, the smoke test waits for them and is made for them") {
  Bench bench = approved();
  ServingPods serving{.problem = "pod p2: it is about to end", .pods = {{"pod/p2", "old"}}};
  for (RolloutFacts& each : bench.world.targets) {
    each.state.target->inference.version_proof = {.type = "Pods"};
    each.serving = serving;
  }
  bench.refresh();
  bench.pass_gates();
  bench.approve();
  for (int i = 0; i < 8; ++i)
    bench.round();
  const Decision waits = bench.decide_now();
  CHECK(find<CreateGateJob>(waits) == nullptr);
  REQUIRE(waits.wait);
  CHECK(waits.wait->what.find("pod p2: it is about to end") != std::string::npos);
  REQUIRE(waits.wake_at);
  serving = {.attested = true, .pods = {{"pod/p1", "new"}}};
  for (RolloutFacts& each : bench.world.targets)
    each.serving = serving;
  const Decision asks = bench.decide_now();
  REQUIRE(find<CreateGateJob>(asks) != nullptr);
  CHECK(find<CreateGateJob>(asks)->pods == serving.pods);
  CHECK(find<CreateGateJob>(asks)->gate.parameters.find("provedByAnswers") != std::string::npos);
}

TEST_CASE("rollout: a smoke test that fails or cannot tell takes the version back") {
  for (const Verdict verdict : {Verdict::kFailed, Verdict::kInconclusive}) {
    CAPTURE(gates::name(verdict));
    Bench bench = approved();
    bench.smoke["eu"] = bench.smoke["us"] = verdict;
    CHECK(bench.run().phase == Phase::kRolledBack);
    CHECK(bench.world.conclusion->record.code == EndCode::kRolledBack);
    CHECK(bench.world.conclusion->record.moves.empty());
    CHECK(bench.pinned("eu") == "1");
    CHECK(stage_of(bench.world.model_ledger, version_ref("2")) == "Staging");
  }
}

TEST_CASE("rollout: the smoke test asks by what was decided, not by the policy of now") {
  Bench bench = pinned();
  bench.rolls = true;
  bench.round();
  bench.world.subject.policy->evaluation.dataset->digest = version_ref("9").digest;
  bench.world.subject.policy_digest = "sha256:other";
  bench.world.subject.version.reset();
  const auto job = [&] {
    for (int i = 0; i < 4; ++i) {
      for (const Decision& each : bench.decisions)
        if (const auto* found = find<CreateGateJob>(each)) return *found;
      bench.round();
    }
    FAIL("no smoke test");
    return CreateGateJob{};
  }();
  REQUIRE(job.input.dataset);
  CHECK(job.input.dataset->digest.str() == policy().evaluation.dataset->digest);
  CHECK(bench.run().phase == Phase::kPromoted);
}

TEST_CASE("rollout: what changes after the decision and before the pin calls the change off") {
  struct Row {
    const char* what;
    void (*spoil)(Bench& bench);
  };

  const Row rows[] = {
      {"the policy", [](Bench& b) { b.world.subject.policy_digest = "sha256:other"; }},
      {"the version", [](Bench& b) { b.world.subject.version_digest = "sha256:other"; }},
      {"the ServingTarget", [](Bench& b) { b.facts("eu").state.spec_digest = "sha256:other"; }},
      {"the template", [](Bench& b) { b.facts("eu").state.template_digest = "sha256:other"; }},
      {"the stage of the version", [](Bench& b) { b.move("2", "Archived"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Bench bench = intended();
    row.spoil(bench);
    const Decision decision = bench.decide_now();
    const RecordContent* aborted = appends(decision, RecordKind::kAborted);
    REQUIRE(aborted != nullptr);
    CHECK(aborted->code == EndCode::kSubjectChanged);
    CHECK_FALSE(aborted->pins_changed);
    // The fence comes first, so that no delayed pin can take effect afterwards.
    const auto* fence = std::get_if<RaiseFence>(&decision.actions.front());
    REQUIRE(fence != nullptr);
    CHECK(fence->sequence == aborted->of);
    CHECK(fence->pins.front().value == "1");
    bench.run();
    CHECK(bench.pinned("eu") == "1");
  }
}

TEST_CASE("rollout: one target that has changed does not call the others off") {
  Bench bench = intended();
  bench.facts("eu").state.template_digest = "sha256:other";
  CHECK(bench.run().phase == Phase::kPartlyPromoted);
  CHECK(end_of(bench, "eu").code == EndCode::kSubjectChanged);
  CHECK(end_of(bench, "us").code == EndCode::kApplied);
}

TEST_CASE("rollout: a fenced Intent is aborted though its cause has gone") {
  Bench bench = intended();
  const std::string policy = bench.world.subject.policy_digest;
  bench.world.subject.policy_digest = "sha256:other";
  const Decision decision = bench.decide_now();
  REQUIRE(std::holds_alternative<RaiseFence>(decision.actions.front()));
  bench.round(1);  // dies after the first fence
  bench.world.subject.policy_digest = policy;
  CHECK(appends(bench.decide_now(), RecordKind::kAborted) != nullptr);
  bench.run();
  CHECK(bench.pinned("eu") == "1");
  CHECK(bench.pinned("us") == "2");
}

TEST_CASE("rollout: a pin that was decided before the Intent was aborted takes no effect") {
  Bench bench = intended();
  const Decision delayed = bench.decide_now();
  const PatchPin pin = *find<PatchPin>(delayed);
  bench.world.subject.policy_digest = "sha256:other";
  bench.run();
  CHECK(bench.deployment("eu").meta.resource_version != pin.resource_version);
}

TEST_CASE("rollout: editing the ServingTarget after the pin changes neither pins nor way back") {
  Bench bench = pinned();
  bench.facts("eu").state.target->pin[0].value = "constant";
  bench.facts("eu").state.spec_digest = "sha256:other";
  bench.smoke["eu"] = Verdict::kFailed;
  bench.rolls = true;
  bench.run();
  CHECK(end_of(bench, "eu").code == EndCode::kRolledBack);
  CHECK(bench.pinned("eu") == "1");
}

TEST_CASE("rollout: a Reject before the pin stops it, one after it does not") {
  SUBCASE("before the Intent") {
    Bench bench = approved();
    bench.round();
    bench.reject();
    CHECK(bench.run().phase == Phase::kRejected);
    CHECK(bench.pinned("eu") == "1");
  }
  SUBCASE("after the Intent") {
    Bench bench = intended();
    bench.reject();
    CHECK(bench.run().phase == Phase::kRejected);
    CHECK(bench.ledger("eu").last_pin()->code == EndCode::kRejected);
    CHECK(bench.pinned("eu") == "1");
  }
  SUBCASE("by somebody without the right") {
    Bench bench = intended();
    bench.reject();
    bench.without_right = {"rex"};
    CHECK(bench.run().phase == Phase::kPromoted);
  }
  SUBCASE("after the pin") {
    Bench bench = pinned();
    bench.reject();
    bench.rolls = true;
    CHECK(bench.run().phase == Phase::kPromoted);
  }
}

TEST_CASE(
    "rollout: the Deployment controller's deadline counts from the pin, not from the Intent") {
  Bench bench = intended();
  bench.rolls = false;
  // The pin had to wait for longer than the deadline, and an old condition is still there.
  const TimePoint intended_at = bench.world.now;
  bench.world.now += std::chrono::hours(2);
  bench.give_up("eu", intended_at + std::chrono::hours(1));
  bench.give_up("us", intended_at + std::chrono::hours(1));
  REQUIRE(find<PatchPin>(bench.round()) != nullptr);
  bench.deployment("eu").observed_generation = bench.deployment("eu").meta.generation;
  bench.deployment("us").observed_generation = bench.deployment("us").meta.generation;
  const Decision waits = bench.decide_now();
  CHECK(waits.actions.empty());
  CHECK(waits.wait->code == WaitCode::kRolloutInProgress);
  CHECK(waits.wait->what.find("refused") == std::string::npos);
  bench.deployment("eu").pods_refused = "exceeded quota: pods=2";
  const Decision refused = bench.decide_now();
  CHECK(refused.wait->what.ends_with("; pods are refused: exceeded quota: pods=2"));
  // The old condition says the same as a new one after one and a half deadlines.
  CHECK(*waits.wake_at == bench.world.now - std::chrono::seconds(1) + std::chrono::seconds(900));
  bench.world.now = *waits.wake_at;
  const Decision gave_up = bench.decide_now();
  const RecordContent* aborted = appends(gave_up, RecordKind::kAborted);
  REQUIRE(aborted != nullptr);
  CHECK(aborted->code == EndCode::kRolloutFailed);
  CHECK(aborted->text.find("exceeded quota") != std::string::npos);
  CHECK(aborted->pins_changed);
}

TEST_CASE("rollout: what is deleted ends the rollout there and nowhere else") {
  Bench bench = pinned();
  SUBCASE("the Deployment") {
    bench.facts("eu").state.deployment.reset();
    bench.roll("us");
    for (int i = 0; i < 6; ++i) {
      bench.round();
      bench.roll("us");
      if (auto& smoke = bench.facts("us").smoke) smoke->verdict = Verdict::kPassed;
    }
    CHECK(end_of(bench, "eu").code == EndCode::kDeploymentGone);
  }
  SUBCASE("the ServingTarget") {
    bench.facts("eu").state.target.reset();
    bench.rolls = true;
    bench.run();
    CHECK(end_of(bench, "eu").code == EndCode::kTargetGone);
  }
  SUBCASE("the Deployment, and another came in its place") {
    bench.deployment("eu").meta.uid = "uid-other";
    bench.rolls = true;
    bench.run();
    CHECK(end_of(bench, "eu").code == EndCode::kDeploymentGone);
  }
  CHECK(end_of(bench, "us").code == EndCode::kApplied);
  // And nothing brings the request back.
  bench.facts("eu").state = bench.facts("us").state;
  CHECK_FALSE(acts(bench.decide_now()));
}

TEST_CASE("rollout: a later sequence on the Deployment ends the Intent and changes no pin") {
  Bench bench = intended();
  bench.deployment("eu").meta.annotations[kSequenceAnnotation] = "99";
  const Decision decision = bench.decide_now();
  const RecordContent* aborted = appends(decision, RecordKind::kAborted);
  REQUIRE(aborted != nullptr);
  CHECK(aborted->code == EndCode::kOvertaken);
  CHECK(std::ranges::none_of(decision.actions, [](const Action& action) {
    return std::holds_alternative<RaiseFence>(action);
  }));
}

TEST_CASE("rollout: a rollback takes over what another request has under way") {
  Bench bench = pinned();
  become_rollback(bench);
  bench.rolls = true;
  CHECK(bench.run().phase == Phase::kPromoted);
  CHECK(bench.pinned("eu") == "1");
  CHECK(bench.pinned("us") == "1");
  const auto attempts = attempts_of(bench.ledger("eu"), "uid-request");
  REQUIRE(attempts.front().end != nullptr);
  CHECK(attempts.front().end->code == EndCode::kSuperseded);
  CHECK(attempts.front().end->pins_changed);
  CHECK(attempts.front().end->request.uid == "uid-rollback");
  SUBCASE("and the other ends as superseded, without touching anything") {
    become_promotion(bench);
    const std::string before = bench.deployment("eu").meta.resource_version;
    CHECK(bench.run().phase == Phase::kSuperseded);
    CHECK(bench.deployment("eu").meta.resource_version == before);
    CHECK(bench.world.conclusion->record.moves.empty());
  }
}

TEST_CASE("rollout: a rollback that takes over before the pin raises the fence first") {
  Bench bench = intended();
  become_rollback(bench);
  bench.round();  // Decided
  const Decision taking_over = bench.decide_now();
  REQUIRE(std::holds_alternative<RaiseFence>(taking_over.actions.front()));
  const RecordContent* aborted = appends(taking_over, RecordKind::kAborted);
  REQUIRE(aborted != nullptr);
  CHECK(aborted->code == EndCode::kSuperseded);
  CHECK_FALSE(aborted->pins_changed);
  CHECK(bench.run().phase == Phase::kPromoted);
}

TEST_CASE("rollout: a second version is not pinned at 0 replicas") {
  Bench bench = intended();
  bench.deployment("eu").replicas = 0;
  bench.deployment("us").replicas = 0;
  const Decision waits = bench.round();
  CHECK(find<PatchPin>(waits) == nullptr);
  CHECK(waits.wait->code == WaitCode::kDeploymentPaused);
}

TEST_CASE("rollout: a rollback works on a paused Deployment and waits for the rollout only") {
  Bench bench = pinned();
  bench.deployment("eu").paused = true;
  bench.deployment("us").paused = true;
  become_rollback(bench);
  for (int i = 0; i < 5; ++i)
    bench.round();
  CHECK(bench.pinned("eu") == "1");
  CHECK(bench.decide_now().wait->code == WaitCode::kDeploymentPaused);
  bench.deployment("eu").paused = false;
  bench.deployment("us").paused = false;
  bench.rolls = true;
  CHECK(bench.run().phase == Phase::kPromoted);
}

TEST_CASE("rollout: a rollback needs no GateClass") {
  Bench bench = pinned();
  bench.world.subject.gate_classes.clear();
  become_rollback(bench);
  bench.rolls = true;
  CHECK(bench.run().phase == Phase::kPromoted);
}

TEST_CASE("rollout: a rollback that took dirty pins over puts them right though it is deleted") {
  Bench bench = pinned();
  become_rollback(bench);
  bench.round();  // Decided
  bench.round();  // Aborted of the other
  bench.world.subject.request.meta.deleting = true;
  bench.rolls = true;
  bench.run();
  CHECK(bench.pinned("eu") == "1");
  CHECK(bench.world.conclusion->record.code == EndCode::kApplied);
}

TEST_CASE("rollout: a way back that fails says so, and blocks nobody") {
  Bench bench = pinned();
  const auto fail = [&] {
    for (const char* target : {"eu", "us"})
      bench.give_up(target, bench.world.now + std::chrono::hours(1));
  };
  for (int i = 0; i < 8 && !bench.world.conclusion; ++i) {
    fail();
    bench.round();
  }
  REQUIRE(bench.world.conclusion);
  CHECK(bench.world.conclusion->record.code == EndCode::kRollbackFailed);
  CHECK(owed_way_back(bench.ledger("eu")) == nullptr);
}

TEST_CASE("rollout: the first version of a target goes back to no pins at all") {
  Bench bench;
  bench.move("2", "Staging");
  bench.pass_gates();
  bench.approve();
  bench.smoke["eu"] = bench.smoke["us"] = Verdict::kFailed;
  CHECK(bench.run().phase == Phase::kRolledBack);
  CHECK(bench.pinned("eu").empty());
}

TEST_CASE("rollout: an Intent whose request is gone is closed, with what served before in place") {
  SUBCASE("after the pin") {
    Bench bench = pinned();
    const Decision back = decide_orphan(bench.orphan("eu"));
    const auto* pin = find<PatchPin>(back);
    REQUIRE(pin != nullptr);
    CHECK(pin->version.version == "1");
    CHECK(pin->pins.front().value == "1");
    CHECK(pin->record_digest != bench.ledger("eu").open_intent()->digest);
    CHECK(appends(back, RecordKind::kAbandoned) == nullptr);
    auto& deployment = bench.deployment("eu");
    deployment.containers.front().env = {{.name = "MODEL_VERSION", .value = "1"},
                                         {.name = "MODEL_URI", .value = pin->pins[1].value}};
    deployment.meta.annotations[kRecordAnnotation] = pin->record_digest;
    const Decision closed = decide_orphan(bench.orphan("eu"));
    const RecordContent* end = appends(closed, RecordKind::kAbandoned);
    REQUIRE(end != nullptr);
    CHECK(end->code == EndCode::kRequestGone);
  }
  SUBCASE("before the pin") {
    Bench bench = intended();
    const Decision decision = decide_orphan(bench.orphan("eu"));
    REQUIRE(std::holds_alternative<RaiseFence>(decision.actions.front()));
    CHECK(appends(decision, RecordKind::kAbandoned) != nullptr);
  }
  SUBCASE("of a way back: the good version is put in place") {
    Bench bench = pinned();
    bench.give_up("eu", bench.world.now + std::chrono::hours(1));
    bench.round();
    bench.round();
    REQUIRE(bench.ledger("eu").open_intent()->to.version == "1");
    REQUIRE(bench.pinned("eu") == "2");
    CHECK(find<PatchPin>(decide_orphan(bench.orphan("eu")))->version.version == "1");
  }
  SUBCASE("of a deleted Deployment") {
    Bench bench = pinned();
    bench.facts("eu").state.deployment.reset();
    const Decision closed = decide_orphan(bench.orphan("eu"));
    const RecordContent* end = appends(closed, RecordKind::kAbandoned);
    REQUIRE(end != nullptr);
    CHECK(end->code == EndCode::kDeploymentGone);
  }
  SUBCASE("while the store is not trusted: nothing") {
    Bench bench = pinned();
    bench.world.store.trusted = false;
    CHECK(decide_orphan(bench.orphan("eu")).actions.empty());
  }
}

TEST_CASE("rollout: an adoption whose request is gone keeps the pins that were there") {
  Bench bench(RequestAction::kAdopt, "1");
  for (const char* target : {"eu", "us"}) {
    bench.deployment(target).containers.front().env = {
        {.name = "MODEL_VERSION", .value = "1"},
        {.name = "MODEL_URI", .value = version_ref("1").artifact_uri}};
  }
  bench.round();
  bench.round();
  REQUIRE(bench.ledger("eu").open_intent() != nullptr);
  bench.round();
  const Decision decision = decide_orphan(bench.orphan("eu"));
  CHECK(find<PatchPin>(decision) == nullptr);
  CHECK(appends(decision, RecordKind::kAbandoned) != nullptr);
}

TEST_CASE("rollout: a field conflict of the pin is shown and does not stop another target") {
  Bench bench = intended();
  bench.facts("eu").trial =
      PinTrial{.version = version_ref("2"),
               .resource_version = bench.deployment("eu").meta.resource_version,
               .conflict = "field manager helm owns MODEL_VERSION"};
  const Decision decision = bench.decide_now();
  REQUIRE(decision.wait);
  CHECK(decision.wait->code == WaitCode::kFieldConflict);
  CHECK(find<PatchPin>(decision)->target == "us");
}

TEST_CASE("rollout: what nothing holds is held before anything is done for it") {
  Bench bench = intended();
  bench.world.subject.request.meta.finalizers.clear();
  const Decision decision = decide(bench.world);
  REQUIRE(decision.actions.size() > 1);
  const auto* first = std::get_if<SetFinalizer>(&decision.actions.front());
  REQUIRE(first != nullptr);
  CHECK(first->present);
  // An object that is being deleted takes none any more.
  bench.world.subject.request.meta.deleting = true;
  CHECK(find<SetFinalizer>(decide(bench.world)) == nullptr);
}
