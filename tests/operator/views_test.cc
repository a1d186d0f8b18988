#include "operator/views/sweeper.h"
#include "tests/operator/room.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

json condition(const json& object, const std::string& type) {
  for (const json& each : object.value("/status/conditions"_json_pointer, json::array())) {
    if (each["type"] == type) return each;
  }
  return json::object();
}

json target_condition(Room& room, const std::string& type) {
  return condition(*room.get(kube::type_of<ServingTarget>(), kTarget), type);
}

/// Version 1 serves, version 2 is about to: its Intent is open, its pin written.
struct RollingOut : Room {
  std::string request;

  RollingOut() {
    promote("1", "Staging");
    promote("1", "Production");
    promote("2", "Staging");
    request = ask("2", "Production");
    settle();
    answer(request, "mia");
    for (int turn = 0; turn < 20 && pin_of(kTarget) != "2"; ++turn) {
      operator_->work();
      if (pin_of(kTarget) == "2") break;
      settle_workloads();
      finish_jobs();
    }
    REQUIRE(pin_of(kTarget) == "2");
    REQUIRE(target_history().open_intent() != nullptr);
  }

  /// Takes the finalizer off and deletes the request, as somebody in a hurry does.
  void lose_request() {
    edit<PromotionRequest>(request,
                           [](json& object) { object["metadata"]["finalizers"] = json::array(); });
    remove_request(request);
    REQUIRE_FALSE(get(kube::type_of<PromotionRequest>(), request));
  }
};

}  // namespace

TEST_CASE("target: a claim that is refused is said on the target, whatever the cause") {
  struct Row {
    ErrorCode code;
    const char* reason;
  };

  const Row rows[] = {{ErrorCode::kDenied, "OperatorNotAllowed"},
                      {ErrorCode::kFieldConflict, "ClaimConflict"},
                      {ErrorCode::kInvalid, "ClaimRefused"}};
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    Room room;
    room.api.inject({.pattern = "fieldManager=stagekeeper",
                     .error = {row.code, "because of this"},
                     .times = 100});
    room.operator_->work();
    const json claimed = target_condition(room, "DeploymentClaimed");
    CHECK(claimed["status"] == "False");
    CHECK(claimed["reason"] == row.reason);
    CHECK(claimed["message"].get<std::string>().find("because of this") != std::string::npos);
    CHECK(target_condition(room, "Ready")["status"] == "False");
  }
}

