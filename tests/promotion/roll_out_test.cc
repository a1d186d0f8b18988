#include "fixtures.h"
#include "promotion/decide.h"
#include "promotion/ledger_view.h"

#include <doctest/doctest.h>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

/// The Intent is open, and the Deployment still bears version 1.
World intended() {
  World world = rolled_out();
  world.target->deployment = deployment("1", 2);
  world.evaluated_on = world.target;
  world.smoke = GateState{};
  world.smoke->spec = gate_spec("smoke", GateType::kSmoke);
  return world;
}

RecordFact& close(World& world, const char* kind, const char* reason = "") {
  const RecordFact intent = *world.target->ledger.open_intent();
  return append(world.target->ledger, {.kind = kind,
                                       .request_uid = intent.request_uid,
                                       .decision_digest = intent.decision_digest,
                                       .action = intent.action,
                                       .from = intent.from,
                                       .to = intent.to,
                                       .of = intent.sequence,
                                       .reason = reason,
                                       .time = world.now});
}

/// The way back from version 2 to `to` is open, and pinned.
World going_back(const std::string& to) {
  World world = rolled_out();
  world.target->ledger.records.back().from = version_ref(to);
  close(world, "Aborted", "RolloutFailed: late");
  append(world.target->ledger, {.kind = "Intent",
                                .request_uid = kUid,
                                .action = "Rollback",
                                .from = version_ref("2"),
                                .to = version_ref(to),
                                .time = world.now});
  world.target->deployment = deployment(to, 6);
  return world;
}

void give_up(World& world, TimePoint when) {
  Deployment& deployment = *world.target->deployment;
  deployment.progress_deadline_exceeded = true;
  deployment.progress_updated = when;
  deployment.available_replicas = 0;
  deployment.progress_message = "ReplicaSet has timed out progressing.";
}

}  // namespace

TEST_CASE("roll out: the pin is written exactly as the open Intent says") {
  const World w = intended();
  const Decision d = decide(w);
  REQUIRE(d.actions.size() == 1);
  const auto& pin = std::get<PatchPin>(d.actions[0]);
  CHECK(pin.sequence == 4);
  CHECK(pin.version == version_ref("2"));
  CHECK(pin.record_digest == w.target->ledger.records.back().digest);
  CHECK(pin.deployment_uid == "uid-deployment");
}

