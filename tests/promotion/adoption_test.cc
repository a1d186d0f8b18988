#include "fixtures.h"
#include "promotion/queries.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)

TEST_CASE("intake: nothing of a target that only observes is changed, whatever is asked") {
  for (const RequestAction action :
       {RequestAction::kPromote, RequestAction::kRollback, RequestAction::kAdopt}) {
    Bench bench(action, action == RequestAction::kRollback ? "" : "2");
    bench.move("2", "Staging");
    for (const char* target : {"eu", "us"}) {
      bench.facts(target).state.target->observes = true;
      bench.facts(target).state.claimed_by = "";
    }
    const Decision waits = bench.run();
    REQUIRE(waits.wait);
    CHECK(waits.wait->code == WaitCode::kDeploymentNotClaimed);
    CHECK(waits.wait->what.find("only observes") != std::string::npos);
    CHECK(waits.wait->command.find(R"('{"spec":{"enforcement":"Enforce"}}')") != std::string::npos);
  }
}

TEST_CASE("intake: a version is adopted with its digest missing, and with nothing else missing") {
  const PinEnv digest{.container = "server", .name = "MODEL_DIGEST", .value = "${digest}"};
  const EnvVar version{.name = "MODEL_VERSION", .value = "2"};
  const EnvVar uri{.name = "MODEL_URI", .value = version_ref("2").artifact_uri};

  struct Row {
    const char* what;
    std::vector<EnvVar> env;
    std::vector<PinEnv> pin;
  };

  const std::vector<PinEnv> all = {
      {.container = "server", .name = "MODEL_VERSION", .value = "${version}"},
      {.container = "server", .name = "MODEL_URI", .value = "${artifactUri}"},
      digest};
  const Row refused[] = {
      {"no address", {version}, all},
      {"another version", {{.name = "MODEL_VERSION", .value = "1"}, uri}, all},
      {"another digest", {version, uri, {.name = "MODEL_DIGEST", .value = "sha256:1"}}, all},
      {"the digest from elsewhere",
       {version, uri, {.name = "MODEL_DIGEST", .from_source = true}},
       all},
      {"a number with the digest",
       {version, uri},
       {all[0], all[1], {.container = "server", .name = "X", .value = "${version}@${digest}"}}},
      {"a constant",
       {version, uri},
       {all[0], all[1], {.container = "server", .name = "X", .value = "on"}}},
      {"nothing that says which version", {}, {digest}},
  };
  const auto adopting = [](const std::vector<EnvVar>& env, const std::vector<PinEnv>& pin) {
    Bench bench(RequestAction::kAdopt, "2");
    for (const char* target : {"eu", "us"}) {
      bench.facts(target).state.target->pin = pin;
      bench.deployment(target).containers.front().name = "server";
      bench.deployment(target).containers.front().env = env;
    }
    return bench;
  };
  for (const Row& row : refused) {
    CAPTURE(row.what);
    Bench bench = adopting(row.env, row.pin);
    bench.run();
    REQUIRE(bench.world.conclusion);
    CHECK(bench.world.conclusion->record.code == EndCode::kNotRunning);
  }
  SUBCASE("its bytes are verified before it counts as serving") {
    Bench bench = adopting({version, uri}, all);
    CHECK(bench.run().phase == Phase::kPromoted);
    std::size_t tests = 0;
    for (const Decision& decision : bench.decisions) {
      const auto* job = find<CreateGateJob>(decision);
      if (job == nullptr) continue;
      ++tests;
      CHECK(job->input.artifact.uri == version_ref("2").artifact_uri);
      CHECK(job->input.artifact.digest.str() == version_ref("2").digest);
    }
    CHECK(tests > 0);
    CHECK(serving_version(bench.ledger("eu")).version == "2");
    CHECK(bench.deployment("eu").containers.front().env.size() == 3);
  }
  SUBCASE("bytes that are others leave the pins as they were found") {
    Bench bench = adopting({version, uri}, all);
    bench.smoke = {{"eu", Verdict::kErrored}, {"us", Verdict::kErrored}};
    bench.smoke_reason = "ArtifactDigestMismatch";
    CHECK(bench.run().phase == Phase::kRolledBack);
    CHECK(serving_version(bench.ledger("eu")).version.empty());
    CHECK_FALSE(nothing_recorded(bench.ledger("eu")));  // that nothing is to serve is on record
    std::vector<EnvVar> left = bench.deployment("eu").containers.front().env;
    REQUIRE(left.size() == 2);
    CHECK(std::ranges::find(left, "MODEL_VERSION", &EnvVar::name)->value == "2");
    CHECK(std::ranges::find(left, "MODEL_URI", &EnvVar::name)->value == uri.value);
  }
  SUBCASE("what carries all of it is not tested") {
    Bench bench =
        adopting({version, uri, {.name = "MODEL_DIGEST", .value = version_ref("2").digest}}, all);
    CHECK(bench.run().phase == Phase::kPromoted);
    CHECK(std::ranges::none_of(bench.decisions, [](const Decision& decision) {
      return find<CreateGateJob>(decision) != nullptr;
    }));
  }
}

TEST_CASE("rollout: a first version is pinned at 0 replicas, and tested when there are some") {
  Bench bench;
  bench.move("2", "Staging");
  bench.pass_gates();
  for (const char* target : {"eu", "us"})
    bench.deployment(target).replicas = 0;
  bench.approve();
  for (int i = 0; i < 6; ++i)
    bench.round();
  for (const char* target : {"eu", "us"}) {
    CHECK(bench.pinned(target) == "2");
    CHECK(bench.ledger(target).open_intent() != nullptr);
  }
  const Decision waits = bench.decide_now();
  CHECK(waits.wait->code == WaitCode::kDeploymentPaused);
  CHECK(waits.wait->command.find("--replicas=1") != std::string::npos);
  CHECK(waits.actions.empty());
  for (const char* target : {"eu", "us"})
    bench.deployment(target).replicas = 3;
  CHECK(bench.run().phase == Phase::kPromoted);
}