TEST_CASE("target: what serves is shown, and a pin that no record says is drift") {
  Room room({.endpoints = true});
  room.promote("1", "Staging");
  room.promote("1", "Production");
  const json status = (*room.get(kube::type_of<ServingTarget>(), kTarget))["status"];
  CHECK(status["serving"]["version"] == "1");
  CHECK(target_condition(room, "Ready")["status"] == "True");
  CHECK_FALSE(status["ledger"].contains("pending"));
  room.edit<Deployment>(kTarget, [](json& object) {
    object["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "9";
  });
  room.settle();
  CHECK(target_condition(room, "Drifted")["status"] == "True");
  CHECK(target_condition(room, "Stalled")["status"] == "True");
}

TEST_CASE("target: an Intent whose request is gone does not block the target for ever") {
  RollingOut room;
  SUBCASE("the target lives") {
    room.lose_request();
  }
  SUBCASE("the operator was away meanwhile") {
    room.lose_request();
    room.operator_ = room.replica();
  }
  room.settle();
  CHECK(room.target_history().open_intent() == nullptr);
  CHECK(room.pin_of(kTarget) == "1");
  // Others can go on, a rollback included.
  CHECK(room.phase_of(room.promote("3", "Staging")) == "Promoted");
  CHECK(room.phase_of(room.promote("3", "Production")) == "Promoted");
  CHECK(room.pin_of(kTarget) == "3");
}

TEST_CASE("target: an Intent is closed although request and target are both gone") {
  RollingOut room;
  room.api.remove(kube::type_of<ServingTarget>(), {kNs, kTarget});
  room.lose_request();
  room.settle();
  CHECK(room.target_history().open_intent() == nullptr);
}

TEST_CASE("target: an Intent that was recorded just after its request had ended is closed") {
  Room room;
  room.promote("1", "Staging");
  const RecordFact end = *room.model_history().moves_of("1", "").back();
  Replica& replica = *room.operator_;
  REQUIRE(replica.ledgers.append(kNs, {.kind = LedgerKind::kTarget, .name = kTarget},
                                 {.name = kTarget, .uid = std::string("uid-") + kTarget},
                                 {.kind = RecordKind::kIntent,
                                  .model = kModel,
                                  .request = end.request,
                                  .action = "Promote",
                                  .decision_digest = end.digest,
                                  .to = end.to,
                                  .decided = end.digest}));
  REQUIRE(replica.run({.kind = kTargetKey, .ns = kNs, .name = kTarget}));
  CHECK(room.target_history().open_intent() == nullptr);
  CHECK(room.pin_of(kTarget).empty());
}

TEST_CASE("target: an Intent is left to its request while that exists anywhere but in the cache") {
  RollingOut room;
  Replica blind(
      Replica::World{.api = room.api, .calls = room.api, .store = room.store, .clock = room.clock});
  REQUIRE(blind.run({.kind = kTargetKey, .ns = kNs, .name = kTarget}));
  CHECK(room.target_history().open_intent() != nullptr);
}

TEST_CASE("target: its Deployment is given back when it is gone") {
  Room room;
  room.settle();
  const json::json_pointer claim("/metadata/labels/stagekeeper.dev~1target");
  REQUIRE((*room.get(kube::type_of<Deployment>(), kTarget)).contains(claim));
  room.api.remove(kube::type_of<ServingTarget>(), {kNs, kTarget});
  room.settle();
  CHECK_FALSE((*room.get(kube::type_of<Deployment>(), kTarget)).contains(claim));
}

TEST_CASE("target: one that only observes claims nothing, until it is to enforce") {
  Room room;
  room.edit<ServingTarget>(kTarget,
                           [](json& object) { object["spec"]["enforcement"] = "Observe"; });
  room.settle();
  const json::json_pointer claim("/metadata/labels/stagekeeper.dev~1target");
  const auto claimed = [&] {
    return (*room.get(kube::type_of<Deployment>(), kTarget)).contains(claim);
  };
  CHECK_FALSE(claimed());
  CHECK(target_condition(room, "DeploymentClaimed")["reason"] == "Observing");
  CHECK(target_condition(room, "Ready")["reason"] == "Observing");
  room.edit<ServingTarget>(kTarget,
                           [](json& object) { object["spec"]["enforcement"] = "Enforce"; });
  room.settle();
  CHECK(claimed());
  CHECK(target_condition(room, "DeploymentClaimed")["status"] == "True");
}

TEST_CASE(
    "model: versions and stages show where the ledger put them, and nothing is written twice") {
  Room room;
  room.promote("1", "Staging");
  room.promote("1", "Production");
  const json version = *room.get(kube::type_of<ModelVersion>(), "credit-risk-1");
  CHECK(version["status"]["stage"] == "Production");
  const json stage = *room.get(kube::type_of<ModelStage>(), "credit-risk.production");
  CHECK(stage["status"]["version"] == "1");
  const json empty = *room.get(kube::type_of<ModelStage>(), "credit-risk.staging");
  CHECK_FALSE(empty["status"].contains("version"));
  const std::size_t calls = room.api.calls_with("PATCH");
  REQUIRE(room.operator_->run({.kind = kModelKey, .ns = kNs, .name = kModel}));
  CHECK(room.api.calls_with("PATCH") == calls);
  room.api.remove(kube::type_of<ModelStage>(), {kNs, "credit-risk.production"});
  room.settle();
  CHECK((*room.get(kube::type_of<ModelStage>(), "credit-risk.production"))["status"]["version"] ==
        "1");
}

TEST_CASE("model: a stage shows what is in it by record, also when the version's object is gone") {
  Room room;
  room.promote("1", "Staging");
  room.api.remove(kube::type_of<ModelVersion>(), {kNs, "credit-risk-1"});
  room.settle();
  REQUIRE(room.operator_->run({.kind = kModelKey, .ns = kNs, .name = kModel}));
  CHECK((*room.get(kube::type_of<ModelStage>(), "credit-risk.staging"))["status"]["version"] ==
        "1");
}

TEST_CASE("policy: what it names and is not there is told, and told again when it is") {
  Room room;
  json gate_class = *room.get(kube::type_of<GateClass>(), "accuracy-class", "");
  room.api.remove(kube::type_of<GateClass>(), {"", "accuracy-class"});
  room.settle();
  json policy = *room.get(kube::type_of<PromotionPolicy>(), kModel);
  CHECK(condition(policy, "ResolvedRefs")["reason"] == "GateClassMissing");
  CHECK(condition(policy, "Ready")["status"] == "False");
  gate_class["metadata"]["uid"] = "uid-2";
  room.api.put(kube::type_of<GateClass>(), gate_class);
  room.settle();
  policy = *room.get(kube::type_of<PromotionPolicy>(), kModel);
  CHECK(condition(policy, "ResolvedRefs")["status"] == "True");
  CHECK(condition(policy, "Ready")["status"] == "True");
}

TEST_CASE("gate class: whether its type is one that is judged is said") {
  Room room;
  json vibes = *room.get(kube::type_of<GateClass>(), "accuracy-class", "");
  vibes["metadata"]["name"] = "vibes";
  vibes["metadata"]["uid"] = "uid-vibes";
  vibes["spec"]["type"] = "Vibes";
  room.api.put(kube::type_of<GateClass>(), vibes);
  room.settle();
  const auto accepted = [&](const std::string& name) {
    return condition(*room.get(kube::type_of<GateClass>(), name, ""), "Accepted")
        .value("status", "");
  };
  CHECK(accepted("vibes") == "False");
  CHECK(accepted("accuracy-class") == "True");
}

TEST_CASE("approval: one that comes late, or for nobody, is told so, once") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.settle();
  const std::string late = room.answer(request, "mia");
  json orphan = *room.get(kube::type_of<Approval>(), late);
  orphan["metadata"]["name"] = "orphan";
  orphan["metadata"]["uid"] = "uid-orphan";
  orphan["spec"]["request"] = {{"name", "v2-prodution"}, {"uid", "uid-nobody"}};
  // Whatever it says: no word in it is mistaken for an answer.
  orphan["spec"]["comment"] = "\"counted\"";
  room.api.put(kube::type_of<Approval>(), orphan);
  room.settle();
  const json said_late = condition(*room.get(kube::type_of<Approval>(), late), "Counted");
  CHECK(said_late["status"] == "False");
  const json said = condition(*room.get(kube::type_of<Approval>(), "orphan"), "Counted");
  CHECK(said["status"] == "False");
  CHECK(said["reason"] == "RequestNotFound");
  const std::size_t written = room.api.calls_with("PATCH");
  room.operator_ = room.replica();
  room.settle();
  CHECK(room.api.calls_with("PATCH") == written);
}

