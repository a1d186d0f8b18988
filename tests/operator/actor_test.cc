#include "operator/controllers/actor.h"

#include "room.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

constexpr const char* kGates = "stagekeeper-gates";

void put_made(Room& room, const kube::ResourceType& type, const std::string& ns,
              const std::string& name, const std::string& request_uid) {
  room.api.put(type, {{"metadata",
                       {{"name", name},
                        {"namespace", ns},
                        {"uid", "uid-" + name},
                        {"labels", {{kRequestUidLabel, request_uid}}}}}});
}

Actor actor_of(Room& room) {
  return Actor({.api = room.api, .ledgers = room.ledgers, .gate_namespace = kGates});
}

promotion::World world_of(Room& room) {
  promotion::World world;
  const json request = *room.api.get(resources::kRequests, {kNs, kRequest});
  world.request = decode<PromotionRequest>(request.dump()).value();
  return world;
}

}  // namespace

TEST_CASE("actor: the finalizer goes only after everything that no cache has heard of yet") {
  Room room;
  json request = *room.api.get(resources::kRequests, {kNs, kRequest});
  request["metadata"]["finalizers"] = {kFinalizer, "example.com/theirs"};
  room.api.put(resources::kRequests, request);
  put_made(room, resources::kJobs, kGates, "gate-1", kUid);
  put_made(room, resources::kJobs, kGates, "gate-other", "uid-other");
  put_made(room, resources::kDeployments, kNs, "clone", kUid);
  put_made(room, resources::kServices, kNs, "clone", kUid);
  put_made(room, resources::kDeployments, kNs, "clone-other", "uid-other");

  SUBCASE("all of it is deleted, and nothing of others") {
    REQUIRE(actor_of(room).run(world_of(room), promotion::SetFinalizer{.present = false}));
    CHECK_FALSE(room.api.get(resources::kJobs, {kGates, "gate-1"}));
    CHECK_FALSE(room.api.get(resources::kDeployments, {kNs, "clone"}));
    CHECK_FALSE(room.api.get(resources::kServices, {kNs, "clone"}));
    CHECK(room.api.get(resources::kJobs, {kGates, "gate-other"}));
    CHECK(room.api.get(resources::kDeployments, {kNs, "clone-other"}));
    const json left = *room.api.get(resources::kRequests, {kNs, kRequest});
    CHECK(left["metadata"]["finalizers"] == json::array({"example.com/theirs"}));
  }
  SUBCASE("while something cannot be deleted, it stays") {
    room.api.inject({.pattern = "DELETE /apis/batch/v1",
                     .error = {ErrorCode::kUnavailable, "no answer"},
                     .times = 1});
    CHECK_FALSE(actor_of(room).run(world_of(room), promotion::SetFinalizer{.present = false}));
    const json left = *room.api.get(resources::kRequests, {kNs, kRequest});
    CHECK(left["metadata"]["finalizers"].size() == 2);
  }
}
