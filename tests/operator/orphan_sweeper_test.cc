#include "operator/controllers/orphan_sweeper.h"

#include "room.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

constexpr const char* kGates = "stagekeeper-gates";

void put_job(Room& room, const std::string& name, const std::string& uid, const json& annotations) {
  room.api.put(resources::kJobs, {{"metadata",
                                   {{"name", name},
                                    {"namespace", kGates},
                                    {"uid", "uid-" + name},
                                    {"labels", {{kRequestUidLabel, uid}}},
                                    {"annotations", annotations}}}});
}

}  // namespace

TEST_CASE("sweep: Jobs of requests that are gone go, all others stay") {
  Room room;
  const std::string ours = std::string(kNs) + "/" + kRequest;
  put_job(room, "of-the-request", kUid, {{kRequestAnnotation, ours}});
  put_job(room, "of-an-earlier-one", "uid-earlier", {{kRequestAnnotation, ours}});
  put_job(room, "of-one-that-is-gone", "uid-gone", {{kRequestAnnotation, "credit/gone"}});
  put_job(room, "of-others", "uid-gone", json::object());
  const OrphanSweeper sweeper({.api = room.api, .stores = room.stores, .gate_namespace = kGates});

  room.api.inject({.pattern = "GET /apis/stagekeeper.dev",
                   .error = {ErrorCode::kUnavailable, "no answer"},
                   .times = 1});
  CHECK_FALSE(sweeper.sweep());  // who cannot be asked is not gone
  CHECK(room.api.count(resources::kJobs) == 4);

  CHECK(sweeper.sweep().value() == 2);
  CHECK(room.api.get(resources::kJobs, {kGates, "of-the-request"}));
  CHECK(room.api.get(resources::kJobs, {kGates, "of-others"}));
  CHECK(room.api.count(resources::kJobs) == 2);
}
