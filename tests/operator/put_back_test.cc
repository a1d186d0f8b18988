#include "promotion/pins.h"
#include "tests/operator/room.h"

#include <doctest/doctest.h>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

// A Rollback while the audit store is away: what is open is taken back, and nothing else.

namespace {

/// Version 1 serves by record, and the rollout of version 2 lasts.
struct Open : Room {
  Open() : Room({.endpoints = true}) {
    promote("1", "Staging");
    promote("1", "Production");
    slow = {"2"};
    promote("2", "Staging");
    open = promote("2", "Production");
    settle();
    REQUIRE(pin_of(kTarget) == "2");
    REQUIRE(target_history().open_intent() != nullptr);
  }

  void take_store_away() {
    store.before = [](std::string_view, std::string_view) {
      return std::optional(Error{ErrorCode::kUnavailable, "connection refused"});
    };
  }

  void bring_store_back() {
    store.before = nullptr;
    clock.advance(std::chrono::seconds(20));
    slow.clear();
    settle();
  }

  std::string roll_back(const std::string& version = "") {
    const std::string name = ask(version, "Production", RequestAction::kRollback, "back");
    settle();
    return name;
  }

  std::vector<std::string> records_after(std::uint64_t sequence) {
    std::vector<std::string> out;
    const History ledger = target_history();
    for (std::uint64_t n = sequence + 1; n <= ledger.head_sequence(); ++n)
      out.emplace_back(name(ledger.at(n)->kind));
    return out;
  }

  std::string open;  ///< the request whose rollout lasts
};

}  // namespace

TEST_CASE("put back: an open rollout is taken back at once, and recorded when the store is there") {
  Open room;
  const std::uint64_t head = room.target_history().head_sequence();
  room.take_store_away();
  const std::string back = room.roll_back();
  CHECK(room.pin_of(kTarget) == "1");
  const json status = room.status_of(back);
  CHECK(status["phase"] == "RollingOut");
  CHECK(status["reason"] == "AuditStoreUnavailable");
  CHECK(std::string(status["message"]).find("credit-risk-eu is back at version 1") !=
        std::string::npos);
  room.settle();  // nobody carries version 2 on
  CHECK(room.pin_of(kTarget) == "1");

  SUBCASE("by a new process, too") {
    room.operator_ = room.replica();
  }
  room.bring_store_back();
  CHECK(room.pin_of(kTarget) == "1");
  CHECK(room.phase_of(room.open) == "Superseded");
  CHECK(room.phase_of(back) == "Promoted");
  const auto records = room.records_after(head);
  REQUIRE_FALSE(records.empty());
  CHECK(records.front() == "Aborted");
  CHECK(room.target_history().serving()->to.version == "1");
  CHECK(room.target_history().open_intent() == nullptr);
  // And the next one goes its way.
  room.promote("3", "Staging");
  room.promote("3", "Production");
  CHECK(room.pin_of(kTarget) == "3");
}

TEST_CASE("put back: it does not go one step further once the store is there") {
  Open room;
  room.take_store_away();
  room.roll_back();
  room.bring_store_back();
  room.settle();
  CHECK(room.target_history().serving()->to.version == "1");
  CHECK(room.pin_of(kTarget) == "1");
}

TEST_CASE("put back: what was applied is not taken back without a record") {
  Open room;
  room.slow.clear();
  room.settle();
  REQUIRE(room.target_history().open_intent() == nullptr);
  room.take_store_away();
  const std::string back = room.roll_back();
  CHECK(room.pin_of(kTarget) == "2");
  CHECK(room.status_of(back)["reason"] == "AuditStoreUnavailable");
  CHECK(std::string(room.status_of(back)["message"]).find("Break glass") != std::string::npos);
  room.bring_store_back();
  CHECK(room.pin_of(kTarget) == "1");
}

TEST_CASE("put back: another version than the one that serves by record waits") {
  Open room;
  room.take_store_away();
  room.roll_back("3");
  CHECK(room.pin_of(kTarget) == "2");
}

TEST_CASE("put back: a process that knows no ledger does nothing") {
  Open room;
  room.take_store_away();
  room.operator_ = room.replica();
  room.roll_back();
  CHECK(room.pin_of(kTarget) == "2");
}

TEST_CASE("put back: a store that contradicts itself is no store that is away") {
  Open room;
  room.store.before = [](std::string_view, std::string_view) {
    return std::optional(Error{ErrorCode::kCorrupt, "a record is gone"});
  };
  room.roll_back();
  CHECK(room.pin_of(kTarget) == "2");
}

TEST_CASE("put back: who may not roll back moves nothing") {
  Open room;
  room.api.answer_reviews(
      [](const json& spec) { return spec["resourceAttributes"]["verb"] != "rollback"; });
  room.take_store_away();
  room.roll_back();
  CHECK(room.pin_of(kTarget) == "2");
}

TEST_CASE("put back: the pins are those of the record, whatever the target says by now") {
  Open room;
  room.take_store_away();
  room.edit<ServingTarget>(kTarget, [](json& object) {
    for (json& pin : object["spec"]["pin"]["env"])
      if (pin["name"] == "MODEL_VERSION") pin["value"] = "evil-${version}";
  });
  room.roll_back();
  CHECK(room.pin_of(kTarget) == "1");
}
