#include "promotion/evaluation/attempts.h"

#include "gates/kind.h"
#include "people_fixtures.h"
#include "promotion/evaluation/questions.h"
#include "promotion/manifests.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace people;                  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

constexpr const char* kNonce = "00112233445566778899aabbccddeeff";

/// One latency gate, its Jobs and their pods, as they are after a run that passed.
struct Run {
  EvaluationStory story;
  GateSpec spec = gate_spec("latency", "Latency");
  GateQuestion question = evaluation_question(story.about, spec, story.facts, sha('a'));
  std::vector<Job> jobs = {job(1)};
  std::vector<Pod> pods = {pod(jobs[0])};

  [[nodiscard]] Job job(int attempt, const std::string& digest = sha('a')) const {
    Job out;
    out.meta.name = job_name(kUid, spec.name, attempt);
    out.meta.uid = "uid-job-" + std::to_string(attempt);
    out.meta.labels = {{kAttemptLabel, std::to_string(attempt)}};
    out.meta.annotations = {{kGateAnnotation, spec.name},
                            {kNonceAnnotation, kNonce},
                            {kInputDigestAnnotation, digest},
                            {kPodsAnnotation, json(question.pods).dump()}};
    out.complete = true;
    out.ended = at(std::chrono::hours(2));
    return out;
  }

  [[nodiscard]] Pod pod(const Job& job) const {
    Pod out;
    out.meta.uid = "uid-pod-of-" + job.meta.uid;
    out.meta.created = at(std::chrono::minutes(90));
    out.owner_uid = job.meta.uid;
    const GateClass& gate_class = story.about.gate_classes.at("class-Latency");
    out.spec_containers = {{.name = "fetch", .init = true, .image = gate_class.fetch_image},
                           {.name = "gate", .image = gate_class.image}};
    out.init_containers = {{.name = "fetch", .terminated = true, .reason = "Completed"}};
    out.containers = {{.name = "gate",
                       .terminated = true,
                       .reason = "Completed",
                       .message = report(label_of(job.meta, kAttemptLabel)),
                       .image_id = "example.com/gate@sha256:ran"}};
    return out;
  }

  [[nodiscard]] static std::string report(const std::string& attempt) {
    const gates::Report measured{
        .request_uid = kUid,
        .gate = "latency",
        .attempt = std::stoull(attempt),
        .nonce = kNonce,
        .dataset = Digest(sha('d')),
        .artifact = Digest(sha('2')),
        .outcome = gates::ReportOutcome::kMeasured,
        .metrics = R"({"p50":"10","p95":"20","p99":"30","samples":"200"})"};
    return gates::report_text(measured, *gates::find_kind("Latency")).value();
  }

  [[nodiscard]] GateState observe() const { return observe_gate(spec, question, jobs, pods); }
};

}  // namespace

TEST_CASE("attempt: a run is judged from its own pod, and says what ran and what was measured") {
  const GateState gate = Run().observe();
  CAPTURE(gate.judgement.reason + ": " + gate.judgement.message);
  CHECK(gate.verdict == Verdict::kPassed);
  CHECK(gate.attempt == 1);
  CHECK(gate.tries == 1);
  CHECK(gate.image == "example.com/gate@sha256:ran");
  CHECK(gate.served_by == "uid-pod-candidate");
  CHECK(gate.pod_uid == "uid-pod-of-uid-job-1");
  CHECK(gate.nonce == kNonce);
  CHECK(gate.ended == at(std::chrono::hours(2)));
}

