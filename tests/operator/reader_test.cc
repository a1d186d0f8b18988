#include "operator/promotions/reader.h"

#include "promotion/decide.h"
#include "tests/operator/room.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

Observation seen(Room& room, const std::string& request) {
  room.operator_->sync();
  auto observed = Reader(room.operator_->environment).observe({kNs, request});
  CAPTURE(observed ? std::string() : observed.error().message);
  REQUIRE(observed);
  REQUIRE(*observed);
  return std::move(**observed);
}

/// Counts what the bucket is asked.
struct Counted : Room {
  int store_calls = 0;

  explicit Counted(Options options = {}) : Room(options) {
    store.before = [this](std::string_view, std::string_view) {
      ++store_calls;
      return fakes::Fault();
    };
  }
};

}  // namespace

TEST_CASE("reader: a request that does not exist is nothing, not an error") {
  Room room;
  const auto observed = Reader(room.operator_->environment).observe({kNs, "nobody"});
  REQUIRE(observed);
  CHECK_FALSE(*observed);
}

TEST_CASE(
    "reader: a request that has ended costs no call to the API server and none to the store") {
  Counted room;
  const std::string request = room.ask("1", "Staging");
  room.settle();
  REQUIRE(room.phase_of(request) == "Promoted");
  room.operator_->sync();
  const std::size_t calls = room.api.calls().size();
  const int store_calls = room.store_calls;
  CHECK(seen(room, request).settled);
  CHECK(room.api.calls().size() == calls);
  CHECK(room.store_calls == store_calls);
}

TEST_CASE("reader: an end that is shown and that no record says is looked into") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.edit<PromotionRequest>(request,
                              [](json& object) { object["status"]["phase"] = "Promoted"; });
  CHECK_FALSE(seen(room, request).settled);
  room.settle();
  CHECK(room.phase_of(request) == "Promoted");  // by its gates now
  CHECK(room.model_history().concluded_since(Effect::kStage, TimePoint{}) + 1 > 0);
  CHECK(room.model_history().moves_of("1", "").size() == 1);
}

TEST_CASE("reader: a request that was deleted and created again shows its end and does nothing") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.settle();
  const std::string records = room.model_history().head_digest();
  json object = *room.get(kube::type_of<PromotionRequest>(), request);
  room.remove_request(request);
  room.settle();
  REQUIRE_FALSE(room.get(kube::type_of<PromotionRequest>(), request));
  object["metadata"]["uid"] = "uid-again";
  object["metadata"].erase("resourceVersion");
  object.erase("status");
  room.api.put(kube::type_of<PromotionRequest>(), object);
  const std::size_t made = room.api.calls_with("POST /apis/");
  room.settle();
  CHECK(room.phase_of(request) == "Promoted");
  CHECK(room.model_history().head_digest() == records);
  CHECK(room.api.calls_with("POST /apis/") == made);
  const json there = *room.get(kube::type_of<PromotionRequest>(), request);
  CHECK(there["metadata"].value("finalizers", json::array()).empty());
}

TEST_CASE(
    "reader: a finished Rollback stays finished when its target is gone and the policy moved") {
  Room room;
  for (const char* version : {"1", "2"}) {
    room.promote(version, "Staging");
    room.promote(version, "Production");
  }
  REQUIRE(room.pin_of(kTarget) == "2");
  room.ask("", "Production", RequestAction::kRollback, "back");
  room.settle();
  REQUIRE(room.pin_of(kTarget) == "1");
  // The stage moves to a second target, and the first one's object goes.
  Room other({.two_targets = true});
  json target = *other.get(kube::type_of<ServingTarget>(), kOtherTarget);
  json deployment = *other.get(kube::type_of<Deployment>(), kOtherTarget);
  room.api.put(kube::type_of<ServingTarget>(), target);
  room.api.put(kube::type_of<Deployment>(), deployment);
  room.edit<PromotionPolicy>(kModel, [](json& object) {
    object["spec"]["evaluation"]["servingTargetName"] = kOtherTarget;
    object["spec"]["stages"][1]["targets"] = json::array({{{"name", kOtherTarget}}});
  });
  room.settle();
  room.api.remove(kube::type_of<ServingTarget>(), {kNs, kTarget});
  room.settle();
  room.operator_ = room.replica();
  room.edit<PromotionRequest>("back", [](json& object) { object["status"] = json::object(); });
  room.settle();
  CHECK(room.pin_of(kOtherTarget).empty());
  CHECK(room.phase_of("back") == "Promoted");
}

