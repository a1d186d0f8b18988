#include "promotion/decide.h"

#include "fixtures.h"
#include "promotion/records.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)
using std::chrono::hours;
using std::chrono::minutes;

namespace {

struct Row {
  std::string spoiled;
  void (*spoil)(World&);
  std::string phase;
  std::string reason;
};

StageSpec& production(World& world) {
  return world.policy->stages[1];
}

GateState& last_gate(World& world) {
  return world.gates.back();
}

/// What the gates are about has changed: no Job of the new evaluation exists.
void forget_gates(World& world) {
  for (GateState& gate : world.gates) {
    const GateSpec spec = gate.spec;
    gate = GateState{};
    gate.spec = spec;
  }
}

/// Gates have not been recorded yet, and the clones stand.
World gates_ended() {
  World world = ready_to_promote();
  world.results.reset();
  std::erase_if(world.model_ledger.records,
                [](const RecordFact& record) { return record.kind == "GateResult"; });
  world.owns_jobs = true;
  return world;
}

}  // namespace

TEST_CASE("decide: with everything agreed, the Intent comes first and no pin with it") {
  const Decision d = decide(ready_to_promote());
  CHECK(d.phase == Phase::kRecording);
  CHECK_FALSE(patches(d));
  REQUIRE(d.actions.size() == 2);
  CHECK(std::get<SetFinalizer>(d.actions[0]).present);
  const auto& intent = std::get<AppendRecord>(d.actions[1]);
  CHECK(intent.kind == "Intent");
  CHECK(intent.from.version == "1");
  CHECK(intent.to == version_ref("2"));
  CHECK(intent.decision_digest == d.review->decision_digest);
}

