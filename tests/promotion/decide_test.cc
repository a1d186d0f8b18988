#include "fixtures.h"
#include "promotion/queries.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <rapidcheck.h>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)

namespace {

Bench approved() {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.pass_gates();
  bench.approve();
  return bench;
}

/// Levers that somebody may pull between two rounds.
constexpr void (*kLevers[])(Bench&) = {
    [](Bench& b) { b.reject(); },
    [](Bench& b) { b.world.subject.request.meta.deleting = true; },
    [](Bench& b) { b.world.subject.policy_digest += "x"; },
    [](Bench& b) { b.facts("eu").state.template_digest += "x"; },
    [](Bench& b) { b.facts("us").state.spec_digest += "x"; },
    [](Bench& b) { b.facts("us").state.target.reset(); },
    [](Bench& b) { b.smoke["eu"] = Verdict::kFailed; },
    [](Bench& b) { b.smoke["us"] = Verdict::kErrored; },
    [](Bench& b) { b.smoke["us"] = Verdict::kFailed; },
    [](Bench& b) { b.smoke.clear(); },
    [](Bench& b) { b.rolls = !b.rolls; },
    [](Bench& b) { b.world.store.trusted = !b.world.store.trusted; },
    [](Bench& b) { b.give_up("eu", b.world.now + std::chrono::hours(1)); },
    [](Bench& b) { b.deployment("eu").paused = !b.deployment("eu").paused; },
    [](Bench& b) { b.without_right = {"priya", "rex"}; },
    [](Bench& b) { b.without_right = {}; },
    [](Bench& b) { b.world.now += std::chrono::minutes(11); },
};

void check(const Bench& before, const Decision& decision) {
  const std::string& uid = before.world.subject.request.meta.uid;
  for (const Action& action : decision.actions) {
    if (const auto* pin = std::get_if<PatchPin>(&action)) {
      Bench world = before;
      const RecordFact* open = world.ledger(pin->target).open_intent();
      RC_ASSERT((open != nullptr));
      RC_ASSERT((open->request.uid == uid && open->sequence == pin->sequence));
      RC_ASSERT((same_version(open->to, pin->version)));
    }
    const auto* finalizer = std::get_if<SetFinalizer>(&action);
    if (finalizer == nullptr || finalizer->present) continue;
    for (const RolloutFacts& each : before.world.targets) {
      const RecordFact* open = each.state.ledger.open_intent();
      RC_ASSERT((open == nullptr || open->request.uid != uid));
    }
  }
  if (before.world.conclusion) RC_ASSERT((!acts(decision)));
  RC_ASSERT((before.world.store.trusted || !acts(decision) ||
             std::ranges::none_of(decision.actions, [](const Action& action) {
               return std::holds_alternative<AppendRecord>(action) ||
                      std::holds_alternative<PatchPin>(action) ||
                      std::holds_alternative<RaiseFence>(action);
             })));
}

}  // namespace

TEST_CASE("decide: whatever happens between rounds, no pin without Intent, one end, no loose end") {
  const bool holds = rc::check([] {
    Bench bench = approved();
    const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange<int>(0, 2 * static_cast<int>(std::size(kLevers))),
                      rc::gen::inRange<int>(0, 5)));
    for (const auto& [lever, actions] : steps) {
      // Half of the time nobody does anything.
      if (lever < static_cast<int>(std::size(kLevers))) kLevers[lever](bench);
      check(bench, bench.decide_now());
      bench.round(static_cast<std::size_t>(actions));
    }
    // Then the world is kind again, and the request comes to an end.
    bench.world.store.trusted = true;
    bench.rolls = true;
    bench.smoke.clear();
    bench.without_right = {};
    bench.deployment("eu").paused = false;
    for (int i = 0; i < 40 && !bench.world.conclusion; ++i) {
      check(bench, bench.decide_now());
      bench.round();
      bench.world.now += std::chrono::minutes(11);
    }
    const History& model = bench.world.model_ledger;
    const auto mine = model.of_request("uid-request");
    const auto ends = std::ranges::count(mine, RecordKind::kConcluded,
                                         [](const RecordFact* record) { return record->kind; });
    RC_ASSERT((ends <= 1));
    for (const char* target : {"eu", "us"}) {
      const History& ledger = bench.ledger(target);
      RC_ASSERT((ledger.open_intent() == nullptr));
      RC_ASSERT((owed_way_back(ledger) == nullptr));
      const bool there = bench.facts(target).state.target.has_value();
      if (there) RC_ASSERT((bench.pinned(target) == serving_version(ledger).version));
    }
  });
  CHECK(holds);
}

