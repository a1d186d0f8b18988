#include "operator/controllers/observer.h"

#include "promotion/decide.h"
#include "promotion/records.h"
#include "room.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using audit_test::intent;

namespace {

promotion::World seen(Room& room) {
  const Observer observer({.api = room.api,
                           .stores = room.stores,
                           .ledgers = room.ledgers,
                           .trust = room.trust,
                           .clock = room.bench.clock,
                           .gate_namespace = "stagekeeper-gates"});
  auto observation = observer.observe({kNs, kRequest});
  CAPTURE(observation.has_value() ? std::string() : observation.error().message);
  REQUIRE(observation);
  REQUIRE(*observation);
  return std::move((*observation)->world);
}

}  // namespace

TEST_CASE("observe: a request that does not exist is nothing, not an error") {
  Room room;
  room.api.remove(resources::kRequests, {kNs, kRequest});
  const Observer observer({.api = room.api,
                           .stores = room.stores,
                           .ledgers = room.ledgers,
                           .trust = room.trust,
                           .clock = room.bench.clock,
                           .gate_namespace = "stagekeeper-gates"});
  const auto observation = observer.observe({kNs, kRequest});
  REQUIRE(observation);
  CHECK_FALSE(*observation);
}

TEST_CASE("observe: what was begun on a target stays there, whatever the policy names by now") {
  Room room;
  CHECK(seen(room).target->target.meta.name == "credit-risk-eu");
  room.record("credit-risk-us", intent("", "2"));
  const promotion::World world = seen(room);
  CHECK(world.target->target.meta.name == "credit-risk-us");
  CHECK(world.target->ledger.open_intent() != nullptr);
  REQUIRE(world.other_targets.size() == 1);
  CHECK(world.other_targets[0].records.empty());
  CHECK(world.evaluated_on->target.meta.name == "credit-risk-eu");
  CHECK(world.evaluated_on->ledger.records.empty());
}

TEST_CASE("observe: another model's ledger says nothing of this model's versions") {
  Room room;
  nlohmann::json policy = *room.api.get(resources::kPolicies, {kNs, "credit-risk"});
  policy["spec"]["evaluation"]["servingTarget"] = "fraud-eu";
  room.api.put(resources::kPolicies, policy);
  nlohmann::json fraud = *room.api.get(resources::kTargets, {kNs, "credit-risk-us"});
  fraud["metadata"]["name"] = "fraud-eu";
  fraud["spec"]["model"] = "fraud";
  room.api.put(resources::kTargets, fraud);
  const promotion::World world = seen(room);
  CHECK(world.evaluated_on->target.model == "fraud");
  CHECK(world.other_targets.size() == 1);  // credit-risk-us
}

TEST_CASE("observe: a bucket that does not answer, or that lies, is part of the World") {
  Room room;
  const auto down = [](std::string_view, std::string_view) {
    return fakes::Fault(Error{ErrorCode::kUnavailable, "connection refused"});
  };
  room.bench.store.before = down;
  promotion::World world = seen(room);
  REQUIRE(world.ledger_fault);
  CHECK_FALSE(world.ledger_fault->broken);
  CHECK(world.ledger_fault->message.find("connection refused") != std::string::npos);
  CHECK(promotion::decide(world).reason == "AuditStoreUnavailable");

  room.bench.store.before = {};
  room.record("credit-risk-eu", intent("", "2"));
  Room other;  // nothing of it is in memory there
  other.bench.store.objects = room.bench.store.objects;
  other.bench.store.objects.begin()->second.front().bytes[40] ^= 1;
  world = seen(other);
  REQUIRE(world.ledger_fault);
  CHECK(world.ledger_fault->broken);
  CHECK(promotion::decide(world).reason == "AuditBroken");
}

TEST_CASE("observe: the review that is over is read from the Intent") {
  Room room;
  CHECK_FALSE(seen(room).past_review);
  audit::Draft draft = intent("", "2");
  promotion::World then;
  then.request.meta.created = audit_test::kNow;
  draft.body = promotion::record_body(then, {},
                                      {{.name = "a-1",
                                        .uid = "uid-a",
                                        .approver = "mia",
                                        .role = "model-risk",
                                        .approve = true,
                                        .counted = true,
                                        .reason = "Counted",
                                        .message = "counts for role model-risk",
                                        .created = audit_test::kNow}},
                                      promotion::ReviewView{.decision_digest = "",
                                                            .opened_at = audit_test::kNow,
                                                            .expires_at = audit_test::kNow,
                                                            .needed = 1,
                                                            .counted = 1,
                                                            .missing = ""});
  room.record("credit-risk-eu", draft);
  const promotion::World world = seen(room);
  REQUIRE(world.past_review);
  CHECK(world.past_review->review.decision_digest == draft.decision_digest);
  REQUIRE(world.past_review->approvals.size() == 1);
  CHECK(world.past_review->approvals[0].approver == "mia");
}

TEST_CASE("observe: a clone is this request's by its label, whoever's Deployment it copies") {
  Room room;
  CHECK_FALSE(seen(room).owns_clones);
  Deployment clone;
  clone.meta.ns = kNs;
  clone.meta.name = "elsewhere-candidate";
  clone.meta.labels = {{kRequestUidLabel, kUid}};
  room.stores.deployments.put({kNs, clone.meta.name}, "1", clone);
  CHECK(seen(room).owns_clones);
  room.stores.deployments.put({kNs, clone.meta.name}, "2", Deployment{});
  CHECK_FALSE(seen(room).owns_clones);
  Service service;
  service.meta = clone.meta;
  room.stores.services.put({kNs, clone.meta.name}, "1", service);
  CHECK(seen(room).owns_clones);
}