TEST_CASE("decide: no Intent and no pin while anything is missing") {
  const Row rows[] = {
      {"store", [](World& w) { w.store.trusted = false; }, "Pending", "AuditStoreNotTrusted"},
      {"policy", [](World& w) { w.policy.reset(); }, "Pending", "PolicyMissing"},
      {"requester", [](World& w) { w.request.requester = {}; }, "Pending", "RequesterUnknown"},
      {"requester's right", [](World& w) { w.requester_authorised = false; }, "Pending",
       "RequesterNotAuthorized"},
      {"answer about the right", [](World& w) { w.requester_authorised.reset(); }, "Pending",
       "AuthorizationUnknown"},
      {"version", [](World& w) { w.version.reset(); }, "Pending", "ModelVersionMissing"},
      {"stage", [](World& w) { production(w).name = "Live"; }, "Recording", "RecordingOutcome"},
      {"review of a serving stage", [](World& w) { production(w).review.reset(); }, "Pending",
       "PolicyUnsafe"},
      {"second seat of high risk", [](World& w) { production(w).review->approvers.pop_back(); },
       "Pending", "PolicyUnsafe"},
      {"blocking gate",
       [](World& w) {
         for (GateSpec& gate : production(w).gates)
           gate.blocking = false;
       },
       "Pending", "PolicyUnsafe"},
      {"target of a stage called Production", [](World& w) { production(w).targets.clear(); },
       "Pending", "PolicyUnsafe"},
      {"stage before", [](World& w) { w.model_ledger.records.clear(); }, "Recording",
       "RecordingOutcome"},
      {"target", [](World& w) { w.target.reset(); }, "Pending", "TargetMissing"},
      {"target's model", [](World& w) { w.target->target.model = "other"; }, "Pending",
       "TargetOfAnotherModel"},
      {"deployment", [](World& w) { w.target->deployment.reset(); }, "Pending",
       "DeploymentMissing"},
      {"deployment that stays", [](World& w) { w.target->deployment->meta.deleting = true; },
       "Pending", "DeploymentMissing"},
      {"claim", [](World& w) { w.target->claimed_by = "other"; }, "Pending",
       "DeploymentNotClaimed"},
      {"running deployment", [](World& w) { w.target->deployment->paused = true; }, "Pending",
       "DeploymentPaused"},
      {"replica", [](World& w) { w.target->deployment->replicas = 0; }, "Pending",
       "DeploymentPaused"},
      {"ledger up to the deployment's sequence",
       [](World& w) { w.target->deployment->meta.annotations[kSequenceAnnotation] = "9"; },
       "Pending", "SequenceAhead"},
      {"number as sequence",
       [](World& w) { w.target->deployment->meta.annotations[kSequenceAnnotation] = "many"; },
       "Pending", "SequenceAhead"},
      {"settled target",
       [](World& w) { append(w.target->ledger, {.kind = "Intent", .request_uid = "uid-other"}); },
       "Pending", "TargetBusy"},
      {"way back of another request",
       [](World& w) {
         append(w.target->ledger, {.kind = "Intent", .request_uid = "uid-other"});
         append(w.target->ledger, {.kind = "Aborted",
                                   .request_uid = "uid-other",
                                   .action = "Promote",
                                   .from = version_ref("1"),
                                   .to = version_ref("3"),
                                   .of = w.target->ledger.head_sequence(),
                                   .reason = "RolloutFailed: late"});
       },
       "Pending", "TargetBusy"},
      {"results of this evaluation",
       [](World& w) {
         w.policy_digest = digest_of('9');
         forget_gates(w);
       },
       "Evaluating", "PreparingClones"},
      {"results of this version's content",
       [](World& w) {
         w.version_digest = digest_of('9');
         forget_gates(w);
       },
       "Evaluating", "PreparingClones"},
      {"results of this request",
       [](World& w) {
         w.results->record.request_uid = "uid-other";
         forget_gates(w);
       },
       "Evaluating", "PreparingClones"},
      {"passing gate", [](World& w) { w.results->gates[1].verdict = Verdict::kErrored; },
       "Recording", "RecordingOutcome"},
      {"gate in the results", [](World& w) { w.results->gates.pop_back(); }, "Recording",
       "RecordingOutcome"},
      {"approval", [](World& w) { w.approvals.pop_back(); }, "AwaitingApproval",
       "AwaitingApproval"},
      {"approval of this decision",
       [](World& w) { w.approvals[0].approval.decision_digest = digest_of('0'); },
       "AwaitingApproval", "AwaitingApproval"},
      {"same Deployment", [](World& w) { w.target->deployment->meta.uid = "uid-new"; },
       "AwaitingApproval", "AwaitingApproval"},
      {"answer about an approver", [](World& w) { w.approvals[0].authorised.reset(); },
       "AwaitingApproval", "AwaitingApproval"},
      {"time", [](World& w) { w.now = at(hours(2)) + hours(72); }, "Recording", "RecordingOutcome"},
      {"free fields", [](World& w) { w.target->pin_conflict = "helm owns them"; }, "Recording",
       "FieldConflict"},
      {"smoke test", [](World& w) { w.smoke.reset(); }, "Recording", "GateClassMissing"},
      {"smoke test's type",
       [](World& w) { w.gate_classes["class-Smoke"].type = GateType::kAccuracy; }, "Recording",
       "GateClassMissing"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.spoiled);
    World w = ready_to_promote();
    row.spoil(w);
    const Decision d = decide(w);
    CHECK_FALSE(patches(d));
    CHECK(appends(d, "Intent") == nullptr);
    CHECK(name(d.phase) == row.phase);
    CHECK(d.reason == row.reason);
    CHECK_FALSE(d.message.empty());
  }
}

TEST_CASE("decide: every state that waits says for what and is looked at again") {
  World w = ready_to_promote();
  w.requester_authorised = false;
  const Decision d = decide(w);
  CHECK(d.waiting_for == "authorization");
  REQUIRE(d.wake_at);
  CHECK(*d.wake_at <= w.now + minutes(1));
}

