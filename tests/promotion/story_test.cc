#include "story.h"

#include "fixtures.h"
#include "promotion/ledger_view.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <random>
#include <sstream>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using std::chrono::hours;
using std::chrono::minutes;

namespace {

/// Asks, lets the gates pass, has both reviewers approve, and lets it roll out.
std::string promote(Story& story, const std::string& version) {
  const std::string staging = story.ask(version, "Staging").meta.name;
  story.settle();
  CHECK(story.shown(staging).phase == Phase::kPromoted);
  const std::string name = story.ask(version, "Production").meta.name;
  story.settle();
  CHECK(story.shown(name).phase == Phase::kAwaitingApproval);
  story.answer(name, "mia");
  story.answer(name, "rex");
  return name;
}

void run_to_intent(Story& story, const std::string& name) {
  while (story.target_ledger.open_intent() == nullptr)
    story.round(name);
  story.round(name);  // pinned
}

void check(Story& story) {
  story.check_at_rest();
  for (const std::string& each : story.violations)
    MESSAGE(each);
  CHECK(story.violations.empty());
}

void compare_golden(const std::string& name, const std::string& trace) {
  const std::string path = "tests/golden/" + name + ".trace";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << trace;
    return;
  }
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  CHECK(golden.str() == trace);
}

}  // namespace

TEST_CASE("story: a first version is staged, reviewed and promoted") {
  Story story;
  const std::string name = promote(story, "1");
  CHECK(story.settle());
  CHECK(story.shown(name).phase == Phase::kPromoted);
  CHECK(story.serving() == "1");
  check(story);
  compare_golden("first_version", story.trace);
}

TEST_CASE("story: fairness alone blocks a version, and nothing is asked of people") {
  Story story;
  promote(story, "1");
  story.settle();
  story.trace.clear();
  const std::string name = story.ask("3", "Staging").meta.name;
  for (int i = 0; i < 12; ++i) {
    story.round(name);
    story.end_jobs([](const Story::FakeJob& job) {
      return job.what.gate.name == "fairness" ? Verdict::kFailed : Verdict::kPassed;
    });
  }
  CHECK(story.shown(name).phase == Phase::kBlocked);
  CHECK(story.shown(name).message == "Promotion blocked. Failed gates: fairness");
  CHECK(story.serving() == "1");
  check(story);
  compare_golden("blocked_by_fairness", story.trace);
}

TEST_CASE("story: a smoke test that fails takes the version back by itself") {
  Story story;
  promote(story, "1");
  story.settle();
  const std::string name = promote(story, "2");
  story.trace.clear();
  run_to_intent(story, name);
  for (int i = 0; i < 12; ++i) {
    story.end_jobs([](const Story::FakeJob&) { return Verdict::kFailed; });
    story.roll();
    story.round(name);
  }
  CHECK(story.settle());
  CHECK(story.shown(name).phase == Phase::kRolledBack);
  CHECK(story.shown(name).reason == "SmokeTestFailed");
  CHECK(story.serving() == "1");
  CHECK(story.deployment->containers[0].env[0].value == "1");
  check(story);
  compare_golden("smoke_fails", story.trace);
}

TEST_CASE("story: a rollout that fails takes the version back, although the condition is old") {
  for (const bool first : {false, true}) {
    CAPTURE(first);
    Story story;
    if (!first) {
      promote(story, "1");
      story.settle();
    }
    const std::string name = promote(story, "2");
    run_to_intent(story, name);
    story.give_up();
    CHECK(story.settle());
    CHECK(story.shown(name).phase == Phase::kRolledBack);
    CHECK(story.shown(name).reason == "RolloutFailed");
    CHECK(story.serving() == (first ? "" : "1"));
    CHECK(story.deployment->containers[0].env.empty() == first);
    check(story);
  }
}

TEST_CASE("story: rollback by request, back to the version before and its stage") {
  Story story;
  for (const char* version : {"1", "2", "4"}) {
    promote(story, version);
    CHECK(story.settle());
  }
  story.trace.clear();
  const std::string name = story.ask("", "Production", RequestAction::kRollback).meta.name;
  CHECK(story.settle());
  CHECK(story.shown(name).phase == Phase::kPromoted);
  CHECK(story.serving() == "2");
  compare_golden("rollback", story.trace);
  story.ask("", "Production", RequestAction::kRollback);
  CHECK(story.settle());
  CHECK(story.serving() == "1");
  CHECK(stage_of("4", story.model_ledger, {&story.target_ledger}) == "Archived");
  check(story);
}

TEST_CASE("story: a rollback to what serves by record repairs a hand's work, or says it cannot") {
  for (const bool works : {true, false}) {
    CAPTURE(works);
    Story story;
    promote(story, "1");
    story.settle();
    story.deployment->containers[0].env[0].value = "3";
    ++story.deployment->meta.generation;
    const std::string name = story.ask("1", "Production", RequestAction::kRollback).meta.name;
    run_to_intent(story, name);
    if (!works) story.give_up();
    CHECK(story.settle());
    CHECK(story.shown(name).phase == (works ? Phase::kPromoted : Phase::kAborted));
    CHECK(story.deployment->containers[0].env[0].value == "1");
    check(story);
  }
}

TEST_CASE("story: a running version is adopted, not gated, and can be replaced") {
  Story story;
  story.create_deployment("1");
  const std::string wrong = story.ask("2", "Production", RequestAction::kAdopt).meta.name;
  const std::string name = story.ask("1", "Production", RequestAction::kAdopt).meta.name;
  CHECK(story.settle());
  CHECK(story.shown(wrong).phase == Phase::kBlocked);
  CHECK(story.shown(name).phase == Phase::kPromoted);
  CHECK(story.serving() == "1");
  check(story);
  compare_golden("adopt", story.trace);
  promote(story, "2");
  CHECK(story.settle());
  CHECK(story.serving() == "2");
  check(story);
}

