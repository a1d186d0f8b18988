#include "tests/operator/room.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

constexpr const char* kPod = "credit-risk-eu-7d1c-p1";

json owned_by(const char* api_version, const char* kind, const json& object) {
  return json::array({{{"apiVersion", api_version},
                       {"kind", kind},
                       {"name", object["metadata"]["name"]},
                       {"uid", object["metadata"]["uid"]},
                       {"controller", true}}});
}

/// The pod that the pinned Deployment has behind its Service.
void start_pod(Room& room) {
  const json deployment = *room.get(kube::type_of<Deployment>(), kTarget);
  const json& wanted = deployment["spec"]["template"];
  const json set =
      room.api.put(kube::type_of<ReplicaSet>(),
                   {{"metadata",
                     {{"name", "credit-risk-eu-7d1c"},
                      {"namespace", kNs},
                      {"uid", "uid-set"},
                      {"labels", wanted["metadata"]["labels"]},
                      {"ownerReferences", owned_by("apps/v1", "Deployment", deployment)}}}});
  room.api.put(
      kube::type_of<Pod>(),
      {{"metadata",
        {{"name", kPod},
         {"namespace", kNs},
         {"uid", "uid-p1"},
         {"labels", wanted["metadata"]["labels"]},
         {"ownerReferences", owned_by("apps/v1", "ReplicaSet", set)}}},
       {"spec", wanted["spec"]},
       {"status",
        {{"phase", "Running"},
         {"podIP", "10.0.0.9"},
         {"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})},
         {"containerStatuses", json::array({{{"name", "server"},
                                             {"imageID", "registry/server@sha256:1"},
                                             {"restartCount", 0},
                                             {"state", {{"running", json::object()}}}}})}}}});
}

/// A promotion of version 1 in a Room whose target is proved by its pods, up to where the smoke
/// test waits for them.
std::string rolled_out(Room& room) {
  room.edit<ServingTarget>(kTarget, [](json& target) {
    target["spec"]["inference"].erase("versionProof");  // Pods is what its absence means
  });
  room.api.put(kube::type_of<Service>(),
               {{"metadata", {{"name", kTarget}, {"namespace", kNs}, {"uid", "svc"}}},
                {"spec", {{"selector", {{"app", kTarget}}}}}});
  room.promote("1", "Staging");
  std::string request = room.promote("1", "Production");
  REQUIRE(room.pin_of(kTarget) == "1");
  REQUIRE(room.phase_of(request) == "RollingOut");
  return request;
}

void pass_time(Room& room) {
  room.clock.advance(std::chrono::seconds(11));
  room.settle();
}

}  // namespace

TEST_CASE("serving pods: a target proved by pods is promoted once its pods carry the pin") {
  Room room;
  const std::string request = rolled_out(room);
  CHECK(room.status_of(request).dump().find("the Service has no pods") != std::string::npos);
  start_pod(room);
  pass_time(room);
  CHECK(room.phase_of(request) == "Promoted");
}

TEST_CASE("serving pods: a pod of another template keeps the smoke test waiting") {
  Room room;
  const std::string request = rolled_out(room);
  start_pod(room);
  room.edit<Pod>(kPod, [](json& pod) {
    for (json& variable : pod["spec"]["containers"][0]["env"])
      if (variable["name"] == "MODEL_VERSION") variable["value"] = "0";
  });
  pass_time(room);
  CHECK(room.phase_of(request) == "RollingOut");
  CHECK(room.status_of(request).dump().find("not those of the Deployment's template") !=
        std::string::npos);
}

TEST_CASE("serving pods: a restart while the smoke test measures makes another attempt") {
  Room room;
  const std::string request = rolled_out(room);
  start_pod(room);
  room.clock.advance(std::chrono::seconds(11));
  room.operator_->work();  // the Job is made for the pod as it is
  room.edit<Pod>(kPod,
                 [](json& pod) { pod["status"]["containerStatuses"][0]["restartCount"] = 1; });
  room.finish_jobs();
  room.operator_->work();
  CHECK(room.phase_of(request) == "RollingOut");
  CHECK(room.status_of(request).dump().find("restarted or changed meanwhile") != std::string::npos);
  room.clock.advance(std::chrono::minutes(11));
  room.settle();
  CHECK(room.phase_of(request) == "Promoted");
}
