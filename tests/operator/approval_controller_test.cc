#include "operator/controllers/approval_controller.h"

#include "room.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

json judged(const std::string& name, const std::string& uid) {
  Room room;
  room.add(resources::kApprovals, "a-1",
           {{"request", {{"name", name}, {"uid", uid}}},
            {"model", "credit-risk"},
            {"stage", "Production"},
            {"decision", "Approve"},
            {"decisionDigest", audit_test::digest_of("decision")},
            {"approver", {{"username", "mia"}}}});
  ApprovalController controller({.api = room.api, .clock = room.bench.clock});
  for (int round = 0; round < 2; ++round) {
    REQUIRE(controller.reconcile({.kind = kApprovalKey, .ns = kNs, .name = "a-1"}));
  }
  CHECK(room.api.calls_with("PATCH") <= 1);
  return room.api.get(resources::kApprovals, {kNs, "a-1"})->value("status", json::object());
}

}  // namespace

TEST_CASE("approval: one that names no request there is told so, once") {
  const json mistyped = judged("v2-prodution", kUid);
  CHECK(mistyped["reason"] == "RequestNotFound");
  CHECK(mistyped["counted"] == false);
  CHECK(mistyped["message"].get<std::string>().find("v2-prodution") != std::string::npos);
  CHECK(judged(kRequest, "uid-of-an-earlier-one")["reason"] == "RequestNotFound");
}

TEST_CASE("approval: one whose request exists is left to the request") {
  CHECK(judged(kRequest, kUid).empty());
}

TEST_CASE("approval: one that is gone is nothing to tell") {
  Room room;
  ApprovalController controller({.api = room.api, .clock = room.bench.clock});
  CHECK(controller.reconcile({.kind = kApprovalKey, .ns = kNs, .name = "a-1"}));
}
