#include "operator/cluster/caches.h"
#include "tests/operator/room.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

/// What the next look at the API server wakes.
std::set<runtime::Key> woken(Room& room) {
  room.operator_->queue.clear();
  room.operator_->sync();
  return room.operator_->queue;
}

/// Another image for the gates of a class.
void judge_otherwise(Room& room) {
  room.edit<GateClass>("accuracy-class", [](json& object) {
    object["spec"]["image"] = "registry/gate@" + sha256_digest("another gate").str();
  });
}

bool wakes(const std::set<runtime::Key>& keys, const std::string& request) {
  return keys.contains(Room::key_of(request));
}

/// A request that waits for people, and one that has ended.
struct Waiting : Room {
  std::string waiting;
  std::string ended;

  Waiting() {
    ended = ask("1", "Staging");
    settle();
    ask("2", "Staging");
    settle();
    waiting = ask("2", "Production");
    settle();
    REQUIRE(phase_of(waiting) == "AwaitingApproval");
    REQUIRE(phase_of(ended) == "Promoted");
  }
};

}  // namespace

TEST_CASE("wake-ups: nothing wakes a request that has ended but a change of itself") {
  Waiting room;
  judge_otherwise(room);
  CHECK_FALSE(wakes(woken(room), room.ended));
  room.edit<PromotionPolicy>(kModel, [](json& object) { object["spec"]["riskTier"] = "High"; });
  CHECK_FALSE(wakes(woken(room), room.ended));
  room.edit<ModelVersion>("credit-risk-1", [](json& object) {
    object["spec"]["training"]["featurePipelineVersion"] = "9";
  });
  CHECK_FALSE(wakes(woken(room), room.ended));
  room.edit<PromotionRequest>(room.ended, [](json& object) { object["status"] = json::object(); });
  CHECK(wakes(woken(room), room.ended));
  CHECK(room.operator_->refused.empty());
}

TEST_CASE("wake-ups: a list after a restart does not wake what has ended") {
  Waiting room;
  const auto fresh = room.replica();
  fresh->sync();
  CHECK(wakes(fresh->queue, room.waiting));
  CHECK_FALSE(wakes(fresh->queue, room.ended));
}

TEST_CASE("wake-ups: a GateClass wakes whose policy names it, and nobody else") {
  Waiting room;
  judge_otherwise(room);
  CHECK(wakes(woken(room), room.waiting));
  json other = *room.get(kube::type_of<GateClass>(), "accuracy-class", "");
  other["metadata"]["name"] = "unused";
  other["metadata"]["uid"] = "uid-unused";
  room.api.put(kube::type_of<GateClass>(), other);
  CHECK_FALSE(wakes(woken(room), room.waiting));
  CHECK(room.operator_->refused.empty());
}

TEST_CASE("wake-ups: pods that come and go do not wake who waits for people") {
  Waiting room;
  room.edit<Deployment>(kTarget, [](json& object) { object["status"]["availableReplicas"] = 1; });
  CHECK_FALSE(wakes(woken(room), room.waiting));
  room.edit<Deployment>(kTarget, [](json& object) { object["spec"]["replicas"] = 5; });
  CHECK(wakes(woken(room), room.waiting));
}

TEST_CASE("wake-ups: an Approval wakes its own request alone, and its own status nobody") {
  Waiting room;
  const std::string other = room.ask("3", "Staging");
  room.settle();
  const std::string approval = room.answer(room.waiting, "mia");
  const auto keys = woken(room);
  CHECK(wakes(keys, room.waiting));
  CHECK_FALSE(wakes(keys, other));
  room.edit<Approval>(approval, [](json& object) { object["status"]["role"] = "model-risk"; });
  CHECK_FALSE(wakes(woken(room), room.waiting));
}

