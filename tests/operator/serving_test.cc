#include "tests/operator/room.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

json status_of(Room& room) {
  return (*room.get(kube::type_of<ServingTarget>(), kTarget))["status"];
}

json condition_of(Room& room, const std::string& type) {
  const json status = status_of(room);
  for (const json& each : status["conditions"])
    if (each["type"] == type) return each;
  return {};
}

/// Version 1 serves in Production, with a Service and a pod behind it.
struct Served : Room {
  Served() : Room({.endpoints = true}) {
    edit<Deployment>(kTarget, [](json& object) { own(object, "argocd", "f:image"); });
    promote("1", "Staging");
    promote("1", "Production");
    settle();
    for (const auto& [key, why] : operator_->failed)
      FAIL_CHECK(key.str() << ": " << why);
  }

  /// What the API server writes beside a change of a container's field.
  static void own(json& object, const std::string& manager, const std::string& field,
                  const json& below = json::object()) {
    object["metadata"]["managedFields"].push_back(
        {{"manager", manager},
         {"operation", "Apply"},
         {"time", "2026-03-03T09:00:00Z"},
         {"fieldsV1",
          {{"f:spec",
            {{"f:template",
              {{"f:spec",
                {{"f:containers", {{R"(k:{"name":"server"})", {{field, below}}}}}}}}}}}}}});
  }

  void look() {
    look_without_pods();
    settle();
  }

  /// Looks before the rest of the cluster has done anything.
  void look_without_pods() {
    operator_->queue.insert({.kind = kTargetKey, .ns = kNs, .name = kTarget});
    operator_->work();
  }

  std::string fault() { return condition_of(*this, "Serving")["reason"]; }

  std::size_t records(RecordKind kind) {
    const History history = target_history();
    std::size_t count = 0;
    for (std::uint64_t n = 1; n <= history.head_sequence(); ++n)
      count += history.at(n)->kind == kind ? 1 : 0;
    return count;
  }
};

}  // namespace

TEST_CASE("serving: what was recorded is reached, and that is shown without any record") {
  Served room;
  CHECK(condition_of(room, "Serving")["status"] == "True");
  CHECK(room.fault() == "AsRecorded");
  CHECK(condition_of(room, "Ready")["status"] == "True");
  CHECK(status_of(room)["observed"] ==
        json::array({{{"version", "1"}, {"pods", 1}, {"share", "100%"}}}));
  CHECK(room.target_history().open_drift() == nullptr);
  room.promote("2", "Staging");
  room.promote("2", "Production");
  room.settle();
  CHECK(status_of(room)["observed"][0]["version"] == "2");
  CHECK(room.records(RecordKind::kDrift) == 0);
}

TEST_CASE("serving: a second Deployment behind the Service is told, recorded, and its end too") {
  Served room;
  room.api.put(
      kube::type_of<Pod>(),
      {{"metadata",
        {{"name", "shadow"},
         {"namespace", kNs},
         {"uid", "uid-shadow"},
         {"labels", {{"app", kTarget}}},
         {"ownerReferences", json::array({{{"kind", "ReplicaSet"},
                                           {"name", "shadow-1"},
                                           {"uid", "uid-shadow-1"},
                                           {"controller", true}}})}}},
       {"spec",
        {{"containers",
          json::array({{{"name", "server"},
                        {"env", json::array({{{"name", "MODEL_VERSION"}, {"value", "3"}}})}}})}}},
       {"status", {{"podIP", "10.1.0.9"}, {"podIPs", json::array({{{"ip", "10.1.0.9"}}})}}}});
  room.put_slice("more", kTarget, "shadow", "10.1.0.9");
  room.settle();
  CHECK(room.fault() == "StrangerServes");
  CHECK(condition_of(room, "Ready")["reason"] == "StrangerServes");
  CHECK(condition_of(room, "Stalled")["status"] == "True");
  const std::string message = condition_of(room, "Serving")["message"];
  CHECK(message.find("ReplicaSet shadow-1") != std::string::npos);
  const json observed = status_of(room)["observed"];
  REQUIRE(observed.size() == 2);
  CHECK(observed[1]["version"] == "3");
  CHECK(observed[1]["share"] == "50%");
  CHECK(room.records(RecordKind::kDrift) == 1);
  REQUIRE(room.target_history().open_drift() != nullptr);
  CHECK(room.target_history().open_drift()->to.version == "1");
  room.api.remove(kube::type_of<EndpointSlice>(), {kNs, "more"});
  room.look();
  CHECK(room.fault() == "AsRecorded");
  CHECK(room.records(RecordKind::kDrift) == 1);
  CHECK(room.records(RecordKind::kDriftEnded) == 1);
  CHECK(room.target_history().open_drift() == nullptr);
}