TEST_CASE("decide: a version enters a serving stage neither from None nor from Archived") {
  for (const char* stage : {"None", "Archived"}) {
    CAPTURE(stage);
    World w = ready_to_promote();
    production(w).from = {"None", "Staging", "Archived"};  // a policy that slipped through
    RecordFact moved = w.model_ledger.records.back();
    moved.kind = "Archived";
    moved.to.stage = "Archived";
    if (std::string(stage) == "Archived") append(w.model_ledger, moved);
    if (std::string(stage) == "None") w.model_ledger.records.resize(2);
    agree(w);
    const Decision d = decide(w);
    REQUIRE(appends(d, "Blocked"));
    CHECK(appends(d, "Blocked")
              ->reason.starts_with("StageOrder: version 2 is in " + std::string(stage)));
  }
}

TEST_CASE("decide: a version that is there already ends the request by record") {
  World w = ready_to_promote();
  w.request = request("1", "Production");
  w.request.meta.uid = "uid-1-again";
  w.version = model_version("1");
  const Decision d = decide(w);
  const AppendRecord* record = appends(d, "NoChange");
  REQUIRE(record);
  append(w.model_ledger,
         {.kind = "NoChange", .request_uid = w.request.meta.uid, .reason = record->reason});
  CHECK(decide(w).phase == Phase::kPromoted);
  CHECK(decide(w).reason == "NoChange");
  // What another request does later cannot start it again.
  append(w.target->ledger, {.kind = "Intent", .request_uid = "uid-x", .to = version_ref("2")});
  append(w.target->ledger,
         {.kind = "Applied", .request_uid = "uid-x", .to = version_ref("2"), .of = 4});
  CHECK(decide(w).phase == Phase::kPromoted);
}

TEST_CASE("gates: only an explicit Pass of every blocking gate lets a version on") {
  struct GateRow {
    std::string spoiled;
    void (*spoil)(World&);
    std::string reason;  // of the Blocked record; empty: passes or goes on
  };

  const GateRow rows[] = {
      {"nothing", [](World&) {}, ""},
      {"failed", [](World& w) { last_gate(w).verdict = Verdict::kFailed; },
       "Promotion blocked. Failed gates: fairness"},
      {"inconclusive", [](World& w) { last_gate(w).verdict = Verdict::kInconclusive; },
       "Promotion blocked. Failed gates: fairness"},
      {"errored", [](World& w) { last_gate(w).verdict = Verdict::kErrored; },
       "Promotion blocked. Failed gates: fairness"},
      {"errored for the last time",
       [](World& w) {
         last_gate(w).verdict = Verdict::kErrored;
         last_gate(w).retryable = true;
         last_gate(w).attempt = 3;
       },
       "Promotion blocked. Failed gates: fairness"},
      {"two",
       [](World& w) {
         w.gates[0].verdict = Verdict::kErrored;
         w.gates[1].verdict = Verdict::kFailed;
       },
       "Promotion blocked. Failed gates: accuracy, latency"},
      {"an advisory one",
       [](World& w) {
         production(w).gates[1].blocking = false;
         w.gates[1].spec.blocking = false;
         w.gates[1].verdict = Verdict::kFailed;
       },
       ""},
  };
  for (const GateRow& row : rows) {
    CAPTURE(row.spoiled);
    World w = gates_ended();
    row.spoil(w);
    const Decision d = decide(w);
    const AppendRecord* blocked = appends(d, "Blocked");
    CHECK((blocked == nullptr) == row.reason.empty());
    CHECK((appends(d, "GateResult") != nullptr) == row.reason.empty());
    if (blocked != nullptr) CHECK(blocked->reason == row.reason);
  }
}

TEST_CASE("gates: without their states nothing is concluded from nothing") {
  World w = gates_ended();
  w.gates.clear();
  CHECK(decide(w).reason == "GatesUnknown");
  w = gates_ended();
  w.gates[0].spec.name = "other";
  CHECK(decide(w).reason == "GatesUnknown");
  CHECK(decide(w).actions.empty());
}

