#include "promotion/ledger_view.h"

#include "fixtures.h"

#include <doctest/doctest.h>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)

namespace {

void apply(LedgerView& ledger, const std::string& action, const std::string& from,
           const std::string& to) {
  RecordFact record{.kind = "Intent",
                    .request_uid = action + to,
                    .action = action,
                    .from = version_ref(from),
                    .to = version_ref(to)};
  append(ledger, record);
  record.of = ledger.head_sequence();
  record.kind = "Applied";
  append(ledger, record);
}

}  // namespace

TEST_CASE("ledger: an Intent is open until a record names it") {
  LedgerView ledger;
  CHECK(ledger.open_intent() == nullptr);
  append(ledger, {.kind = "Genesis"});
  append(ledger, {.kind = "Intent", .request_uid = "a"});
  CHECK(ledger.open_intent()->sequence == 2);
  append(ledger, {.kind = "TargetAdopted"});
  CHECK(ledger.open_intent()->sequence == 2);
  append(ledger, {.kind = "Aborted", .request_uid = "a", .of = 2});
  CHECK(ledger.open_intent() == nullptr);
  CHECK(ledger.serving() == nullptr);
}

TEST_CASE("ledger: what a rollback returns to") {
  struct Step {
    std::string action;
    std::string from;
    std::string to;
    std::string previous;
  };

  const std::vector<std::vector<Step>> stories = {
      {{"Promote", "", "1", ""},
       {"Promote", "1", "2", "1"},
       {"Promote", "2", "4", "2"},
       {"Rollback", "4", "2", "1"},
       {"Rollback", "2", "1", ""}},
      {{"Adopt", "", "1", ""}, {"Promote", "1", "2", "1"}, {"Rollback", "2", "1", ""}},
      {{"Promote", "", "1", ""},
       {"Promote", "1", "2", "1"},
       {"Rollback", "2", "1", ""},
       {"Promote", "1", "3", "1"},
       {"Rollback", "3", "2", "3"}},  // by name, to one that had been taken off
      {{"Promote", "", "1", ""},
       {"Promote", "1", "2", "1"},
       {"Promote", "2", "1", "2"},  // promoted again: the older 1 stays below it
       {"Rollback", "1", "2", "1"},
       {"Rollback", "2", "1", ""}},
      {{"Promote", "", "1", ""}, {"Promote", "1", "2", "1"}, {"Rollback", "2", "", ""}},
  };
  for (std::size_t story = 0; story < stories.size(); ++story) {
    LedgerView ledger;
    for (const Step& step : stories[story]) {
      CAPTURE(story);
      CAPTURE(step.to);
      apply(ledger, step.action, step.from, step.to);
      CHECK(serving_version(ledger).version == step.to);
      CHECK(previous_version(ledger).version == step.previous);
    }
  }
}

TEST_CASE("ledger: a version is in one stage") {
  LedgerView model;
  LedgerView target;
  const auto stage = [&](const char* version) { return stage_of(version, model, {&target}); };
  CHECK(stage("1") == "None");
  append(model, {.kind = "Staged", .to = version_ref("1", "Staging")});
  append(model, {.kind = "Blocked", .to = version_ref("1", "None")});  // moves nothing
  append(model, {.kind = "GateResult", .to = version_ref("1", "Production")});
  CHECK(stage("1") == "Staging");
  apply(target, "Promote", "", "1");
  CHECK(stage("1") == "Production");
  apply(target, "Promote", "1", "2");
  append(model, {.kind = "Archived", .to = version_ref("1", "Archived")});
  CHECK(stage("1") == "Archived");
  apply(target, "Rollback", "2", "1");
  CHECK(stage("1") == "Production");
  CHECK(stage("") == "None");
}

TEST_CASE("ledger: which failed change is still to be taken back") {
  LedgerView ledger;
  apply(ledger, "Promote", "", "1");
  CHECK(owed_way_back(ledger) == nullptr);
  append(ledger, {.kind = "Intent", .request_uid = "a", .action = "Promote"});
  CHECK(owed_way_back(ledger) == nullptr);
  append(ledger, {.kind = "Aborted",
                  .request_uid = "a",
                  .action = "Promote",
                  .from = version_ref("1"),
                  .to = version_ref("2"),
                  .of = 3,
                  .reason = "RolloutFailed: late"});
  REQUIRE(owed_way_back(ledger));
  CHECK(owed_way_back(ledger)->sequence == 4);
  append(ledger, {.kind = "TargetAdopted"});
  CHECK(owed_way_back(ledger));
  LedgerView tried = ledger;
  append(tried, {.kind = "Intent", .request_uid = "a", .action = "Rollback"});
  CHECK(owed_way_back(tried) == nullptr);
  append(tried, {.kind = "Aborted", .request_uid = "a", .of = 6, .reason = "RolloutFailed: late"});
  CHECK(owed_way_back(tried) == nullptr);  // tried once: people have to look
  for (const std::string_view code : kUntouchedEnds) {
    CAPTURE(code);
    LedgerView untouched = ledger;
    untouched.records[3].reason = std::string(code) + ": x";
    CHECK(owed_way_back(untouched) == nullptr);
  }
  LedgerView same = ledger;  // a rollback that put back what a hand had changed
  same.records[3].from = same.records[3].to;
  CHECK(owed_way_back(same) == nullptr);
  ledger.records[3].action = "Adopt";
  CHECK(owed_way_back(ledger) == nullptr);
}

TEST_CASE("ledger: what a decision rests on is the last record about the pin") {
  LedgerView ledger;
  CHECK(base_sequence(ledger) == 0);
  append(ledger, {.kind = "Genesis"});  // written together with the first Intent
  CHECK(base_sequence(ledger) == 0);
  apply(ledger, "Promote", "", "1");
  append(ledger, {.kind = "TargetAdopted"});
  CHECK(base_sequence(ledger) == 3);
  CHECK(base_sequence(ledger, 3) == 2);
  CHECK(base_sequence(ledger, 2) == 0);
}

TEST_CASE("ledger: the code of a reason") {
  CHECK(code_of("RolloutFailed: it was late: very") == "RolloutFailed");
  CHECK(code_of("RolloutFailed") == "RolloutFailed");
  CHECK(code_of("Promotion blocked. Failed gates: a").empty());
  CHECK(code_of("").empty());
}
