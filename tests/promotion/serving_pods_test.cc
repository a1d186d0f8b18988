#include "gates/kind.h"
#include "people_fixtures.h"
#include "promotion/evaluation/attempts.h"
#include "promotion/evaluation/pods.h"
#include "promotion/evaluation/questions.h"
#include "promotion/manifests.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <functional>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace people;                  // NOLINT(google-build-using-namespace)

namespace {

/// Two pods behind the Service, as they are after a rollout.
struct Serving {
  Deployment pinned = deployment("2", 3);
  Service service;
  std::vector<ReplicaSet> sets;
  std::vector<Pod> pods;

  Serving() {
    service.selector = {{"app", "credit-risk"}};
    for (const char* name : {"set", "old-set"}) {
      ReplicaSet set;
      set.meta.uid = std::string("uid-") + name;
      set.owner_uid = "uid-deployment";
      sets.push_back(set);
    }
    pods = {pod("p1", "10.0.0.1"), pod("p2", "10.0.0.2")};
  }

  [[nodiscard]] Pod pod(const std::string& name, const std::string& ip) const {
    Pod out;
    out.meta = {.name = name, .uid = "uid-" + name};
    out.owner_uid = "uid-set";
    out.phase = "Running";
    out.ready = true;
    out.ip = ip;
    out.spec_containers = pinned.containers;
    out.containers = {{.name = "server", .image_id = "server@sha256:1"}};
    return out;
  }

  [[nodiscard]] ServingPods seen() const {
    return observe_serving(
        {.service = &service, .deployment = &pinned, .replica_sets = &sets, .pods = &pods});
  }
};

/// A smoke test proved by pods: its Job was made for `before` and has passed, `now` is seen.
GateState smoke_after(const ServingPods& before, const ServingPods& now) {
  EvaluationStory story;
  RolloutFacts on;
  on.state = target_state();
  on.state.target->inference.version_proof = {.type = "Pods"};
  on.serving = now;
  DecidedFacts decided;
  RecordFact intent;
  intent.digest = sha('8');
  intent.to = version_ref("2");
  const bool by_answers = proved_by_answers(on.state, decided);
  CHECK_FALSE(by_answers);
  const GateSpec spec = smoke_spec("credit-risk-eu", "2", by_answers);
  const GateQuestion question = smoke_question(story.about, decided, intent, on);
  Job job;
  job.meta = {.name = job_name(kUid, spec.name, 1),
              .uid = "uid-job",
              .labels = {{kAttemptLabel, "1"}},
              .annotations = {{kGateAnnotation, spec.name},
                              {kNonceAnnotation, "n"},
                              {kInputDigestAnnotation, sha('8')},
                              {kPodsAnnotation, nlohmann::json(before.pods).dump()}}};
  job.complete = true;
  job.ended = at(std::chrono::hours(2));
  const gates::Report report{.request_uid = kUid,
                             .gate = spec.name,
                             .attempt = 1,
                             .nonce = "n",
                             .artifact = Digest(sha('2')),
                             .outcome = gates::ReportOutcome::kMeasured,
                             .metrics = R"({"healthy":true})"};
  Pod pod;
  pod.meta.uid = "uid-gate-pod";
  pod.owner_uid = "uid-job";
  pod.init_containers = {{.name = "fetch", .terminated = true, .reason = "Completed"}};
  pod.containers = {{.name = "gate",
                     .terminated = true,
                     .reason = "Completed",
                     .message = gates::report_text(report, *gates::find_kind("Smoke")).value()}};
  GateQuestion any_image = question;
  any_image.gate_class = nullptr;
  return observe_gate(spec, any_image, {job}, {pod});
}

}  // namespace

TEST_CASE("serving pods: attested when each that can answer runs the pinned template") {
  const ServingPods seen = Serving().seen();
  CHECK(seen.attested);
  CHECK(seen.problem.empty());
  REQUIRE(seen.pods.size() == 2);
  CHECK(seen.pods.at("pod/p1") == "uid-p1 set=uid-set ip=10.0.0.1 server=server@sha256:1/0");
}

