#include "kube/objects.h"
#include "tests/operator/room.h"

#include <doctest/doctest.h>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

/// As a GitOps tool does: from its manifest, which knows nothing of pins.
void create_again(Room& room, const std::string& uid, const char* version = nullptr) {
  json made = *room.get(kube::type_of<Deployment>(), kTarget);
  room.api.remove(kube::type_of<Deployment>(), {kNs, kTarget});
  made.erase("status");
  made["metadata"] = {{"name", kTarget}, {"namespace", kNs}, {"uid", uid}, {"generation", 1}};
  json& container = made["spec"]["template"]["spec"]["containers"][0];
  container.erase("env");
  if (version != nullptr) container["env"] = {{{"name", "MODEL_VERSION"}, {"value", version}}};
  room.api.put(kube::type_of<Deployment>(), made);
}

std::size_t records(Room& room, RecordKind kind) {
  const History ledger = room.target_history();
  std::size_t count = 0;
  for (std::uint64_t n = 1; n <= ledger.head_sequence(); ++n)
    count += ledger.at(n)->kind == kind ? 1U : 0U;
  return count;
}

void serve(Room& room) {
  room.promote("1", "Staging");
  room.promote("1", "Production");
  REQUIRE(room.pin_of(kTarget) == "1");
}

}  // namespace

TEST_CASE("restore: a Deployment that was created again gets back what serves by record") {
  Room room;
  serve(room);
  const std::size_t decided = room.model_history().head_sequence();
  create_again(room, "uid-again");
  room.settle();
  CHECK(room.pin_of(kTarget) == "1");
  CHECK(records(room, RecordKind::kRestored) == 1);
  CHECK(records(room, RecordKind::kIntent) == 1);
  CHECK(room.model_history().head_sequence() == decided);  // nothing was decided
  const json annotations =
      (*room.get(kube::type_of<Deployment>(), kTarget))["metadata"]["annotations"];
  CHECK(annotations[kSequenceAnnotation] == "2");  // of the Intent
  SUBCASE("once") {
    room.settle();
    CHECK(records(room, RecordKind::kRestored) == 1);
  }
  SUBCASE("and again, when it is created once more") {
    create_again(room, "uid-third");
    room.settle();
    CHECK(room.pin_of(kTarget) == "1");
    CHECK(records(room, RecordKind::kRestored) == 2);
  }
  SUBCASE("and the next version is promoted as ever, and taken back") {
    room.promote("2", "Staging");
    room.promote("2", "Production");
    CHECK(room.pin_of(kTarget) == "2");
    room.ask("", "Production", RequestAction::kRollback, "back");
    room.settle();
    CHECK(room.pin_of(kTarget) == "1");
  }
}

TEST_CASE("restore: the record comes before the pins, and a crash in between changes nothing") {
  Room room;
  serve(room);
  create_again(room, "uid-again");
  room.operator_->work();  // claims it
  room.api.inject({.pattern = "fieldManager=stagekeeper-pin",
                   .error = {ErrorCode::kUnavailable, "gone"},
                   .times = 1000});
  create_again(room, "uid-third");
  room.operator_->work();
  room.operator_->work();
  CHECK(records(room, RecordKind::kRestored) >= 1);
  CHECK(room.pin_of(kTarget).empty());
  const std::size_t before = records(room, RecordKind::kRestored);
  room.api.heal();
  room.operator_ = room.replica();
  room.settle();
  CHECK(room.pin_of(kTarget) == "1");
  CHECK(records(room, RecordKind::kRestored) == before);
}

TEST_CASE("restore: what somebody pinned by hand is a drift and stays one") {
  Room room;
  serve(room);
  create_again(room, "uid-again", "7");
  room.settle();
  CHECK(room.pin_of(kTarget) == "7");
  CHECK(records(room, RecordKind::kRestored) == 0);
}

TEST_CASE("restore: a pin by another name, which the target knows since, is one, too") {
  Room room;
  serve(room);
  room.edit<ServingTarget>(
      kTarget, [](json& object) { object["spec"]["pin"]["env"][0]["name"] = "MODEL_TAG"; });
  create_again(room, "uid-again");
  room.edit<Deployment>(kTarget, [](json& object) {
    object["spec"]["template"]["spec"]["containers"][0]["env"] = {
        {{"name", "MODEL_TAG"}, {"value", "7"}}};
  });
  room.settle();
  CHECK(records(room, RecordKind::kRestored) == 0);
}

TEST_CASE("restore: nothing is pinned where the record cannot be written") {
  Room room;
  serve(room);
  room.operator_->trust.set({.trusted = false, .reason = "ProbeFailed", .message = "no lock"});
  create_again(room, "uid-again");
  room.settle();
  CHECK(room.pin_of(kTarget).empty());
}

TEST_CASE("restore: who makes Deployments again and again cannot fill the ledger") {
  Room room;
  serve(room);
  for (int i = 0; i < 25; ++i) {
    create_again(room, "uid-" + std::to_string(i));
    room.settle();
  }
  CHECK(records(room, RecordKind::kRestored) == 20);
  room.clock.advance(std::chrono::hours(1) + std::chrono::minutes(11));
  room.settle();
  CHECK(room.pin_of(kTarget) == "1");
}

TEST_CASE("restore: a target that never served gets nothing") {
  Room room;
  create_again(room, "uid-again");
  room.settle();
  CHECK(room.pin_of(kTarget).empty());
  CHECK(room.target_history().empty());
}

TEST_CASE("restore: a target that only observes writes nothing, whatever its ledger says") {
  Room room;
  serve(room);
  room.edit<ServingTarget>(kTarget,
                           [](json& object) { object["spec"]["enforcement"] = "Observe"; });
  create_again(room, "uid-again");
  room.settle();
  CHECK(room.pin_of(kTarget).empty());
  CHECK(records(room, RecordKind::kRestored) == 0);
}
