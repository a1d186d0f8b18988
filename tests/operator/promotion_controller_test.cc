#include "operator/controllers/promotion_controller.h"

#include "room.h"
#include "runtime/events.h"
#include "runtime/metrics.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

const runtime::Key kKey{.kind = kRequestKey, .ns = kNs, .name = kRequest};

struct Desk {
  Room room;
  runtime::Metrics metrics;
  runtime::EventRecorder events{{.controller = "stagekeeper.dev/operator", .instance = "test"},
                                {.api = room.api, .clock = room.bench.clock, .metrics = metrics}};
  PromotionController controller{
      Observer({.api = room.api,
                .stores = room.stores,
                .ledgers = room.ledgers,
                .trust = room.trust,
                .clock = room.bench.clock,
                .gate_namespace = "stagekeeper-gates"}),
      Publisher({.api = room.api, .clock = room.bench.clock, .events = events, .metrics = metrics}),
      Actor({.api = room.api, .ledgers = room.ledgers, .gate_namespace = "stagekeeper-gates"})};

  json status() {
    return room.api.get(resources::kRequests, {kNs, kRequest})->value("status", json::object());
  }

  void show(const std::string& phase) {
    json request = *room.api.get(resources::kRequests, {kNs, kRequest});
    request["status"] = {{"phase", phase}, {"reason", "AsBefore"}};
    room.api.put(resources::kRequests, request);
  }

  void silence_the_store() {
    room.bench.store.before = [](std::string_view, std::string_view) {
      return fakes::Fault(Error{ErrorCode::kUnavailable, "connection refused"});
    };
  }
};

}  // namespace

TEST_CASE("request: a silent store is said where nothing is shown yet, and nothing else happens") {
  Desk desk;
  desk.silence_the_store();
  CHECK(desk.controller.reconcile(kKey));
  CHECK(desk.status()["phase"] == "Pending");
  CHECK(desk.status()["reason"] == "AuditStoreUnavailable");
  CHECK(desk.room.api.calls_with("POST /apis/apps") == 0);
}

TEST_CASE("request: what is shown outlives a silent store") {
  for (const char* phase : {"AwaitingApproval", "Promoted"}) {
    CAPTURE(phase);
    Desk desk;
    desk.silence_the_store();
    desk.show(phase);
    const auto round = desk.controller.reconcile(kKey);
    REQUIRE_FALSE(round);
    CHECK(round.error().code == ErrorCode::kUnavailable);
    CHECK(desk.status()["reason"] == "AsBefore");
  }
}

TEST_CASE("request: rounds that cannot begin are said, but never of a request that has ended") {
  Desk desk;
  json policy = *desk.room.api.get(resources::kPolicies, {kNs, "credit-risk"});
  policy["spec"]["riskTier"] = "Unheard";
  desk.room.api.put(resources::kPolicies, policy);
  CHECK_FALSE(desk.controller.reconcile(kKey));
  CHECK(desk.status()["phase"] == "Pending");
  CHECK(desk.status()["reason"] == "ObservationFailed");
  CHECK(desk.status()["message"].get<std::string>().find("riskTier") != std::string::npos);
  desk.show("Promoted");
  CHECK_FALSE(desk.controller.reconcile(kKey));
  CHECK(desk.status()["reason"] == "AsBefore");
}

TEST_CASE("request: a bug is shown with what to do") {
  Desk desk;
  desk.show("Evaluating");
  desk.controller.broken(kKey, "bug: exception escaped: boom");
  CHECK(desk.status()["phase"] == "Evaluating");
  CHECK(desk.status()["reason"] == "InternalError");
  CHECK(desk.status()["message"].get<std::string>().find("boom") != std::string::npos);
  CHECK(desk.status()["conditions"][0]["reason"] == "InternalError");
}
