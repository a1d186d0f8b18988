#include "promotion/conclusion/conclusion.h"

#include "fixtures.h"
#include "promotion/queries.h"

#include <doctest/doctest.h>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)

namespace {

std::vector<TargetEnd> ends(const std::vector<EndCode>& codes) {
  std::vector<TargetEnd> out;
  for (const EndCode code : codes)
    out.push_back({.name = "target", .code = code});
  return out;
}

}  // namespace

TEST_CASE("conclusion: the end of a request follows from the ends of its targets") {
  using enum EndCode;

  struct Row {
    std::vector<EndCode> targets;
    EndCode all;
  };

  const Row rows[] = {
      {{kApplied, kApplied}, kApplied},
      {{kApplied, kNoChange}, kApplied},
      {{kNoChange, kNoChange}, kNoChange},
      {{kApplied, kRolledBack}, kPartlyApplied},
      {{kDeploymentGone, kApplied}, kPartlyApplied},
      {{kRolledBack, kDeploymentGone}, kRolledBack},
      {{kRolledBack, kRollbackFailed}, kRollbackFailed},
      {{kRejected, kRejected}, kRejected},
      {{kNoChange, kSuperseded}, kSuperseded},
      {{kSubjectChanged}, kSubjectChanged},
  };
  for (const Row& row : rows) {
    CAPTURE(name(row.all));
    CHECK(conclusion::overall(ends(row.targets)) == row.all);
  }
}

TEST_CASE("conclusion: every code has a phase that is over") {
  for (int i = 0; i <= static_cast<int>(EndCode::kOther); ++i) {
    const auto code = static_cast<EndCode>(i);
    CAPTURE(name(code));
    CHECK(is_terminal(phase_of(code)));
  }
  CHECK(phase_of(EndCode::kApplied) == Phase::kPromoted);
  CHECK_FALSE(is_bad_end(phase_of(EndCode::kNoChange)));
  CHECK(is_bad_end(phase_of(EndCode::kPartlyApplied)));
}

TEST_CASE("conclusion: a version is archived when no target of the model serves it any more") {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.serve("eu", "2");
  const std::vector<const History*> ledgers = {&bench.ledger("eu"), &bench.ledger("us")};
  std::vector<TargetEnd> end = {
      {.name = "eu", .from = version_ref("1"), .to = version_ref("2"), .code = EndCode::kApplied}};
  bool all_read = true;
  const auto moved = [&] {
    return conclusion::moves({.stage = "Production",
                              .model_ledger = bench.world.model_ledger,
                              .ends = end,
                              .ledgers = {&bench.ledger("eu"), &bench.ledger("us")},
                              .all_read = all_read});
  };
  SUBCASE("not while a ledger that cannot be read may say that it serves") {
    bench.serve("us", "2");
    all_read = false;
    CHECK(moved().empty());
  }
  SUBCASE("not while another target serves it") {
    CHECK(moved().empty());
  }
  SUBCASE("when the last one has changed") {
    bench.serve("us", "2");
    REQUIRE(moved().size() == 1);
    CHECK(moved()[0].version == version_ref("1", "Archived"));
    CHECK(moved()[0].from == "Production");
  }
  SUBCASE("not while a target is about to serve it again") {
    bench.serve("us", "2");
    bench.append({.kind = LedgerKind::kTarget, .name = "us"},
                 {.kind = RecordKind::kIntent,
                  .request = {.name = "back", .uid = "uid-back"},
                  .action = "Rollback",
                  .to = version_ref("1"),
                  .decided = "sha256:decided"});
    CHECK(moved().empty());
  }
  SUBCASE("nothing moves when nothing was applied") {
    bench.serve("us", "2");
    end.front().code = EndCode::kRolledBack;
    CHECK(moved().empty());
  }
}

