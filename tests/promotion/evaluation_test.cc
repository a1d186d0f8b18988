#include "people_fixtures.h"
#include "promotion/spacing.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace people;                  // NOLINT(google-build-using-namespace)
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

void end(GateState& gate, Verdict verdict, int tries = 1, bool retryable = false) {
  gate.verdict = gate.judgement.verdict = verdict;
  gate.attempt = gate.tries = tries;
  gate.retryable = retryable;
  gate.ended = at(std::chrono::hours(2)) - seconds(1);
  gate.judgement.message = "the pod was lost";
}

bool waits(const Decision& decision, WaitCode code) {
  return decision.wait && decision.wait->code == code;
}

bool deletes_all(const Decision& decision, const Belongings& owned) {
  return all<DeleteOwned>(decision).size() == owned.jobs.size() + owned.clones.size();
}

std::vector<std::string> started(const Decision& decision) {
  std::vector<std::string> out;
  for (const CreateGateJob& job : all<CreateGateJob>(decision))
    out.push_back(job.gate.name);
  return out;
}

}  // namespace

TEST_CASE("evaluation: the candidate is made first and alone, the baseline once it is ours") {
  EvaluationStory story;
  story.about.request.meta.finalizers.clear();
  story.facts.clones.clear();
  Decision first = story.step();
  CHECK(waits(first, WaitCode::kPreparingClones));
  REQUIRE(first.actions.size() == 2);
  CHECK(std::holds_alternative<SetFinalizer>(first.actions[0]));
  const auto created = all<CreateClone>(first);
  REQUIRE(created.size() == 1);
  CHECK(created[0].role == CloneRole::kCandidate);
  CHECK(created[0].version.version == "2");
  CHECK(created[0].evaluation == sha('a'));
  CHECK(created[0].template_digest == sha('e'));

  story.facts.clones = {clone(CloneRole::kCandidate)};
  const auto second = all<CreateClone>(story.step());
  REQUIRE(second.size() == 1);
  CHECK(second[0].role == CloneRole::kBaseline);
  CHECK(second[0].version.version == "1");
}

TEST_CASE("evaluation: no baseline where nothing serves or nothing compares") {
  EvaluationStory story;
  story.drop(CloneRole::kBaseline);
  story.champion = {};
  story.facts.on->ledger = {};
  CHECK(all<CreateClone>(story.step()).empty());
  CHECK_FALSE(started(story.step()).empty());

  EvaluationStory latency;
  latency.drop(CloneRole::kBaseline);
  latency.about.policy->stages[0].gates = {gate_spec("latency", "Latency")};
  latency.facts.gates = {{.spec = gate_spec("latency", "Latency")}};
  CHECK(started(latency.step()) == std::vector<std::string>{"latency"});
}

TEST_CASE("evaluation: who lost the lock waits for its holder by name, and lets the rest go") {
  EvaluationStory story;
  CloneState& lock = story.clone(CloneRole::kCandidate);
  lock.request_uid = lock.owner_uid = "uid-other";
  lock.request = "credit/3-prod";
  story.owned.jobs = {{"g-1", "uid-job"}};
  story.owned.clones = {{"credit-risk-eu-baseline", "uid-baseline"}};
  story.facts.stray_service = "of-theirs";  // the holder's to see to
  const Decision decision = story.step();
  CHECK(waits(decision, WaitCode::kCandidateBusy));
  CHECK(decision.wait->what.find("PromotionRequest credit/3-prod") != std::string::npos);
  CHECK(deletes_all(decision, story.owned));
  CHECK(all<CreateClone>(decision).empty());
  CHECK_FALSE(decision.wake_at);
}