TEST_CASE("wake-ups: what an Approval was told is told again when somebody wipes it") {
  Waiting room;
  const auto counted = [&](const std::string& approval) {
    const auto object = room.get(kube::type_of<Approval>(), approval);
    return object->value("/status/conditions/0/reason"_json_pointer, "");
  };
  const auto wipe = [](json& object) { object.erase("status"); };
  const std::string open = room.answer(room.waiting, "priya");
  const std::string late = room.answer(room.ended, "mia");
  room.settle();
  REQUIRE(room.phase_of(room.waiting) == "AwaitingApproval");
  for (const std::string& approval : {open, late}) {
    const std::string said = counted(approval);
    REQUIRE_FALSE(said.empty());
    room.edit<Approval>(approval, wipe);
    room.settle();
    CHECK(counted(approval) == said);
  }
}

TEST_CASE("wake-ups: an answer that comes too late to be judged is told so when the request ends") {
  Waiting room;
  room.answer(room.waiting, "mia");
  for (int turn = 0; turn < 10 && room.pin_of(kTarget).empty(); ++turn)
    room.operator_->work();
  REQUIRE(room.pin_of(kTarget) == "2");
  const std::string late = room.answer(room.waiting, "nora", false);
  room.operator_->work();
  REQUIRE(room.phase_of(room.waiting) == "RollingOut");
  room.settle();
  REQUIRE(room.phase_of(room.waiting) == "Promoted");
  const auto approval = room.get(kube::type_of<Approval>(), late);
  CHECK(approval->value("/status/conditions/0/type"_json_pointer, "") == "Counted");
}

TEST_CASE("wake-ups: what the operator writes into a request does not wake it again") {
  Room room;
  const std::string request = room.ask("1", "Production");
  Replica& replica = *room.operator_;
  replica.sync();
  REQUIRE(replica.run(Room::key_of(request)));
  REQUIRE(room.status_of(request)["reason"] == "WaitingForStage");
  CHECK_FALSE(wakes(woken(room), request));
}

TEST_CASE("wake-ups: the end of another's candidate wakes who waits for its place") {
  Room room;
  const std::string first = room.ask("1", "Staging");
  room.operator_->work();
  const std::string second = room.ask("2", "Staging");
  room.operator_->work();
  REQUIRE(room.status_of(second)["reason"] == "CandidateBusy");
  room.api.remove(kube::type_of<Deployment>(), {kNs, "credit-risk-eu-candidate"});
  CHECK(wakes(woken(room), second));
}

TEST_CASE("wake-ups: a Service wakes whose clones it could reach, not who waits for people") {
  Waiting room;
  const std::string evaluating = room.ask("3", "Staging");
  room.operator_->work();
  room.api.put(kube::type_of<Service>(),
               {{"metadata", {{"name", "stray"}, {"namespace", kNs}, {"uid", "s1"}}},
                {"spec", {{"selector", {{"tier", "any"}}}}}});
  const auto keys = woken(room);
  CHECK(wakes(keys, evaluating));
  CHECK_FALSE(wakes(keys, room.waiting));
}

TEST_CASE("wake-ups: a Service of another namespace wakes by the addresses that it takes") {
  Waiting room;
  const std::string evaluating = room.ask("3", "Staging");
  room.operator_->work();
  const auto put = [&](const json& addresses) {
    room.api.put(kube::type_of<Service>(), {{"metadata", {{"name", "s"}, {"namespace", "theirs"}}},
                                            {"spec", {{"externalIPs", addresses}}}});
    return woken(room);
  };
  CHECK_FALSE(wakes(put(json::array()), evaluating));
  const auto taken = put({"10.0.0.7"});
  CHECK(wakes(taken, evaluating));
  CHECK_FALSE(wakes(taken, room.waiting));
  CHECK(wakes(put({"10.0.0.8"}), evaluating));
  CHECK(wakes(put(json::array()), evaluating));
}

TEST_CASE("wake-ups: a request that waits for its version's stage goes on when it gets there") {
  Room room;
  const std::string production = room.ask("1", "Production");
  room.settle();
  REQUIRE(room.status_of(production)["reason"] == "WaitingForStage");
  room.ask("1", "Staging");
  room.settle();
  CHECK(room.phase_of(production) == "AwaitingApproval");
}