TEST_CASE("serving: a moved selector is told with who moved it") {
  Served room;
  room.edit<Service>(kTarget, [](json& object) {
    object["spec"]["selector"]["app"] = "shadow";
    object["metadata"]["managedFields"] =
        json::array({{{"manager", "kubectl-edit"},
                      {"fieldsV1", {{"f:spec", {{"f:selector", {{"f:app", json::object()}}}}}}}}});
  });
  room.look();
  CHECK(room.fault() == "SelectorMoved");
  const std::string message = condition_of(room, "Serving")["message"];
  CHECK(message.find("kubectl-edit") != std::string::npos);
  CHECK(room.records(RecordKind::kDrift) == 1);
}

TEST_CASE("serving: a changed image is recorded when its manager may, and told when not") {
  Served room;
  std::string manager = "argocd";
  bool guarded = false;
  SUBCASE("one who had a part in the template when it was approved") {}
  SUBCASE("somebody else") {
    manager = "kubectl-set";
  }
  SUBCASE("somebody else under the name by which pins are written") {
    manager = kPinManager;
  }
  SUBCASE("nobody may") {
    guarded = true;
  }
  if (guarded) {
    room.edit<ServingTarget>(
        kTarget, [](json& object) { object["spec"]["template"] = {{"changes", "Guard"}}; });
  }
  room.edit<Deployment>(kTarget, [&](json& object) {
    object["spec"]["template"]["spec"]["containers"][0]["image"] = "registry/server@sha256:2";
    if (manager != "argocd") room.own(object, manager, "f:image");
  });
  room.settle();
  if (guarded) {
    CHECK(room.fault() == "TemplateDiffers");
    CHECK(room.records(RecordKind::kTemplateChanged) == 0);
  } else if (manager == "argocd") {
    CHECK(room.fault() == "AsRecorded");
    CHECK(room.records(RecordKind::kTemplateChanged) == 1);
    CHECK(room.records(RecordKind::kDrift) == 0);
    room.look();
    CHECK(room.records(RecordKind::kTemplateChanged) == 1);
  } else {
    CHECK(room.fault() == "TemplateDiffers");
    const std::string message = condition_of(room, "Serving")["message"];
    CHECK(message.find(manager) != std::string::npos);
    CHECK(message.find("containers[server].image") != std::string::npos);
    CHECK(room.records(RecordKind::kTemplateChanged) == 0);
    CHECK(room.records(RecordKind::kDrift) == 1);
  }
}

TEST_CASE("serving: a pod that is not as its template makes it is told") {
  Served room;
  for (const json& pod : room.api.all(kube::type_of<Pod>())) {
    if (pod["metadata"].value("serves", "") != kTarget) continue;
    json changed = pod;
    SUBCASE("another image in place") {
      changed["spec"]["containers"][0]["image"] = "registry/server@sha256:9";
    }
    SUBCASE("adopted with another command") {
      changed["spec"]["containers"][0]["command"] = json::array({"serve", "--model=3"});
    }
    room.api.put(kube::type_of<Pod>(), changed);
  }
  room.look();
  CHECK(room.fault() == "TemplateDiffers");
  CHECK(room.records(RecordKind::kDrift) == 1);
}