TEST_CASE(
    "evaluation: a name that somebody else has taken is said, and never measured or deleted") {
  struct Row {
    const char* what;
    void (*spoil)(CloneState&);
  };

  const Row rows[] = {
      {"no label of ours", [](CloneState& c) { c.request_uid.clear(); }},
      {"our label, another owner", [](CloneState& c) { c.owner_uid = "uid-other"; }},
      {"our label, no owner", [](CloneState& c) { c.owner_uid.clear(); }},
      {"another template or other pins", [](CloneState& c) { c.fault = "it is pinned elsewhere"; }},
  };
  for (const CloneRole role : {CloneRole::kCandidate, CloneRole::kBaseline}) {
    for (const Row& row : rows) {
      CAPTURE(row.what);
      EvaluationStory story;
      story.owned = {};
      row.spoil(story.clone(role));
      const Decision decision = story.step();
      CHECK(waits(decision, WaitCode::kCandidateNameTaken));
      CHECK(decision.wait->command ==
            "kubectl delete deployment -n credit credit-risk-eu-" + std::string(name(role)));
      CHECK(decision.actions.empty());
      CHECK_FALSE(decision.wake_at);  // its deletion is an event
    }
  }
}

TEST_CASE("evaluation: a clone of another question, or of a template in between, starts again") {
  for (const bool by_template : {false, true}) {
    EvaluationStory story;
    story.owned.jobs = {{"g-1", "uid-job"}};
    CloneState& lock = story.clone(CloneRole::kCandidate);
    (by_template ? lock.template_digest : lock.evaluation) = sha('9');
    lock.fault = "its pod template is not that of the serving Deployment";
    const Decision decision = story.step();
    CHECK(waits(decision, WaitCode::kPreparingClones));
    CHECK(deletes_all(decision, story.owned));
    CHECK(started(decision).empty());
  }
  EvaluationStory leaving;
  leaving.clone(CloneRole::kCandidate).deleting = true;
  CHECK(waits(leaving.step(), WaitCode::kPreparingClones));
  CHECK(leaving.step().actions.empty());
}

TEST_CASE("evaluation: while a Service would send users to a clone, none is made or kept") {
  EvaluationStory there;
  there.facts.stray_service = "debug";
  CHECK(waits(there.step(), WaitCode::kCandidateWouldReceiveTraffic));
  CHECK(deletes_all(there.step(), there.owned));
  EvaluationStory gone = there;  // what the deletion's own event leads to
  gone.facts.clones.clear();
  gone.owned = {};
  const Decision decision = gone.step();
  CHECK(waits(decision, WaitCode::kCandidateWouldReceiveTraffic));
  CHECK(decision.wait->about == "Service debug");
  CHECK(decision.actions.empty());
  CHECK_FALSE(decision.wake_at);
}

TEST_CASE("evaluation: gates ask the clones' pods by address, and note who they are") {
  EvaluationStory story;
  const auto jobs = all<CreateGateJob>(story.step());
  REQUIRE(jobs.size() == 2);  // latency is alone and last
  const CreateGateJob& accuracy = jobs[0];
  CHECK(accuracy.gate.name == "accuracy");
  CHECK(accuracy.attempt == 1);
  CHECK(accuracy.input_digest == sha('a'));
  CHECK(accuracy.input.candidate.url == "http://10.0.0.7:8080");
  CHECK(accuracy.input.candidate.version == "2");
  REQUIRE(accuracy.input.champion);
  CHECK(accuracy.input.champion->url == "http://[fd00::8]:8080");
  CHECK(accuracy.pods.size() == 2);
  CHECK(accuracy.pods.at("candidate") == story.clone(CloneRole::kCandidate).pod->identity);
  CHECK(jobs[1].gate.name == "fairness");
  CHECK_FALSE(jobs[1].input.champion);
  CHECK(jobs[1].pods.size() == 1);
}