TEST_CASE("decide: without its ledgers nothing is done, and the cause is said") {
  Bench bench = approved();
  bench.world.ledger_fault = LedgerFault{.broken = true, .message = "record 3 is signed by nobody"};
  const Decision broken = decide(bench.world);
  CHECK(broken.reason == "AuditBroken");
  CHECK(broken.message.find("record 3 is signed by nobody") != std::string::npos);
  CHECK(broken.actions.empty());
  bench.world.ledger_fault->broken = false;
  CHECK(decide(bench.world).reason == "AuditStoreUnavailable");
  CHECK(decide(bench.world).wake_at);
  bench.world.ledger_fault = LedgerFault{.refused = true, .message = "404 NoSuchBucket"};
  const Decision refused = decide(bench.world);
  CHECK(refused.reason == "AuditStoreRefused");
  CHECK(refused.message.find("404 NoSuchBucket") != std::string::npos);
  CHECK(refused.message.find("no action needed") == std::string::npos);
  CHECK(refused.actions.empty());
  CHECK(refused.wake_at);
}

TEST_CASE("decide: an Intent of the request without its Decided record is not carried out") {
  Bench bench = approved();
  bench.round();
  bench.round();
  bench.world.decided.reset();
  const Decision decision = decide(bench.world);
  CHECK(decision.reason == "AuditBroken");
  CHECK(decision.actions.empty());
}

TEST_CASE("decide: who was lost in the middle and is created again has ended, and never acts") {
  Bench bench(RequestAction::kRollback, "");
  for (const char* target : {"eu", "us"}) {
    bench.serve(target, "1");
    bench.serve(target, "2");
  }
  RequestRef lost = bench.world.subject.ref();
  lost.uid = "uid-before";
  bench.append({.kind = LedgerKind::kModel, .name = "credit-risk"},
               {.kind = RecordKind::kDecided,
                .model = "credit-risk",
                .request = lost,
                .requester = {.username = "priya"},
                .action = "Rollback",
                .decision_digest = sha256_digest("decision").str(),
                .targets = {"eu", "us"}});
  const Decision ends = bench.decide_now();
  REQUIRE(ends.actions.size() == 1);
  const auto* record = std::get_if<AppendRecord>(&ends.actions.front());
  REQUIRE(record != nullptr);
  CHECK(record->content.request.uid == "uid-before");
  CHECK(record->content.code == EndCode::kRequestGone);
  CHECK(bench.run().phase == Phase::kAborted);
  CHECK(bench.pinned("eu") == "2");
}

TEST_CASE("decide: what follows the last approval finds the finalizer in place") {
  Bench bench = approved();
  bench.world.approvals.clear();
  bench.world.subject.request.meta.finalizers = {kFinalizer};
  const Decision asks = bench.decide_now();
  REQUIRE(asks.phase == Phase::kAwaitingApproval);
  CHECK(find<SetFinalizer>(asks) == nullptr);
}