TEST_CASE("gates: the review asks in the article's words, and says when an advisory gate failed") {
  World w = ready_to_promote();
  w.approvals.clear();
  CHECK(
      decide(w).message.starts_with("All automated gates passed. Awaiting human review for "
                                    "Production promotion. Missing: model-risk (one of group "
                                    "mrm); business (one of group retail-credit)."));
  production(w).gates[1].blocking = false;
  w.gates[1].spec.blocking = false;
  w.gates[1].verdict = Verdict::kFailed;
  agree(w);
  w.approvals.clear();
  CHECK(decide(w).message.starts_with(
      "All blocking gates passed (advisory gates that did not: latency). Awaiting human review"));
}

TEST_CASE("review: any valid rejection is final, even with every approval there") {
  World w = ready_to_promote();
  w.approvals.push_back(approval(w.request, "bo", digest_of('0')));  // of an older digest
  w.approvals.back().approval.approve = false;
  w.approvals.back().approval.comment = "holiday";
  const Decision d = decide(w);
  REQUIRE(appends(d, "Rejected"));
  CHECK(appends(d, "Rejected")->reason == "rejected by bo: holiday");
  CHECK(appends(d, "Intent") == nullptr);
  append(w.model_ledger, {.kind = "Rejected", .request_uid = kUid, .reason = "rejected by bo"});
  w.approvals.pop_back();
  CHECK(decide(w).phase == Phase::kRejected);
  CHECK(decide(w).actions.empty());
}

TEST_CASE("review: while people are asked everything is cleaned up, then nothing more is done") {
  World w = ready_to_promote();
  w.approvals.clear();
  w.request.meta.finalizers = {kFinalizer};
  w.owns_jobs = true;
  w.evaluated_on->clones = {clone("candidate", kUid, "")};
  Decision d = decide(w);
  REQUIRE(d.actions.size() == 2);
  CHECK(holds<DeleteJobs>(d));
  CHECK(holds<DeleteClones>(d));
  w.owns_jobs = false;
  w.evaluated_on->clones.clear();
  d = decide(w);
  REQUIRE(d.actions.size() == 1);
  CHECK_FALSE(std::get<SetFinalizer>(d.actions[0]).present);
  w.request.meta.finalizers.clear();
  CHECK(decide(w).actions.empty());
  CHECK(decide(w).phase == Phase::kAwaitingApproval);
  CHECK(*decide(w).wake_at == at(hours(74)));
}

TEST_CASE("review: another promotion in between voids results and approvals") {
  World w = ready_to_promote();
  const std::string before = decide(w).review->decision_digest;
  append(w.target->ledger, {.kind = "Intent", .request_uid = "uid-3-prod", .to = version_ref("3")});
  append(w.target->ledger,
         {.kind = "Applied", .request_uid = "uid-3-prod", .to = version_ref("3"), .of = 4});
  w.evaluated_on = w.target;
  w.target->deployment = deployment("3", 4);
  const std::vector<GateState> gates = w.gates;
  forget_gates(w);
  const Decision d = decide(w);
  CHECK(d.phase == Phase::kEvaluating);
  CHECK(holds<EnsureClone>(d));
  const std::vector<ApprovalState> old = w.approvals;
  w.gates = gates;
  agree(w);
  w.approvals = old;
  const Decision again = decide(w);
  CHECK(again.phase == Phase::kAwaitingApproval);
  CHECK(again.review->decision_digest != before);
  CHECK(again.approvals[0].reason == "DigestChanged");
}