TEST_CASE("evaluation: no gate starts before its clones are ready, and the wait says why not") {
  struct Row {
    CloneRole role;
    void (*spoil)(CloneState&);
  };

  const Row rows[] = {
      {CloneRole::kCandidate, [](CloneState& c) { c.pod.reset(); }},
      {CloneRole::kCandidate, [](CloneState& c) { c.pod->ready = false; }},
      {CloneRole::kCandidate, [](CloneState& c) { c.pod->as_made = false; }},
      {CloneRole::kBaseline, [](CloneState& c) { c.pod->ready = false; }},
  };
  for (const Row& row : rows) {
    EvaluationStory story;
    row.spoil(story.clone(row.role));
    if (auto& pod = story.clone(row.role).pod) pod->problem = "container server: ImagePullBackOff";
    story.now = at(std::chrono::hours(1)) + minutes(1);
    const Decision decision = story.step();
    CHECK(waits(decision, WaitCode::kCandidateNotReady));
    CHECK(started(decision).empty());
    if (story.clone(row.role).pod)
      CHECK(decision.wait->what.find("ImagePullBackOff") != std::string::npos);
    CHECK(decision.wake_at == at(std::chrono::hours(1)) + minutes(10));
  }
}

TEST_CASE("evaluation: a clone whose pod the cluster refuses says why") {
  EvaluationStory story;
  story.clone(CloneRole::kCandidate).pod.reset();
  story.clone(CloneRole::kCandidate).pods_refused = "exceeded quota: gpu";
  story.now = at(std::chrono::hours(1)) + minutes(1);
  CHECK(story.step().wait->what.ends_with("no pod can be made: exceeded quota: gpu"));
  story.now = at(std::chrono::hours(1)) + minutes(10);
  CHECK(story.run().gates.front().judgement.message.find("exceeded quota") != std::string::npos);
}

TEST_CASE("evaluation: a clone that never gets ready does not hold the target for ever") {
  EvaluationStory story;
  story.clone(CloneRole::kCandidate).pod->ready = false;
  story.clone(CloneRole::kCandidate).pod->problem = "container server: CrashLoopBackOff";
  story.now = at(std::chrono::hours(1)) + minutes(10);
  const Evaluated out = story.run();
  CHECK_FALSE(out.step);
  REQUIRE(out.gates.size() == 3);
  for (const GateState& gate : out.gates) {
    CHECK(gate.verdict == Verdict::kErrored);
    CHECK(gate.judgement.reason == "CandidateNotReady");
    CHECK(gate.judgement.message.find("CrashLoopBackOff") != std::string::npos);
  }
  // What has begun is waited for, and what has ended stays as it ended.
  end(story.gate("accuracy"), Verdict::kFailed);
  story.gate("accuracy").ended = at(std::chrono::hours(1));
  story.gate("fairness").verdict = Verdict::kRunning;
  CHECK(waits(story.step(), WaitCode::kGatesRunning));
  CHECK(story.step().actions.empty());
}

TEST_CASE("evaluation: gates that must be alone run last and one by one") {
  EvaluationStory story;
  story.about.policy->stages[0].gates.push_back(gate_spec("latency-2", "Latency"));
  story.facts.gates.push_back({.spec = gate_spec("latency-2", "Latency")});
  CHECK(started(story.step()) == std::vector<std::string>{"accuracy", "fairness"});
  story.gate("accuracy").verdict = Verdict::kRunning;
  end(story.gate("fairness"), Verdict::kFailed);
  CHECK(started(story.step()).empty());
  end(story.gate("accuracy"), Verdict::kPassed);  // a gate that fails stops no other
  CHECK(started(story.step()) == std::vector<std::string>{"latency"});
  story.gate("latency").verdict = Verdict::kRunning;
  CHECK(started(story.step()).empty());
  end(story.gate("latency"), Verdict::kPassed);
  CHECK(started(story.step()) == std::vector<std::string>{"latency-2"});
  end(story.gate("latency-2"), Verdict::kInconclusive);
  CHECK_FALSE(story.run().step);
  CHECK(story.run().gates.size() == 4);
}