TEST_CASE("reader: no pod counts as a clone's because of its name or its labels") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.operator_->work();
  const std::string clone = "credit-risk-eu-candidate";
  json object = *room.get(kube::type_of<Deployment>(), clone);
  room.api.put(kube::type_of<Pod>(),
               {{"metadata",
                 {{"name", clone + "-impostor"},
                  {"namespace", kNs},
                  {"uid", "impostor"},
                  {"labels", object["spec"]["template"]["metadata"]["labels"]}}},
                {"spec", object["spec"]["template"]["spec"]},
                {"status",
                 {{"phase", "Running"},
                  {"podIP", "10.6.6.6"},
                  {"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})}}}});
  const Observation before = seen(room, request);
  REQUIRE(before.world.evaluation.clones.size() == 1);
  CHECK_FALSE(before.world.evaluation.clones[0].pod);
  room.settle_workloads();
  const Observation after = seen(room, request);
  REQUIRE(after.world.evaluation.clones[0].pod);
  CHECK(after.world.evaluation.clones[0].pod->ip == "10.0.0.7");
}

TEST_CASE("reader: a pod that the clone's controller adopted, or made of something else, is told") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.operator_->work();
  room.settle_workloads();
  REQUIRE(seen(room, request).world.evaluation.clones[0].pod->as_made);
  const std::string set =
      (*room.get(kube::type_of<Deployment>(), "credit-risk-eu-candidate"))["metadata"]["uid"];
  const auto change = [&](const kube::ResourceType& type, const char* spec, const char* key,
                          const json& value) {
    for (json object : room.api.all(type)) {
      const std::string uid = object["metadata"]["uid"];
      if (uid.find(set) == std::string::npos) continue;
      object[json::json_pointer(spec)]["containers"][0][key] = value;
      room.api.put(type, object);
    }
  };
  SUBCASE("another command") {
    change(kube::type_of<Pod>(), "/spec", "command", json::array({"sh"}));
  }
  SUBCASE("another template of its ReplicaSet, and so of it") {
    change(kube::type_of<ReplicaSet>(), "/spec/template/spec", "command", json::array({"sh"}));
    change(kube::type_of<Pod>(), "/spec", "command", json::array({"sh"}));
  }
  const Observation after = seen(room, request);
  REQUIRE(after.world.evaluation.clones[0].pod);
  CHECK_FALSE(after.world.evaluation.clones[0].pod->as_made);
}

TEST_CASE("reader: a Service that takes over the address of a clone's pod is told") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.operator_->work();
  room.settle_workloads();
  const auto service = [&](const char* ip) {
    room.api.put(kube::type_of<Service>(), {{"metadata", {{"name", "s"}, {"namespace", "theirs"}}},
                                            {"spec", {{"externalIPs", json::array({ip})}}}});
    room.operator_->sync();
    return seen(room, request).world.evaluation.stray_service;
  };
  CHECK(service("10.0.0.8").empty());
  CHECK(service("10.0.0.7") == "theirs/s");
}

TEST_CASE("reader: a bucket that knows less than a status is not believed") {
  Room room;
  room.ask("1", "Staging");
  room.settle();
  const std::string request = room.ask("2", "Staging");
  room.edit<PromotionPolicy>(kModel, [](json& object) {
    object["status"]["ledger"]["head"] = {{"sequence", "99"},
                                          {"digest", sha256_digest("another record").str()}};
  });
  const Observation observed = seen(room, request);
  REQUIRE(observed.world.ledger_fault);
  CHECK(observed.world.ledger_fault->broken);
  room.operator_->work();
  CHECK(room.status_of(request)["reason"] == "AuditBroken");
}

TEST_CASE("reader: a broken ledger stops its own target, and the others go on") {
  Room room({.two_targets = true});
  for (const char* version : {"1", "2"}) {
    room.promote(version, "Staging");
    room.promote(version, "Production");
  }
  REQUIRE(room.pin_of(kTarget) == "2");
  for (auto& [key, versions] : room.store.objects) {
    if (key.find(std::string("/target/") + kOtherTarget + "/") != std::string::npos)
      versions.front().bytes = "{}";
  }
  room.operator_ = room.replica();
  const std::string back = room.ask("1", "Production", RequestAction::kRollback, "back");
  room.edit<PromotionRequest>(back, [](json& object) { object["spec"]["targets"] = {kTarget}; });
  room.settle();
  CHECK(room.phase_of(back) == "Promoted");
  CHECK(room.pin_of(kTarget) == "1");
  const std::string both = room.ask("2", "Production", RequestAction::kRollback, "forth");
  room.settle();
  CHECK(room.status_of(both)["reason"] == "AuditBroken");
  CHECK(room.pin_of(kTarget) == "1");
}

TEST_CASE("reader: people are asked for only while what they say can count") {
  Room room;
  room.ask("1", "Staging");
  room.settle();
  CHECK(room.api.calls_with("GET /apis/stagekeeper.dev/v1alpha1/namespaces/credit/approvals?") ==
        0);
  const std::string request = room.ask("1", "Production");
  room.settle();
  REQUIRE(room.phase_of(request) == "AwaitingApproval");
  CHECK(room.api.calls_with("/approvals?") > 0);
}