TEST_CASE("review: after its end it is shown as the record says, whatever is left of it") {
  World w = ready_to_promote();
  const Decision agreed = decide(w);
  const AppendRecord* intent = appends(agreed, "Intent");
  REQUIRE(intent != nullptr);
  RecordFact& record = append(w.target->ledger, {.kind = "Intent",
                                                 .request_uid = kUid,
                                                 .decision_digest = intent->decision_digest,
                                                 .action = "Promote",
                                                 .from = intent->from,
                                                 .to = intent->to});
  w.past_review = review_of_body(intent->body, record).value();
  w.approvals.clear();
  for (const bool ended : {false, true}) {
    CAPTURE(ended);
    if (ended) {
      append(w.target->ledger, {.kind = "Applied",
                                .request_uid = kUid,
                                .to = version_ref("2"),
                                .of = w.target->ledger.head_sequence()});
    }
    const Decision d = decide(w);
    CHECK(d.phase == (ended ? Phase::kPromoted : Phase::kRollingOut));
    REQUIRE(d.review);
    CHECK(d.review->decision_digest == agreed.review->decision_digest);
    CHECK(d.review->expires_at == agreed.review->expires_at);
    CHECK(d.review->counted == 2);
    REQUIRE(d.approvals.size() == 2);
    CHECK(d.approvals[0].message == agreed.approvals[0].message);
    CHECK(d.approvals[1].role == agreed.approvals[1].role);
  }
}

TEST_CASE(
    "decide: a ledger that cannot be read lets nothing happen, and says which way it failed") {
  World w = rolled_out();
  w.ledger_fault = LedgerFault{.broken = false, .message = "connection refused"};
  Decision d = decide(w);
  CHECK(d.phase == Phase::kPending);
  CHECK(d.reason == "AuditStoreUnavailable");
  CHECK(d.actions.empty());
  CHECK(d.wake_at);
  w.ledger_fault = LedgerFault{.broken = true, .message = "record 3 does not follow record 2"};
  d = decide(w);
  CHECK(d.reason == "AuditBroken");
  CHECK(d.message.find("record 3 does not follow record 2") != std::string::npos);
  CHECK(d.actions.empty());
}

TEST_CASE("decide: the phase's name leads back to the phase") {
  CHECK(phase_of("AwaitingApproval") == Phase::kAwaitingApproval);
  CHECK(phase_of("Errored") == Phase::kErrored);
  CHECK_FALSE(phase_of(""));
  CHECK_FALSE(phase_of("Something"));
}

TEST_CASE("decide: a request that was deleted before any Intent only cleans up") {
  World w = ready_to_promote();
  w.request.meta.deleting = true;
  w.request.meta.finalizers = {kFinalizer};
  w.owns_jobs = true;
  Decision d = decide(w);
  CHECK(holds<DeleteJobs>(d));
  CHECK(d.actions.size() == 1);
  w.owns_jobs = false;
  d = decide(w);
  REQUIRE(d.actions.size() == 1);
  CHECK_FALSE(std::get<SetFinalizer>(d.actions[0]).present);
}

TEST_CASE("decide: clones that only a count shows hold the finalizer too") {
  World w = ready_to_promote();
  w.request.meta.deleting = true;
  w.request.meta.finalizers = {kFinalizer};
  w.owns_clones = true;
  w.evaluated_on.reset();
  const Decision d = decide(w);
  REQUIRE(d.actions.size() == 1);
  CHECK(holds<DeleteClones>(d));
}

