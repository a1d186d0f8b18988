#include "operator/promotions/doer.h"

#include "operator/promotions/reader.h"
#include "promotion/manifests.h"
#include "promotion/pins.h"
#include "tests/operator/room.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

/// A room in which a round has read everything and not yet acted.
struct Desk : Room {
  std::string request = ask("1", "Staging");
  Reader reader{operator_->environment};
  Doer doer{operator_->environment};

  Observation seen() {
    operator_->sync();
    auto observed = reader.observe({kNs, request});
    REQUIRE(observed);
    REQUIRE(*observed);
    return std::move(**observed);
  }

  promotion::CreateClone clone_of(const Observation& seen) {
    return {.role = promotion::CloneRole::kCandidate,
            .version = {.version = "1", .digest = "sha256:1"},
            .evaluation = "sha256:e",
            .template_digest = seen.world.evaluation.on->template_digest};
  }

  static promotion::PatchPin pin_of(const Observation& seen) {
    const promotion::TargetState& state = seen.world.targets.front().state;
    const VersionRef version{.version = "1"};
    return {.target = state.name,
            .deployment_uid = state.deployment->meta.uid,
            .resource_version = state.deployment->meta.resource_version,
            .version = version,
            .pins = promotion::render_pins(*state.target, version),
            .sequence = 2,
            .record_digest = "sha256:r"};
  }

  json finalizers() {
    return (*get(kube::type_of<PromotionRequest>(), request))["metadata"].value("finalizers",
                                                                                json::array());
  }
};

/// The same about a Production request, which has a target.
struct ServingDesk : Desk {
  ServingDesk() { request = ask("1", "Production"); }
};

void make(Room& room, const kube::ResourceType& type, const std::string& ns,
          const std::string& name, const std::string& request_uid) {
  room.api.put(type, {{"metadata",
                       {{"name", name},
                        {"namespace", ns},
                        {"uid", "uid-" + name},
                        {"labels", {{kRequestUidLabel, request_uid}}}}}});
}

}  // namespace

TEST_CASE("finalizer: one that somebody else adds in the same instant is never lost") {
  Desk desk;
  for (const bool present : {true, false}) {
    CAPTURE(present);
    Observation seen = desk.seen();
    desk.edit<PromotionRequest>(desk.request, [&](json& object) {
      json& list = object["metadata"]["finalizers"];
      list.push_back("example.com/theirs-" + std::to_string(present));
    });
    const Status late = desk.doer.run(seen, promotion::SetFinalizer{.present = present});
    REQUIRE_FALSE(late);
    CHECK(late.error().code == ErrorCode::kConflict);
    seen = desk.seen();
    REQUIRE(desk.doer.run(seen, promotion::SetFinalizer{.present = present}));
    CHECK(desk.finalizers().size() == (present ? 2 : 2));
  }
  CHECK(desk.finalizers() == json::array({"example.com/theirs-1", "example.com/theirs-0"}));
}

TEST_CASE("finalizer: it stays while anything is left that no cache has heard of yet") {
  Desk desk;
  Observation seen = desk.seen();
  REQUIRE(desk.doer.run(seen, promotion::SetFinalizer{.present = true}));
  seen = desk.seen();
  const std::string uid = seen.world.subject.request.meta.uid;
  SUBCASE("a Job") {
    make(desk, kube::type_of<Job>(), kGates, "g-1", uid);
  }
  SUBCASE("a clone") {
    make(desk, kube::type_of<Deployment>(), kNs, "clone", uid);
  }
  make(desk, kube::type_of<Job>(), kGates, "g-other", "uid-other");
  CHECK_FALSE(desk.doer.run(seen, promotion::SetFinalizer{.present = false}));
  CHECK(desk.finalizers() == json::array({kFinalizer}));
  desk.api.remove(kube::type_of<Job>(), {kGates, "g-1"});
  desk.api.remove(kube::type_of<Deployment>(), {kNs, "clone"});
  CHECK(desk.doer.run(seen, promotion::SetFinalizer{.present = false}));
  CHECK(desk.finalizers().empty());
}

TEST_CASE("clone: it is not made from another template than the one that was decided on") {
  Desk desk;
  Observation seen = desk.seen();
  desk.edit<Deployment>(kTarget, [](json& object) {
    object["spec"]["template"]["spec"]["containers"][0]["image"] = "registry/other@sha256:2";
  });
  const Status late = desk.doer.run(seen, desk.clone_of(seen));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::kConflict);
  CHECK_FALSE(desk.get(kube::type_of<Deployment>(), "credit-risk-eu-candidate"));
}

TEST_CASE("clone: none is made that a Service would send users to, not even for a moment") {
  Desk desk;
  Observation seen = desk.seen();
  desk.api.put(kube::type_of<Service>(),
               {{"metadata", {{"name", "debug"}, {"namespace", kNs}, {"uid", "s1"}}},
                {"spec", {{"selector", {{kCloneLabel, "candidate"}}}}}});
  const Status refused = desk.doer.run(seen, desk.clone_of(seen));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("debug") != std::string::npos);
  CHECK_FALSE(desk.get(kube::type_of<Deployment>(), "credit-risk-eu-candidate"));
}