TEST_CASE("approval: one that names a request of another namespace learns nothing of it") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.settle();
  json foreign = *room.get(kube::type_of<Approval>(), room.answer(request, "mia"));
  foreign["metadata"]["namespace"] = "elsewhere";
  foreign["metadata"]["uid"] = "uid-foreign";
  foreign.erase("status");
  room.api.put(kube::type_of<Approval>(), foreign);
  const kube::ObjectKey key{"elsewhere", foreign["metadata"]["name"]};
  const auto done = room.operator_->approvals.reconcile({kApprovalKey, key.ns, key.name});
  REQUIRE(done);
  const json said = condition(*room.api.get(kube::type_of<Approval>(), key), "Counted");
  CHECK(said["reason"] == "RequestNotFound");
}

TEST_CASE("sweep: Jobs of requests that are gone go, and forged ends are looked into") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.settle();
  const auto job = [&](const std::string& name, const std::string& uid, const std::string& of) {
    room.api.put(kube::type_of<Job>(), {{"metadata",
                                         {{"name", name},
                                          {"namespace", kGates},
                                          {"uid", "uid-" + name},
                                          {"labels", {{kRequestUidLabel, uid}}},
                                          {"annotations", {{kRequestAnnotation, of}}}}}});
  };
  job("g-gone", "uid-gone", "credit/nobody");
  job("g-alive", "uid-" + request, "credit/" + request);
  job("g-foreign", "uid-x", "not ours");
  room.operator_->sync();
  const Sweeper sweeper(room.operator_->environment);
  CHECK(sweeper.sweep_jobs().value() == 1);
  CHECK_FALSE(room.get(kube::type_of<Job>(), "g-gone", kGates));
  CHECK(room.get(kube::type_of<Job>(), "g-alive", kGates));
  CHECK(sweeper.sweep_ends().value() == 0);
  const std::string forged = room.ask("2", "Staging");
  room.edit<PromotionRequest>(forged, [](json& object) { object["status"]["phase"] = "Rejected"; });
  const auto fresh = room.replica();
  fresh->sync();
  CHECK_FALSE(fresh->queue.contains(Room::key_of(forged)));
  CHECK(Sweeper(fresh->environment).sweep_ends().value() == 1);
  CHECK(fresh->queue.contains(Room::key_of(forged)));
}