TEST_CASE("evaluation: technical trouble is tried again, with pauses, as often as the class says") {
  EvaluationStory story;
  for (const char* other : {"latency", "fairness"})
    end(story.gate(other), Verdict::kPassed);
  GateState& gate = story.gate("accuracy");
  end(gate, Verdict::kErrored, 1, true);
  Decision decision = story.step();
  CHECK(waits(decision, WaitCode::kGateRetrySpaced));
  CHECK(decision.wait->what.find("the pod was lost") != std::string::npos);
  CHECK(started(decision).empty());
  CHECK(decision.wake_at == gate.ended + seconds(10));
  story.now = gate.ended + seconds(10);
  REQUIRE(started(story.step()).size() == 1);
  CHECK(all<CreateGateJob>(story.step())[0].attempt == 2);

  gate.attempt = 7;  // numbers go on from earlier questions, pauses and limits do not
  gate.tries = 2;
  CHECK(story.step().wake_at == gate.ended + seconds(60));
  story.now = gate.ended + seconds(60);
  REQUIRE(started(story.step()).size() == 1);
  CHECK(all<CreateGateJob>(story.step())[0].attempt == 8);
  gate.tries = 3;
  CHECK_FALSE(story.run().step);
  gate.retryable = false;
  gate.tries = 1;
  CHECK_FALSE(story.run().step);
}

TEST_CASE("evaluation: an image that cannot be pulled yet is no end, and is said") {
  EvaluationStory story;
  for (GateState& gate : story.facts.gates)
    gate.verdict = Verdict::kRunning;
  story.gate("accuracy").judgement.message = "its image cannot be pulled yet: ErrImagePull";
  const Decision decision = story.step();
  CHECK(waits(decision, WaitCode::kGatesRunning));
  CHECK(decision.wait->what.find("ErrImagePull") != std::string::npos);
  CHECK(decision.actions.empty());
  CHECK_FALSE(decision.wake_at);
}

TEST_CASE("evaluation: what a kind needs and the policy lacks is said before anything is made") {
  struct Row {
    const char* what;
    void (*spoil)(EvaluationStory&);
    WaitCode code;
  };

  const Row rows[] = {
      {"no task", [](EvaluationStory& s) { s.about.policy->evaluation.binary.reset(); },
       WaitCode::kPolicyUnsafe},
      {"no dataset", [](EvaluationStory& s) { s.about.policy->evaluation.dataset.reset(); },
       WaitCode::kPolicyUnsafe},
      {"no group columns",
       [](EvaluationStory& s) { s.about.policy->evaluation.binary->group_columns.clear(); },
       WaitCode::kPolicyUnsafe},
      {"no threshold",
       [](EvaluationStory& s) { s.about.policy->stages[0].gates[0].parameters = "{}"; },
       WaitCode::kPolicyUnsafe},
      {"unknown type",
       [](EvaluationStory& s) { s.about.policy->stages[0].gates[0].kind = "Drift"; },
       WaitCode::kPolicyUnsafe},
      {"no class", [](EvaluationStory& s) { s.about.gate_classes.erase("class-Latency"); },
       WaitCode::kGateClassMissing},
      {"class of another type",
       [](EvaluationStory& s) { s.about.gate_classes["class-Latency"].kind = "Accuracy"; },
       WaitCode::kGateClassMissing},
      {"no target", [](EvaluationStory& s) { s.facts.on.reset(); }, WaitCode::kTargetMissing},
      {"target of another model", [](EvaluationStory& s) { s.facts.on->target->model = "fraud"; },
       WaitCode::kTargetOfAnotherModel},
      {"no Deployment", [](EvaluationStory& s) { s.facts.on->deployment.reset(); },
       WaitCode::kDeploymentMissing},
      {"resources of a container that is not there",
       [](EvaluationStory& s) {
         s.facts.on->target->clone.resources = {{.container = "x", .requests = {}, .limits = {}}};
       },
       WaitCode::kContainerMissing},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    EvaluationStory story;
    story.facts.clones.clear();
    row.spoil(story);
    const Decision decision = story.step();
    CHECK(waits(decision, row.code));
    CHECK(decision.actions.empty());
    CHECK_FALSE(decision.wait->who_can.empty());
  }
}