TEST_CASE("attempt: a Job that is not ours by name, question and number is not looked at") {
  struct Row {
    const char* what;
    void (*spoil)(Job&);
  };

  const Row rows[] = {
      {"a name of its own", [](Job& j) { j.meta.name = "nightly"; }},
      {"another number than its name's", [](Job& j) { j.meta.labels[kAttemptLabel] = "9"; }},
      {"no number", [](Job& j) { j.meta.labels[kAttemptLabel] = "01"; }},
      {"a number beyond all",
       [](Job& j) {
         j.meta.labels[kAttemptLabel] = "2147483647";
         j.meta.name = job_name(kUid, "latency", 2147483647);
       }},
      {"another request's", [](Job& j) { j.meta.name = job_name("uid-other", "latency", 1); }},
      {"another gate's", [](Job& j) { j.meta.annotations[kGateAnnotation] = "fairness"; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Run run;
    row.spoil(run.jobs[0]);
    CHECK(run.observe().verdict == Verdict::kPending);
    CHECK(run.observe().attempt == 0);
  }
}

TEST_CASE("attempt: an answer to another question does not count, but its number is taken") {
  Run run;
  run.jobs = {run.job(3, sha('9'))};
  const GateState gate = run.observe();
  CHECK(gate.verdict == Verdict::kPending);
  CHECK(gate.attempt == 3);
  CHECK(gate.tries == 0);
  run.jobs.push_back(run.job(1));
  CHECK(latest_job(run.spec, run.question, run.jobs)->meta.uid == "uid-job-1");
  run.jobs[1].meta.deleting = true;
  CHECK(latest_job(run.spec, run.question, run.jobs) == nullptr);
}

TEST_CASE("attempt: a forged later one does not override a verdict") {
  Run run;
  Job forged = run.job(2);
  forged.meta.uid = "uid-forged";
  forged.meta.name = "cron-28473";
  run.jobs.push_back(forged);
  run.pods.push_back(run.pod(forged));
  CHECK(run.observe().job_uid == "uid-job-1");
}

TEST_CASE("attempt: pods that the Job does not own say nothing") {
  Run run;
  run.pods[0].owner_uid = "uid-other";
  CHECK(run.observe().verdict == Verdict::kErrored);
  CHECK(run.observe().retryable);
  run.pods[0].owner_uid.clear();
  run.jobs[0].meta.uid.clear();
  CHECK(run.observe().verdict == Verdict::kErrored);
}

TEST_CASE("attempt: other images than the class names are not believed") {
  for (const std::size_t container : {0U, 1U}) {
    Run run;
    run.pods[0].spec_containers[container].image = "example.com/forged";
    const GateState gate = run.observe();
    CHECK(gate.verdict == Verdict::kErrored);
    CHECK(gate.judgement.reason == "ForeignJob");
  }
}

TEST_CASE("attempt: a Job or a pod that is not what the operator makes is not believed, at once") {
  for (const bool in_pod : {false, true}) {
    Run run;
    (in_pod ? run.pods[0].departure : run.jobs[0].departure) = "spec.containers[gate].command";
    for (const bool over : {true, false}) {
      if (!over) {
        run.jobs[0].complete = false;
        run.pods[0].containers[0].terminated = false;
      }
      const GateState gate = run.observe();
      CHECK(gate.verdict == Verdict::kErrored);
      CHECK(gate.judgement.reason == "ForeignJob");
      CHECK(gate.judgement.message.find("spec.containers[gate].command") != std::string::npos);
      CHECK(gate.retryable);
      CHECK(gate.tries == 1);
    }
  }
}

TEST_CASE("attempt: one that somebody takes away counts, and its name does not count again") {
  Run run;
  const RememberedJob first{.name = run.jobs[0].meta.name,
                            .uid = "uid-first",
                            .gate = "latency",
                            .attempt = 1,
                            .input_digest = sha('a'),
                            .missed = at(std::chrono::hours(3))};
  run.question.missed = {first};
  GateState gate = run.observe();  // another Job has its name, and has passed
  CHECK(gate.verdict == Verdict::kErrored);
  CHECK(gate.judgement.reason == "JobMissing");
  CHECK(gate.retryable);
  CHECK(gate.attempt == 1);
  CHECK(gate.tries == 1);
  CHECK(gate.ended == at(std::chrono::hours(3)));
  CHECK(gate.job_uid == "uid-first");
  run.jobs = {run.job(2)};
  run.pods = {run.pod(run.jobs[0])};
  gate = run.observe();  // the next attempt is another one
  CHECK(gate.verdict == Verdict::kPassed);
  CHECK(gate.attempt == 2);
  CHECK(gate.tries == 2);
  run.question.missed[0].input_digest = sha('9');
  run.jobs.clear();
  gate = run.observe();  // at another question only the number is taken
  CHECK(gate.verdict == Verdict::kPending);
  CHECK(gate.attempt == 1);
  CHECK(gate.tries == 0);
}

TEST_CASE("attempt: whose Job vanishes after it spoke against the version is not asked again") {
  for (const Verdict verdict : {Verdict::kFailed, Verdict::kInconclusive, Verdict::kPassed,
                                Verdict::kErrored, Verdict::kRunning}) {
    Run run;
    run.question.missed = {{.name = "g-1",
                            .uid = "u",
                            .gate = "latency",
                            .attempt = 1,
                            .input_digest = sha('a'),
                            .verdict = verdict}};
    run.jobs.clear();
    const bool spoke = verdict == Verdict::kFailed || verdict == Verdict::kInconclusive;
    CHECK(run.observe().verdict == Verdict::kErrored);
    CHECK(run.observe().retryable == !spoke);
  }
}

TEST_CASE("attempt: a result counts only while what was measured is still the same") {
  Run run;
  run.question.pods["candidate"] = "uid-pod-candidate server=img/1";
  GateState gate = run.observe();
  CHECK(gate.verdict == Verdict::kErrored);
  CHECK(gate.judgement.reason == "CandidateChanged");
  CHECK(gate.retryable);
  run.question.pods.clear();
  CHECK(run.observe().judgement.reason == "CandidateChanged");
  Run unmarked;
  unmarked.jobs[0].meta.annotations[kPodsAnnotation] = "no json";
  CHECK(unmarked.observe().judgement.reason == "CandidateChanged");
}

TEST_CASE("attempt: an image that cannot be pulled yet leaves the gate running, with a text") {
  Run run;
  run.jobs[0].complete = false;
  run.jobs[0].ended = {};
  Pod& pod = run.pods[0];
  pod.init_containers = {{.name = "fetch", .reason = "ErrImagePull", .message = "503"}};
  pod.containers = {{.name = "gate", .reason = "PodInitializing"}};
  GateState gate = run.observe();
  CHECK(gate.verdict == Verdict::kRunning);
  CHECK(gate.judgement.message.find("ErrImagePull") != std::string::npos);
  pod.init_containers[0].reason = "InvalidImageName";
  gate = run.observe();
  CHECK(gate.verdict == Verdict::kErrored);
  CHECK(gate.ended == pod.meta.created);  // so that the next attempt is spaced, too
}

TEST_CASE("attempt: without a version or a policy nothing is asked, and nothing breaks") {
  Run run;
  run.story.about.version.reset();
  run.question = evaluation_question(run.story.about, run.spec, run.story.facts, sha('a'));
  CHECK(run.observe().judgement.reason == "WrongArtifact");
  run.story.about.policy.reset();
  run.story.facts = {};
  run.question = evaluation_question(run.story.about, run.spec, run.story.facts, sha('a'));
  CHECK(run.observe().verdict == Verdict::kErrored);
}

TEST_CASE("attempt: data the version was trained on decides nothing, and starts no Job") {
  EvaluationStory story;
  story.about.version->training_dataset_digest = sha('d');
  for (const char* kind : {"Accuracy", "Fairness"}) {
    const GateSpec spec = gate_spec("g", kind);
    const GateState gate =
        observe_gate(spec, evaluation_question(story.about, spec, story.facts, sha('a')), {}, {});
    CHECK(gate.verdict == Verdict::kInconclusive);
    CHECK(gate.judgement.reason == "EvaluationIsTraining");
  }
  const GateSpec latency = gate_spec("g", "Latency");
  CHECK(in_vain(story.about, latency).verdict == Verdict::kPending);
}

TEST_CASE("attempt: a model that is told the answer, or cannot be asked, is not measured at all") {
  EvaluationStory story;
  story.about.version->inputs.push_back({.name = "label", .type = "long"});
  for (const char* kind : {"Accuracy", "Fairness", "Latency"})
    CHECK(in_vain(story.about, gate_spec("g", kind)).reason == "LabelIsInput");
  story.about.policy->evaluation.binary.reset();  // then no column is the label
  CHECK(in_vain(story.about, gate_spec("g", "Latency")).verdict == Verdict::kPending);
  story.about.version->inputs[0].type = "tensor";
  CHECK(in_vain(story.about, gate_spec("g", "Latency")).message.find("balance has type tensor") !=
        std::string::npos);
}

TEST_CASE("question: one gate of an evaluation verifies the artifact, and none waives it") {
  const auto gate = [](const char* name, const char* kind, bool blocking) {
    GateSpec out = gate_spec(name, kind);
    out.blocking = blocking;
    return out;
  };
  CHECK(verifying_gate({}).empty());
  CHECK(verifying_gate({.gates = {gate("a", "Latency", false)}}) == "a");
  CHECK(verifying_gate({.gates = {gate("a", "Latency", true), gate("b", "Fairness", true)}}) ==
        "a");
  CHECK(verifying_gate({.gates = {gate("a", "Latency", true), gate("b", "Accuracy", true),
                                  gate("c", "Accuracy", true)}}) == "b");
  // What only advises would stop nothing.
  CHECK(verifying_gate({.gates = {gate("a", "Accuracy", false), gate("b", "Latency", true)}}) ==
        "b");

  EvaluationStory story;
  const StageSpec& stage = *story.about.stage();
  const std::string verifier = verifying_gate(stage);
  int told = 0;
  for (const GateSpec& spec : stage.gates) {
    const auto input =
        evaluation_input(measured_facts(story.about, version_ref("2")), spec, 1, story.facts, {});
    REQUIRE(input);
    CHECK(input->artifact.digest.str() == sha('2'));
    if (input->artifact.uri.empty()) continue;
    ++told;
    CHECK(spec.name == verifier);
    CHECK(input->artifact.uri == version_ref("2").artifact_uri);
  }
  CHECK(told == 1);
}

TEST_CASE("question: over https clones are called by address under the Service's name") {
  EvaluationStory story;
  ServingTarget& on = *story.facts.on->target;
  on.inference.scheme = "HTTPS";
  on.inference.bearer_token = {.name = "credit.model-token", .key = "token"};
  on.inference.tls.ca = {.name = "model-ca", .key = "ca.crt"};
  const GateSpec spec = gate_spec("latency", "Latency");
  const auto asked = [&] {
    return evaluation_input(measured_facts(story.about, version_ref("2")), spec, 1, story.facts,
                            {});
  };
  REQUIRE(asked());
  CHECK(asked()->candidate.url.starts_with("https://10."));
  CHECK(asked()->inference.server_name == "credit-risk-eu.credit.svc");
  on.inference.tls.server_name = "m.example.com";
  CHECK(asked()->inference.server_name == "m.example.com");
  CHECK(access_of(on).token.name == "credit.model-token");
  CHECK(access_of(on).ca.name == "model-ca");
  // A Secret of anybody else is never sent to this server.
  for (const char* name : {"stagekeeper-gate-s3", "credit", "creditx.token", "other.token"}) {
    CAPTURE(name);
    on.inference.bearer_token.name = name;
    REQUIRE_FALSE(asked());
    CHECK(asked().error().message.find("must begin with credit.,") != std::string::npos);
  }
  on.inference.scheme = "HTTP";
  CHECK(access_of(on).token.name.empty());
}

TEST_CASE("smoke: asks the Service on its port, by what was decided and not by the policy of now") {
  EvaluationStory story;
  DecidedFacts decided;
  decided.dataset = Dataset{.uri = "s3://models/then.csv", .version = "1", .digest = sha('c')};
  decided.inputs = {{.name = "income", .type = "double"}};
  decided.carries = {{"golden", "17=0.0123"}};
  RecordFact intent;
  intent.digest = sha('8');
  intent.to = version_ref("2");
  const GateSpec spec = smoke_spec("credit-risk-eu", "2");
  CHECK(spec.name == "smoke-credit-risk-eu");
  const MeasuredFacts measured{.request = story.about.request,
                               .version = intent.to,
                               .dataset = decided.dataset,
                               .binary = decided.binary,
                               .inputs = decided.inputs};
  const auto input = smoke_input(measured, spec, 1, target(), decided);
  REQUIRE(input);
  CHECK(input->candidate.url == "http://credit-risk-eu.credit.svc:80");
  CHECK(input->dataset->digest.str() == sha('c'));
  CHECK(input->artifact.uri.empty());
  CHECK(input->features[0].name == "income");
  CHECK(input->parameters.find("17") != std::string::npos);
  const GateQuestion question = smoke_question(story.about, decided, intent, {});
  CHECK(question.input_digest == sha('8'));
  CHECK(question.expected.dataset.str() == sha('c'));
  CHECK(question.expected.artifact.str() == sha('2'));
}