TEST_CASE("rollback: one version back each time, never forward again") {
  World w = ready_to_promote();
  w.request = request("", "Production", RequestAction::kRollback);
  const auto apply = [&](const char* action, const char* from, const char* to) {
    RecordFact record{.kind = "Intent",
                      .request_uid = std::string("uid-") + to,
                      .action = action,
                      .from = version_ref(from),
                      .to = version_ref(to)};
    append(w.target->ledger, record);
    record.of = w.target->ledger.head_sequence();
    record.kind = "Applied";
    append(w.target->ledger, record);
    w.target->deployment = deployment(to, record.of);
  };
  CHECK(appends(decide(w), "Blocked")->reason.starts_with("NothingToRollBackTo: "));
  apply("Promote", "1", "2");
  apply("Promote", "2", "4");
  CHECK(appends(decide(w), "Intent")->to == version_ref("2"));
  apply("Rollback", "4", "2");
  CHECK(appends(decide(w), "Intent")->to == version_ref("1"));
  apply("Rollback", "2", "1");
  CHECK(appends(decide(w), "Blocked")->reason.starts_with("NothingToRollBackTo: "));
  w.request.version = "4";  // by name also forward, since it served here
  CHECK(appends(decide(w), "Intent")->to == version_ref("4"));
  w.request.version = "3";
  CHECK(appends(decide(w), "Blocked")->reason.starts_with("NeverServed: "));
  w.request.version = "1";
  CHECK(appends(decide(w), "NoChange"));
  w.target->deployment = deployment("3", 9);  // somebody changed the pin by hand
  CHECK(appends(decide(w), "Intent")->to == version_ref("1"));
}

TEST_CASE("rollback: after a failed change that nobody took back it goes to what served") {
  World w = rolled_out();
  append(w.target->ledger, {.kind = "Aborted",
                            .request_uid = kUid,
                            .action = "Promote",
                            .from = version_ref("1"),
                            .to = version_ref("2"),
                            .of = 4,
                            .reason = "RolloutFailed: late"});
  w.request = request("", "Production", RequestAction::kRollback);
  const Decision d = decide(w);
  REQUIRE(appends(d, "Intent"));
  CHECK(appends(d, "Intent")->to == version_ref("1"));
}

TEST_CASE("rollback and adoption: only for stages that serve") {
  for (const RequestAction action : {RequestAction::kRollback, RequestAction::kAdopt}) {
    CAPTURE(name(action));
    World w = ready_to_promote();
    w.request = request("2", "Staging", action);
    w.target.reset();
    REQUIRE(appends(decide(w), "Blocked"));
    CHECK(appends(decide(w), "Blocked")->reason.starts_with("NotServing: "));
  }
}

TEST_CASE("adoption: takes over exactly what runs, and only where nothing is recorded") {
  World w = ready_to_promote();
  w.request.action = RequestAction::kAdopt;
  CHECK(appends(decide(w), "Blocked")->reason.starts_with("AlreadyManaged: "));
  w.target->ledger.records.clear();
  w.target->deployment = deployment("2", 0);
  REQUIRE(appends(decide(w), "Intent"));
  CHECK(appends(decide(w), "Intent")->action == "Adopt");
  CHECK(appends(decide(w), "Intent")->from.version.empty());
  for (const char* running : {"1", ""}) {  // else it would be a way round gates and approvals
    CAPTURE(running);
    w.target->deployment = deployment(running, 0);
    CHECK(appends(decide(w), "Intent") == nullptr);
    REQUIRE(appends(decide(w), "Blocked"));
    CHECK(appends(decide(w), "Blocked")->reason.starts_with("NotRunning: "));
  }
}

TEST_CASE("archiving: refused while the version serves, recorded otherwise, once") {
  World w = ready_to_promote();
  w.request = request("2", "Archived", RequestAction::kArchive);
  w.other_targets = {w.target->ledger};
  w.target.reset();
  REQUIRE(appends(decide(w), "Archived"));
  CHECK(appends(decide(w), "Archived")->from.stage == "Staging");
  CHECK(appends(decide(w), "Archived")->to.stage == "Archived");
  append(
      w.model_ledger,
      {.kind = "Archived", .request_uid = w.request.meta.uid, .to = version_ref("2", "Archived")});
  CHECK(decide(w).phase == Phase::kPromoted);
  w.request = request("1", "Archived", RequestAction::kArchive);
  w.version = model_version("1");
  CHECK(appends(decide(w), "Blocked")->reason.starts_with("StillServing: "));
  w.request = request("2", "Archived", RequestAction::kArchive);
  w.request.meta.uid = "uid-again";
  w.version = model_version("2");
  CHECK(appends(decide(w), "NoChange"));
}