TEST_CASE("serving: pods of a rollout that a rollback overtook are no drift") {
  Served room;
  room.slow = {"2"};
  room.promote("2", "Staging");
  room.promote("2", "Production");
  room.settle();
  REQUIRE(room.target_history().open_intent() != nullptr);
  room.slow = {"1", "2"};
  room.ask("", "Production", RequestAction::kRollback, "back");
  for (int turn = 0; turn < 3; ++turn)  // before any pod of version 1 is there
    room.look_without_pods();
  REQUIRE(room.pin_of(kTarget) == "1");
  CHECK(condition_of(room, "Serving")["status"] == "True");
  CHECK(room.fault() == "RollingOut");
  room.slow.clear();
  room.settle();
  CHECK(status_of(room)["observed"][0]["version"] == "1");
  CHECK(room.records(RecordKind::kDrift) == 0);
}

TEST_CASE("serving: a pod with other pins than the recorded ones is told with what it runs") {
  Served room;
  room.edit<Deployment>(kTarget, [](json& object) {
    for (json& variable : object["spec"]["template"]["spec"]["containers"][0]["env"])
      if (variable["name"] == "MODEL_VERSION") variable["value"] = "3";
  });
  room.settle();
  CHECK(room.fault() == "PinDiffers");
  const std::string message = condition_of(room, "Serving")["message"];
  CHECK(message.find("is pinned to version 3 and the record says version 1") != std::string::npos);
  CHECK(room.records(RecordKind::kDrift) == 1);
}

TEST_CASE("serving: who has written other pins is told, and it is the Deployment that differs") {
  Served room;
  room.edit<Deployment>(kTarget, [](json& object) {
    for (json& variable : object["spec"]["template"]["spec"]["containers"][0]["env"])
      if (variable["name"] == "MODEL_VERSION") variable["value"] = "3";
    Served::own(object, "break-glass", "f:env",
                {{R"(k:{"name":"MODEL_VERSION"})", {{"f:value", json::object()}}}});
  });
  room.settle();
  const std::string message = condition_of(room, "Serving")["message"];
  CHECK(message.find("containers[server].env[MODEL_VERSION].value of Deployment credit-risk-eu "
                     "(written by break-glass)") != std::string::npos);
  const History ledger = room.target_history();
  REQUIRE(ledger.open_drift() != nullptr);
  CHECK(ledger.open_drift()->text == message);
}

TEST_CASE("serving: an endpoint without a pod is believed only when it lasts") {
  Served room;
  room.put_slice("stale", kTarget, "gone", "10.1.0.8");
  room.operator_->sync();
  room.operator_->work();
  CHECK(room.fault() == "AsRecorded");
  room.clock.advance(std::chrono::seconds(4));
  room.settle();
  CHECK(room.fault() == "StrangerServes");
  CHECK(room.records(RecordKind::kDrift) == 0);  // nobody knows who it is
}

TEST_CASE("serving: endpoints without pods that come and go do not add up") {
  Served room;
  for (int i = 0; i < 5; ++i) {
    room.put_slice("stale", kTarget, "gone", "10.1.0.8");
    room.look_without_pods();
    CHECK(room.fault() == "AsRecorded");
    room.api.remove(kube::type_of<EndpointSlice>(), {kNs, "stale"});
    room.clock.advance(std::chrono::seconds(2));
    room.look_without_pods();
    room.clock.advance(std::chrono::seconds(2));
  }
}

TEST_CASE("serving: whoever flips a selector all day cannot fill the ledger") {
  Served room;
  for (int i = 0; i < 60; ++i) {
    const std::string app = i % 2 == 0 ? "shadow" : kTarget;
    room.edit<Service>(kTarget, [&](json& object) { object["spec"]["selector"]["app"] = app; });
    room.look();
    room.clock.advance(std::chrono::seconds(20));
  }
  CHECK(room.records(RecordKind::kDrift) >= 8);
  CHECK(room.records(RecordKind::kDrift) + room.records(RecordKind::kDriftEnded) <= 21);
}