TEST_CASE("decide: people are not asked about a decision that no record can hold") {
  Bench bench = approved();
  bench.world.approvals.clear();
  for (int i = 0; i < 200; ++i) {
    bench.world.subject.version->inputs.push_back({.name = std::string(300, 'n')});
  }
  const Decision waits = bench.decide_now();
  REQUIRE(waits.wait);
  CHECK(waits.wait->code == WaitCode::kDecisionTooLarge);
}

TEST_CASE("decide: a deleted request goes at once, unless something of it is decided") {
  Bench bench = approved();
  SUBCASE("nothing decided") {
    bench.world.subject.request.meta.deleting = true;
    bench.world.subject.request.meta.finalizers = {kFinalizer};
    bench.world.owned.clones = {{.name = "server-eu-candidate", .uid = "uid-clone"}};
    CHECK(find<DeleteOwned>(bench.decide_now()) != nullptr);
    CHECK(find<SetFinalizer>(bench.decide_now()) == nullptr);
    bench.round();
    CHECK_FALSE(find<SetFinalizer>(bench.decide_now())->present);
  }
  SUBCASE("decided, nothing changed: it ends as gone") {
    bench.round();
    bench.world.subject.request.meta.deleting = true;
    bench.run();
    CHECK(bench.world.conclusion->record.code == EndCode::kRequestGone);
    CHECK(bench.pinned("eu") == "1");
    CHECK(bench.world.subject.request.meta.finalizers.empty());
  }
  SUBCASE("a pin is written: it stays until that has come to its end") {
    bench.round();
    bench.round();
    bench.round();
    REQUIRE(bench.pinned("eu") == "2");
    bench.world.subject.request.meta.deleting = true;
    for (int i = 0; i < 10 && !bench.world.conclusion; ++i) {
      CHECK_FALSE(bench.world.subject.request.meta.finalizers.empty());
      bench.round();
    }
    CHECK(bench.world.conclusion->record.code == EndCode::kApplied);
    bench.run();
    CHECK(bench.world.subject.request.meta.finalizers.empty());
  }
}

TEST_CASE("decide: a policy that is gone during the rollout keeps no end from being recorded") {
  Bench bench = approved();
  bench.round();
  bench.round();
  bench.round();
  bench.world.subject.policy.reset();
  CHECK(bench.run().phase == Phase::kPromoted);
  CHECK(serving_version(bench.ledger("eu")).version == "2");
}

TEST_CASE("decide: the same world gives the same decision") {
  Bench bench = approved();
  for (int i = 0; i < 8; ++i) {
    const Decision one = bench.decide_now();
    const Decision two = bench.decide_now();
    REQUIRE(one.actions.size() == two.actions.size());
    for (std::size_t k = 0; k < one.actions.size(); ++k) {
      CHECK(describe(one.actions[k]) == describe(two.actions[k]));
      const auto* record = std::get_if<AppendRecord>(&one.actions[k]);
      if (record != nullptr)
        CHECK(record->content == std::get<AppendRecord>(two.actions[k]).content);
    }
    bench.round();
  }
}

TEST_CASE("decide: a record's draft does not depend on the time of day") {
  Bench bench = approved();
  for (int i = 0; i < 8 && !bench.world.conclusion; ++i) {
    const Decision now = bench.decide_now();
    const TimePoint time = bench.world.now;
    bench.world.now += std::chrono::seconds(7);
    const Decision later = bench.decide_now();
    bench.world.now = time;
    for (std::size_t k = 0; k < now.actions.size(); ++k) {
      const auto* record = std::get_if<AppendRecord>(&now.actions[k]);
      if (record != nullptr)
        CHECK(record->content == std::get<AppendRecord>(later.actions[k]).content);
    }
    bench.round();
  }
}

TEST_CASE("decide: actions on a target are told from those on the request") {
  Bench bench = approved();
  CHECK(target_of(bench.decide_now().actions.back()).empty());
  bench.round();
  CHECK(target_of(bench.decide_now().actions.front()) == "eu");
  CHECK(target_of(bench.decide_now().actions.back()) == "us");
}