TEST_CASE("serving pods: one that could answer otherwise leaves all of them unproved") {
  struct Row {
    const char* says;
    std::function<void(Serving&)> spoil;
  };

  const Row rows[] = {
      {"about to end", [](Serving& s) { s.pods[1].meta.deleting = true; }},
      {"does not own it", [](Serving& s) { s.pods[1].owner_uid = "uid-other"; }},
      {"does not own it", [](Serving& s) { s.pods[1].owner_uid.clear(); }},
      {"does not own it", [](Serving& s) { s.sets[0].owner_uid = "uid-other"; }},
      {"variables",  // a pod of the version before
       [](Serving& s) { s.pods[1].spec_containers = deployment("1", 2).containers; }},
      {"images", [](Serving& s) { s.pods[1].spec_containers[0].image = "evil"; }},
      {"not ready", [](Serving& s) { s.pods[1].ready = false; }},
      {"no address", [](Serving& s) { s.pods[1].ip.clear(); }},
      {"no pods", [](Serving& s) { s.pods.clear(); }},
      {"selects no pods", [](Serving& s) { s.service.selector.clear(); }}};
  for (const Row& row : rows) {
    CAPTURE(row.says);
    Serving s;
    row.spoil(s);
    const ServingPods seen = s.seen();
    CHECK_FALSE(seen.attested);
    CAPTURE(seen.problem);
    CHECK(seen.problem.find(row.says) != std::string::npos);
  }
  Serving s;
  s.pods[1].phase = "Failed";  // it answers no more
  CHECK(s.seen().attested);
  CHECK(s.seen().pods.size() == 1);
  CHECK_FALSE(observe_serving({.deployment = &s.pinned, .replica_sets = &s.sets, .pods = &s.pods})
                  .attested);
}

TEST_CASE("serving pods: many are told by one digest that still tells them apart") {
  Serving s;
  for (int i = 3; i < 40; ++i)
    s.pods.push_back(s.pod("p" + std::to_string(i), "10.0.1." + std::to_string(i)));
  const ServingPods many = s.seen();
  CHECK(many.attested);
  REQUIRE(many.pods.size() == 1);
  CHECK(many.pods.at("pods").ends_with(" of 39 pods"));
  s.pods.back().containers[0].restarts = 1;
  CHECK(s.seen().pods != many.pods);
}

TEST_CASE("serving pods: a smoke test passes by the same pods before and after, and tells them") {
  const ServingPods same = Serving().seen();
  const GateState passed = smoke_after(same, same);
  CHECK(passed.verdict == Verdict::kPassed);
  CHECK(passed.judgement.observed == "2");
  CHECK(passed.proof == "Pods");
  CHECK(passed.pods == same.pods);
}

TEST_CASE("serving pods: a pod restarted, replaced, added, moved or unproved makes it Errored") {
  using Spoil = std::function<void(Serving&)>;
  const Spoil rows[] = {[](Serving& s) { s.pods[0].containers[0].restarts = 1; },
                        [](Serving& s) { s.pods[0].meta.uid = "uid-new"; },
                        [](Serving& s) { s.pods.pop_back(); },
                        [](Serving& s) { s.pods.push_back(s.pod("p3", "10.0.0.3")); },
                        [](Serving& s) { s.pods[0].ip = "10.0.0.9"; },
                        [](Serving& s) { s.pods[0].owner_uid = "uid-old-set"; },
                        [](Serving& s) { s.pods[0].meta.deleting = true; },
                        [](Serving& s) { s.pods.clear(); }};
  const ServingPods before = Serving().seen();
  for (const Spoil& spoil : rows) {
    Serving now;
    spoil(now);
    const GateState gate = smoke_after(before, now.seen());
    CHECK(gate.verdict == Verdict::kErrored);
    CHECK(gate.judgement.reason == "CandidateChanged");
    CHECK(gate.retryable);
  }
  // A Job that was made for no pods at all proves nothing about those of now.
  CHECK(smoke_after({}, before).verdict == Verdict::kErrored);
}

TEST_CASE("serving pods: which proofs need them") {
  TargetState state = target_state();
  DecidedFacts rows;
  rows.dataset = Dataset{};
  const auto proved = [&](const char* type, const DecidedFacts& decided) {
    state.target->inference.version_proof.type = type;
    return proved_by_answers(state, decided);
  };
  CHECK(proved("Header", {}));
  CHECK(proved("Path", {}));
  CHECK(proved("Body", rows));
  CHECK_FALSE(proved("Body", {}));
  CHECK_FALSE(proved("Pods", rows));
}