TEST_CASE("conclusion: a request that has ended yields no action but clean-up") {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.pass_gates();
  bench.approve();
  bench.run();
  REQUIRE(bench.world.conclusion);
  const auto shows_end = [&] {
    const Decision shown = bench.decide_now();
    CHECK(shown.phase == Phase::kPromoted);
    CHECK(shown.reason == "Applied");
    CHECK(shown.targets.size() == 2);
    CHECK_FALSE(shown.gates.empty());
    CHECK(shown.review);
    CHECK(shown.approvals.size() == 1);
    CHECK_FALSE(acts(shown));
  };
  SUBCASE("as it is") {
    shows_end();
    bench.world.owned.jobs = {{.name = "g-1", .uid = "uid-job"}};
    CHECK(find<DeleteOwned>(bench.decide_now())->kind == OwnedKind::kJob);
  }
  SUBCASE("when its ServingTargets and Deployments are gone") {
    bench.world.targets.clear();
    shows_end();
  }
  SUBCASE("when another target took the place of its own") {
    bench.world.subject.policy->stages.back().targets = {"ap"};
    bench.facts("eu").state.name = "ap";
    shows_end();
  }
  SUBCASE("when its policy or its ModelVersion is gone") {
    bench.world.subject.policy.reset();
    bench.world.subject.version.reset();
    shows_end();
  }
  SUBCASE("when the store is not trusted") {
    bench.world.store.trusted = false;
    shows_end();
  }
}

TEST_CASE("conclusion: a request that was deleted and created again shows its end and never acts") {
  Bench bench(RequestAction::kRollback, "");
  for (const char* each : {"1", "2", "3"}) {
    bench.serve("eu", each);
    bench.serve("us", each);
  }
  bench.run();
  REQUIRE(bench.pinned("eu") == "2");
  PromotionRequest& request = bench.world.subject.request;
  request.meta.uid = "uid-created-again";
  request.meta.created = bench.world.now;
  bench.refresh();
  const Decision shown = bench.run();
  CHECK(shown.phase == Phase::kPromoted);
  CHECK(shown.actions.empty());
  CHECK_FALSE(shown.records.empty());
  CHECK(bench.pinned("eu") == "2");
  SUBCASE("whoever asks, but not for something else") {
    request.requester.username = "nadia";
    bench.refresh();
    CHECK_FALSE(acts(bench.decide_now()));
    request.version = "1";
    bench.refresh();
    CHECK(acts(bench.decide_now()));
  }
}

TEST_CASE("conclusion: ends of gates and reviews are recorded with what was decided by") {
  SUBCASE("a failed gate") {
    Bench bench(RequestAction::kPromote, "2", "Staging");
    bench.pass_gates();
    bench.world.evaluation.results->gates.front().verdict = Verdict::kFailed;
    const Decision decision = bench.decide_now();
    const RecordContent* end = appends(decision, RecordKind::kConcluded);
    REQUIRE(end != nullptr);
    CHECK(end->code == EndCode::kGatesFailed);
    CHECK(end->text == "Promotion blocked. Failed gates: accuracy");
  }
  SUBCASE("a gate without a result") {
    Bench bench(RequestAction::kPromote, "2", "Staging");
    bench.pass_gates();
    bench.world.evaluation.results->gates.clear();
    CHECK(appends(bench.decide_now(), RecordKind::kConcluded)->code == EndCode::kGatesFailed);
  }
  SUBCASE("a stage that serves nobody") {
    Bench bench(RequestAction::kPromote, "2", "Staging");
    bench.pass_gates();
    CHECK(bench.run().phase == Phase::kPromoted);
    CHECK(bench.world.conclusion->record.code == EndCode::kStaged);
    CHECK(bench.world.conclusion->record.text ==
          "All automated gates passed. Awaiting human review for Production promotion.");
    CHECK(stage_of(bench.world.model_ledger, version_ref("2")) == "Staging");
  }
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.pass_gates();
  SUBCASE("a Reject") {
    bench.reject();
    CHECK(bench.run().phase == Phase::kRejected);
    CHECK(bench.world.conclusion->approvals.front().approver == "rex");
  }
  SUBCASE("a review that nobody answered") {
    const Decision asking = bench.decide_now();
    REQUIRE(asking.phase == Phase::kAwaitingApproval);
    bench.world.now = *asking.wake_at;
    CHECK(bench.run().phase == Phase::kExpired);
  }
  SUBCASE("a review that was over in time is not ended by what its rollout waits for") {
    const TimePoint expires = *bench.decide_now().wake_at;
    bench.approve();
    bench.world.now = expires;
    CHECK(bench.run().phase == Phase::kPromoted);
  }
  SUBCASE("what was approved a week ago is measured anew") {
    bench.approve();
    bench.world.now += std::chrono::hours(168);
    CHECK(bench.run().phase == Phase::kExpired);
    CHECK(bench.world.conclusion->record.text ==
          "approved in time, but not carried out within a week of the gates");
  }
}