TEST_CASE("roll out: no pin when something changed after the Intent, whatever the approvals say") {
  struct Row {
    std::string changed;
    void (*change)(World&);
  };

  const Row rows[] = {
      {"policy", [](World& w) { w.policy_digest = digest_of('9'); }},
      {"policy deleted", [](World& w) { w.policy.reset(); }},
      {"version's content", [](World& w) { w.version_digest = digest_of('9'); }},
      {"version made again", [](World& w) { w.version->meta.uid = "uid-new"; }},
      {"version deleted", [](World& w) { w.version.reset(); }},
      {"Deployment made again", [](World& w) { w.target->deployment->meta.uid = "uid-new"; }},
      {"pod template", [](World& w) { w.target->template_digest = digest_of('9'); }},
      {"target made again", [](World& w) { w.target->target.meta.uid = "uid-new"; }},
      {"results", [](World& w) { w.results.reset(); }},
      {"cluster", [](World& w) { w.cluster_uid = "uid-other"; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.changed);
    World w = intended();
    row.change(w);
    const Decision d = decide(w);
    CHECK_FALSE(patches(d));
    REQUIRE(appends(d, "Aborted"));
    CHECK(code_of(appends(d, "Aborted")->reason) == "SubjectChanged");
    CHECK(appends(d, "Aborted")->of == 4);
    close(w, "Aborted", "SubjectChanged: x");
    CHECK(decide(w).phase == Phase::kAborted);  // nothing was changed: nothing to take back
    CHECK(appends(decide(w), "Intent") == nullptr);
  }
}

TEST_CASE("roll out: waits without an effect, and says for what") {
  struct Row {
    std::string cause;
    void (*spoil)(World&);
    std::string reason;
  };

  const Row rows[] = {
      {"store", [](World& w) { w.store.trusted = false; }, "AuditStoreNotTrusted"},
      {"paused", [](World& w) { w.target->deployment->paused = true; }, "DeploymentPaused"},
      {"no replicas", [](World& w) { w.target->deployment->replicas = 0; }, "DeploymentPaused"},
      {"other owner", [](World& w) { w.target->pin_conflict = "helm owns them"; }, "FieldConflict"},
      {"a class that is replaced",
       [](World& w) {
         w.gate_classes.erase(w.policy->stages[1].gates[0].gate_class);
         w.policy_digest = digest_of('0');
       },
       "GateClassMissing"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.cause);
    World w = intended();
    row.spoil(w);
    const Decision d = decide(w);
    CHECK(d.actions.empty());
    CHECK(d.reason == row.reason);
    CHECK_FALSE(d.waiting_for.empty());
    CHECK(d.wake_at);
  }
}

TEST_CASE("roll out: goes on whoever deletes the request, and has lost the right to ask") {
  World w = intended();
  w.request.meta.deleting = true;
  w.requester_authorised = false;
  w.approvals.clear();
  CHECK(patches(decide(w)));
}

TEST_CASE("roll out: step by step to Applied") {
  struct Row {
    std::string state;
    void (*set)(World&);
    std::string reason;
  };

  const Row rows[] = {
      {"status of before", [](World& w) { w.target->deployment->observed_generation = 2; },
       "RolloutInProgress"},
      {"old pods", [](World& w) { w.target->deployment->status_replicas = 2; },
       "RolloutInProgress"},
      {"not available", [](World& w) { w.target->deployment->available_replicas = 0; },
       "RolloutInProgress"},
      {"not updated", [](World& w) { w.target->deployment->updated_replicas = 0; },
       "RolloutInProgress"},
      {"pin changed by hand",
       [](World& w) { w.target->deployment->containers[0].env[0].value = "3"; }, "Pinning"},
      {"smoke test runs", [](World& w) { w.smoke->verdict = Verdict::kRunning; }, "SmokeTest"},
      {"no smoke test yet",
       [](World& w) {
         w.smoke = GateState{};
         w.smoke->spec = gate_spec("smoke", GateType::kSmoke);
       },
       "SmokeTest"},
      {"smoke test disrupted",
       [](World& w) {
         w.smoke->verdict = Verdict::kErrored;
         w.smoke->retryable = true;
       },
       "SmokeTest"},
      {"no smoke class", [](World& w) { w.smoke.reset(); }, "GateClassMissing"},
  };
  CHECK(appends(decide(rolled_out()), "Applied"));
  CHECK(appends(decide(rolled_out()), "Applied")->of == 4);
  for (const Row& row : rows) {
    CAPTURE(row.state);
    World w = rolled_out();
    row.set(w);
    const Decision d = decide(w);
    CHECK(appends(d, "Applied") == nullptr);
    CHECK(appends(d, "Aborted") == nullptr);
    CHECK(d.reason == row.reason);
  }
}

TEST_CASE("roll out: the smoke test asks for the row and score that the accuracy gate kept") {
  World w = rolled_out();
  w.smoke = GateState{};
  w.smoke->spec = gate_spec("smoke", GateType::kSmoke);
  const Decision d = decide(w);
  REQUIRE(d.actions.size() == 1);
  const auto& job = std::get<CreateGateJob>(d.actions[0]);
  CHECK(job.golden_row == "0");
  CHECK(job.golden_score == "0.0123");
  CHECK(job.candidate == version_ref("2"));
  CHECK(job.input_digest == w.target->ledger.records.back().digest);
}

TEST_CASE("roll out: what ends it badly, and whether pins have to go back") {
  struct Row {
    std::string cause;
    void (*spoil)(World&);
    std::string code;
    bool goes_back;
  };

  const Row rows[] = {
      {"deadline", [](World& w) { give_up(w, w.now + minutes(9)); }, "RolloutFailed", true},
      {"smoke test", [](World& w) { w.smoke->verdict = Verdict::kFailed; }, "SmokeTestFailed",
       true},
      {"smoke test cannot tell", [](World& w) { w.smoke->verdict = Verdict::kInconclusive; },
       "SmokeTestFailed", true},
      {"version deleted", [](World& w) { w.version.reset(); }, "SmokeTestImpossible", true},
      {"policy deleted", [](World& w) { w.policy.reset(); }, "SmokeTestImpossible", true},
      {"deployment deleted", [](World& w) { w.target->deployment.reset(); }, "DeploymentGone",
       false},
      {"deployment being deleted", [](World& w) { w.target->deployment->meta.deleting = true; },
       "DeploymentGone", false},
      {"later sequence", [](World& w) { w.target->deployment = deployment("3", 9); }, "Overtaken",
       false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.cause);
    World w = rolled_out();
    row.spoil(w);
    const Decision d = decide(w);
    const AppendRecord* aborted = appends(d, "Aborted");
    REQUIRE(aborted);
    CHECK(d.actions.size() == 1);
    CHECK(code_of(aborted->reason) == row.code);
    close(w, "Aborted", aborted->reason.c_str());
    const Decision next = decide(w);
    const AppendRecord* back = appends(next, "Intent");
    CHECK((back != nullptr) == row.goes_back);
    if (back == nullptr) {
      CHECK(next.phase == Phase::kAborted);
      continue;
    }
    CHECK(back->to == version_ref("1"));
    CHECK(back->action == "Rollback");
    CHECK_FALSE(is_terminal(next.phase));
  }
}

TEST_CASE("roll out: an old deadline of the rollout before is not this one's") {
  World w = rolled_out();
  give_up(w, w.target->ledger.records.back().time - minutes(1));
  CHECK(decide(w).reason == "RolloutInProgress");
  // A rollout that never moves keeps the old condition: it ends by our own watch.
  w.now = w.target->ledger.records.back().time + seconds(900);
  REQUIRE(appends(decide(w), "Aborted"));
  CHECK(code_of(appends(decide(w), "Aborted")->reason) == "RolloutFailed");
}

TEST_CASE("way back: from a first promotion it removes the pins and waits for nothing") {
  World w = going_back("");
  w.target->deployment = deployment("2", 4);
  Decision d = decide(w);
  REQUIRE(d.actions.size() == 1);
  CHECK(std::get<PatchPin>(d.actions[0]).version == VersionRef{});
  CHECK(std::get<PatchPin>(d.actions[0]).sequence == 6);
  w.target->deployment = deployment("", 6);
  w.target->deployment->available_replicas = 0;  // an unpinned server is never ready
  d = decide(w);
  REQUIRE(appends(d, "Applied"));
  CHECK(appends(d, "Applied")->to == VersionRef{});
  close(w, "Applied");
  CHECK(serving_version(w.target->ledger).version.empty());
  CHECK(decide(w).phase == Phase::kRolledBack);
  CHECK(decide(w).reason == "RolloutFailed");
}

TEST_CASE("way back: ends RolledBack, and Errored when it fails as well") {
  World w = going_back("1");
  w.smoke.reset();  // a rollback is not tested
  REQUIRE(appends(decide(w), "Applied"));
  World failed = w;
  close(w, "Applied");
  Decision d = decide(w);
  CHECK(d.phase == Phase::kRolledBack);
  CHECK(appends(d, "Archived") == nullptr);  // version 2 may be tried again
  give_up(failed, failed.now + minutes(9));
  REQUIRE(appends(decide(failed), "Aborted"));
  close(failed, "Aborted", "RolloutFailed: late");
  d = decide(failed);
  CHECK(d.phase == Phase::kErrored);
  CHECK(d.reason == "RollbackFailed");
  CHECK(appends(d, "Intent") == nullptr);
}

TEST_CASE("way back: not over a change that another request has made since") {
  World w = rolled_out();
  close(w, "Aborted", "RolloutFailed: late");
  append(w.target->ledger, {.kind = "Intent", .request_uid = "uid-x", .to = version_ref("1")});
  append(w.target->ledger,
         {.kind = "Applied", .request_uid = "uid-x", .to = version_ref("1"), .of = 6});
  const Decision d = decide(w);
  CHECK(appends(d, "Intent") == nullptr);
  CHECK(d.phase == Phase::kAborted);
}

TEST_CASE("way back: a rollback by request that fails is taken back as well") {
  World w = rolled_out();
  w.request.action = RequestAction::kRollback;
  w.target->ledger.records.back().action = "Rollback";
  give_up(w, w.now + minutes(9));
  REQUIRE(appends(decide(w), "Aborted"));
  close(w, "Aborted", "RolloutFailed: late");
  REQUIRE(appends(decide(w), "Intent"));
  CHECK(appends(decide(w), "Intent")->to == version_ref("1"));
}

TEST_CASE("adoption: aborted, and nothing taken back, when the pins changed under it") {
  World w = rolled_out();
  w.request.action = RequestAction::kAdopt;
  w.target->ledger.records.back().action = "Adopt";
  w.target->deployment = deployment("3", 0);
  const Decision d = decide(w);
  REQUIRE(appends(d, "Aborted"));
  CHECK_FALSE(patches(d));
  close(w, "Aborted", appends(d, "Aborted")->reason.c_str());
  CHECK(decide(w).phase == Phase::kAborted);
}

TEST_CASE("applied: archives what was replaced, once, and only while nothing serves it") {
  World w = rolled_out();
  close(w, "Applied");
  Decision d = decide(w);
  CHECK(d.phase == Phase::kPromoted);
  REQUIRE(appends(d, "Archived"));
  CHECK(appends(d, "Archived")->to == version_ref("1", "Archived"));
  World other = w;  // another target still serves it
  LedgerView elsewhere;
  append(elsewhere, {.kind = "Applied", .request_uid = "uid-y", .to = version_ref("1")});
  other.other_targets = {elsewhere};
  CHECK(appends(decide(other), "Archived") == nullptr);
  append(w.model_ledger, {.kind = "Archived",
                          .request_uid = "uid-human",
                          .to = version_ref("1", "Archived"),
                          .time = w.now});
  CHECK(appends(decide(w), "Archived") == nullptr);
  CHECK(decide(w).reason == "Applied");
  append(
      w.model_ledger,
      {.kind = "Staged", .request_uid = "uid-z", .to = version_ref("1", "Staging"), .time = w.now});
  CHECK(appends(decide(w), "Archived") == nullptr);  // staged again since: not ours to move
}

TEST_CASE("applied: without the policy the end stands and the archiving waits") {
  World w = rolled_out();
  close(w, "Applied");
  w.policy.reset();
  w.request.meta.finalizers = {kFinalizer};
  const Decision d = decide(w);
  CHECK(d.phase == Phase::kPromoted);
  CHECK(appends(d, "Archived") == nullptr);
  CHECK(d.reason == "ArchivingPrevious");
  CHECK(d.waiting_for == "PromotionPolicy credit-risk");
  CHECK(d.wake_at);
  REQUIRE(d.actions.size() == 1);
  CHECK_FALSE(std::get<SetFinalizer>(d.actions[0]).present);
}

TEST_CASE("roll out: a target the policy has lost sight of neither restarts nor loses a request") {
  World w = rolled_out();
  w.other_targets = {w.target->ledger};
  w.target.reset();
  Decision d = decide(w);
  CHECK(d.reason == "TargetMissing");
  CHECK(d.actions.empty());
  w.request.meta.deleting = true;
  CHECK(decide(w).actions.empty());  // the finalizer stays: an Intent is open
  w.request.meta.deleting = false;
  append(w.other_targets[0], {.kind = "Applied",
                              .request_uid = kUid,
                              .action = "Promote",
                              .from = version_ref("1"),
                              .to = version_ref("2"),
                              .of = 4});
  d = decide(w);
  CHECK(d.phase == Phase::kPromoted);
  CHECK(d.records.size() == 3);  // GateResult, Intent, Applied
}