TEST_CASE("pin: it is written to the Deployment that was seen, or not at all") {
  ServingDesk desk;
  Observation seen = desk.seen();
  SUBCASE("another template came meanwhile") {
    desk.edit<Deployment>(kTarget, [](json& object) {
      object["spec"]["template"]["spec"]["containers"][0]["image"] = "registry/other@sha256:2";
    });
  }
  SUBCASE("another Deployment of that name") {
    json object = *desk.get(kube::type_of<Deployment>(), kTarget);
    desk.api.remove(kube::type_of<Deployment>(), {kNs, kTarget});
    object["metadata"]["uid"] = "uid-second";
    desk.api.put(kube::type_of<Deployment>(), object);
  }
  const Status late = desk.doer.run(seen, ServingDesk::pin_of(seen));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::kConflict);
  CHECK(desk.Room::pin_of(kTarget).empty());
}

TEST_CASE("trial: what is in the way of a pin is told by its own name") {
  ServingDesk desk;
  Observation seen = desk.seen();
  promotion::World& world = seen.world;
  const promotion::PinQuestion question{.target = kTarget, .version = {.version = "1"}};
  SUBCASE("another manager owns the variable") {
    const json env = json::array({{{"name", "MODEL_VERSION"}, {"value", "9"}}});
    json fields;
    fields["spec"]["template"]["spec"]["containers"] =
        json::array({{{"name", "server"}, {"env", env}}});
    desk.api.own(kube::type_of<Deployment>(), {kNs, kTarget}, "helm", fields);
    REQUIRE(desk.doer.answer(seen, {question}));
    const std::string conflict = world.targets[0].trial->conflict;
    CHECK(conflict.find("\"helm\"") != std::string::npos);
    CHECK(conflict.find("from its manifest") != std::string::npos);
  }
  SUBCASE("the Deployment has just changed: nobody is in the way, look again") {
    desk.edit<Deployment>(kTarget, [](json& object) { object["status"]["replicas"] = 3; });
    const Status stale = desk.doer.answer(seen, {question});
    REQUIRE_FALSE(stale);
    CHECK(stale.error().code == ErrorCode::kConflict);
    CHECK_FALSE(world.targets[0].trial);
  }
  SUBCASE("the API server refuses the object") {
    desk.api.inject({.pattern = "dryRun=All",
                     .error = {ErrorCode::kInvalid, "containers[1].image: Required value"}});
    REQUIRE(desk.doer.answer(seen, {question}));
    const std::string conflict = world.targets[0].trial->conflict;
    CHECK(conflict.find("containers[1].image") != std::string::npos);
    CHECK(conflict.find("manifest") == std::string::npos);
  }
  SUBCASE("nobody") {
    REQUIRE(desk.doer.answer(seen, {question}));
    CHECK(world.targets[0].trial->conflict.empty());
  }
  CHECK(desk.Room::pin_of(kTarget).empty());
}

TEST_CASE("effects: none is sent once another process may lead") {
  ServingDesk desk;
  Observation seen = desk.seen();
  desk.operator_->leads = false;
  const std::string before = desk.api.fingerprint();
  const std::size_t calls = desk.api.calls().size();
  const promotion::Action actions[] = {
      promotion::SetFinalizer{}, ServingDesk::pin_of(seen), desk.clone_of(seen),
      promotion::AppendRecord{.ledger = {.kind = LedgerKind::kModel, .name = kModel},
                              .content = {.kind = RecordKind::kConcluded}}};
  for (const promotion::Action& action : actions) {
    const Status done = desk.doer.run(seen, action);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == ErrorCode::kCancelled);
  }
  CHECK(desk.api.fingerprint() == before);
  CHECK(desk.api.calls().size() == calls);
  CHECK(desk.store.objects.empty());
}

TEST_CASE("gate Job: one that is there already under its name must be ours and about the same") {
  Desk desk;
  desk.operator_->work();
  desk.settle_workloads();
  desk.operator_->work();
  const auto jobs = desk.api.all(kube::type_of<Job>());
  REQUIRE(jobs.size() == 1);
  Observation seen = desk.seen();
  const promotion::Decision decision = promotion::decide(seen.world);
  const json& annotations = jobs[0]["metadata"]["annotations"];
  promotion::CreateGateJob again;
  again.gate = seen.world.subject.stage()->gates[0];
  again.attempt = 1;
  again.input_digest = annotations[kInputDigestAnnotation];
  again.input.request_uid = seen.world.subject.request.meta.uid;
  again.input = *gates::parse_gate_input(
      jobs[0]["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"].get<std::string>());
  CHECK(desk.doer.run(seen, again));
  again.input_digest = "sha256:another";
  const Status taken = desk.doer.run(seen, again);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().message.find("none of ours") != std::string::npos);
  CHECK(desk.api.count(kube::type_of<Job>()) == 1);
}