TEST_CASE("story: two requests race for one target, and the second is measured again") {
  Story story;
  promote(story, "1");
  story.settle();
  for (const char* version : {"2", "4"}) {
    story.ask(version, "Staging");
    story.settle();
  }
  const std::string a = story.ask("2", "Production").meta.name;
  const std::string b = story.ask("4", "Production").meta.name;
  CHECK(story.settle());
  for (const std::string& name : {a, b}) {
    story.answer(name, "mia");
    story.answer(name, "rex");
  }
  CHECK(story.settle());
  CHECK(story.shown(a).phase == Phase::kPromoted);
  CHECK(story.shown(b).phase == Phase::kAwaitingApproval);
  CHECK(story.shown(b).approvals[0].reason == "DigestChanged");
  CHECK(story.serving() == "2");
  // Back to the champion it was measured against first: the results of then are found again.
  story.ask("", "Production", RequestAction::kRollback);
  CHECK(story.settle());
  CHECK(story.shown(b).phase == Phase::kAwaitingApproval);
  story.answer(b, "mia");
  story.answer(b, "rex");
  CHECK(story.settle());
  CHECK(story.serving() == "4");
  check(story);
}

TEST_CASE("story: two requests that begin in the same moment do not lock each other out") {
  for (int first = 0; first < 3; ++first) {
    Story story;
    promote(story, "1");
    story.settle();
    const std::string a = story.ask("2", "Staging").meta.name;
    const std::string b = story.ask("4", "Staging").meta.name;
    story.round(a, first);
    story.round(b, 2);
    CHECK(story.settle());
    CHECK(story.shown(a).phase == Phase::kPromoted);
    CHECK(story.shown(b).phase == Phase::kPromoted);
    check(story);
  }
}

TEST_CASE("story: a request that fails while another waits is taken back first") {
  Story story;
  promote(story, "1");
  story.settle();
  const std::string a = promote(story, "2");
  run_to_intent(story, a);
  story.round(story.ask("4", "Staging").meta.name);
  const std::string other = story.ask("", "Production", RequestAction::kRollback).meta.name;
  story.give_up();
  story.round(a);  // Aborted
  story.round(other);
  CHECK(story.settle());
  CHECK(story.violations.empty());
  CHECK(story.serving() == "1");
}

TEST_CASE("story: with the bucket down gates run and nothing is promoted, then it goes on") {
  Story story;
  story.store_down = true;
  const std::string name = story.ask("1", "Staging").meta.name;
  story.settle();
  CHECK(story.shown(name).phase == Phase::kRecording);
  CHECK(story.model_ledger.records.empty());
  story.store_down = false;
  CHECK(story.settle());
  CHECK(story.shown(name).phase == Phase::kPromoted);
  check(story);
}

TEST_CASE("story: gate pods that are disrupted are tried again, and not for ever") {
  Story story;
  const std::string name = story.ask("1", "Staging").meta.name;
  for (int i = 0; i < 40; ++i) {
    story.round(name);
    story.disrupt_jobs();
  }
  CHECK(story.shown(name).phase == Phase::kBlocked);
  check(story);
}

TEST_CASE("story: the Deployment is deleted after the Intent, and nothing is stuck") {
  Story story;
  promote(story, "1");
  story.settle();
  const std::string name = promote(story, "2");
  run_to_intent(story, name);
  story.delete_deployment();
  CHECK(story.settle());
  CHECK(story.shown(name).phase == Phase::kAborted);
  CHECK(story.shown(name).reason == "DeploymentGone");
  story.create_deployment();
  promote(story, "4");
  CHECK(story.settle());
  CHECK(story.serving() == "4");
  check(story);
}

TEST_CASE("story: policy or version deleted during the rollout ends it and takes it back") {
  for (const bool policy : {true, false}) {
    CAPTURE(policy);
    Story story;
    promote(story, "1");
    story.settle();
    const std::string name = promote(story, "2");
    run_to_intent(story, name);
    if (policy) story.policy.reset();
    if (!policy) story.versions.erase("2");
    CHECK(story.settle());
    CHECK(story.shown(name).phase == Phase::kRolledBack);
    CHECK(story.shown(name).reason == "SmokeTestImpossible");
    CHECK(story.serving() == "1");
    check(story);
  }
}

TEST_CASE("story: dying after any action of any round changes nothing but time") {
  for (int prefix = 0; prefix < 3; ++prefix) {
    for (int unlucky = 0; unlucky < 36; ++unlucky) {
      CAPTURE(prefix);
      CAPTURE(unlucky);
      Story story;
      int rounds = 0;
      const auto run = [&](const std::string& name) {
        for (int i = 0; i < 12; ++i) {
          const int actions = rounds++ == unlucky ? prefix : Story::kAllActions;
          story.round(name, actions);
          story.end_jobs([](const Story::FakeJob&) { return Verdict::kPassed; });
          story.roll();
        }
      };
      run(story.ask("1", "Staging").meta.name);
      const std::string name = story.ask("1", "Production").meta.name;
      run(name);
      story.answer(name, "mia");
      story.answer(name, "rex");
      run(name);
      REQUIRE(story.serving() == "1");
      REQUIRE(story.count("Intent") == 1);
      REQUIRE(story.count("GateResult") == 1);
      check(story);
    }
  }
}
