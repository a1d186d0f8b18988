#include "operator/controllers/gate_states.h"

#include "base/crypto.h"
#include "gates/gate_input.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using promotion::Verdict;

namespace {

const std::string kData = sha256_digest("evaluation").str();

/// A version to be compared with another, and everything a gate Job is told.
promotion::World evaluated_world() {
  promotion::World world;
  world.request.meta.uid = "request-uid";
  world.request.model = "credit-risk";
  world.request.version = "2";
  ModelVersion version;
  version.artifact_digest = sha256_digest("artifact").str();
  version.training_dataset_digest = sha256_digest("training").str();
  version.inputs = {{.name = "balance", .type = "double", .required = true}};
  world.version = version;
  PromotionPolicy policy;
  policy.evaluation.dataset_uri = "s3://models/evaluation.csv";
  policy.evaluation.dataset_version = "2026-11";
  policy.evaluation.dataset_digest = kData;
  policy.evaluation.label_column = "label";
  policy.evaluation.positive_label = "1";
  policy.evaluation.group_columns = {"demographic_group"};
  world.policy = policy;
  promotion::TargetState target;
  target.target.meta.ns = "credit";
  target.target.deployment = "credit-risk-eu";
  target.target.inference = {.service = "credit-risk-eu",
                             .port = 8080,
                             .protocol = "MLflow",
                             .scoring_path = "/invocations",
                             .health_path = "/ping",
                             .version_header = "X-Model-Version"};
  world.evaluated_on = target;
  world.target = target;
  return world;
}

promotion::CreateGateJob job_of(GateType type) {
  promotion::CreateGateJob job;
  job.gate.name = "gate";
  job.gate.type = type;
  job.gate.samples = 200;
  job.gate.warmup = 10;
  job.candidate = {.version = "2",
                   .digest = sha256_digest("artifact").str(),
                   .artifact_uri = "s3://models/2",
                   .stage = "Staging"};
  job.champion = {.version = "1", .digest = "", .artifact_uri = "", .stage = "Production"};
  return job;
}

}  // namespace

TEST_CASE("gate input: each type is told whom to ask and nothing of the other types") {
  struct Row {
    GateType type;
    const char* candidate;
    bool champion;
    bool latency;
    bool smoke;
  };

  const Row rows[] = {
      {GateType::kAccuracy, "http://credit-risk-eu-candidate.credit.svc:8080", true, false, false},
      {GateType::kFairness, "http://credit-risk-eu-candidate.credit.svc:8080", false, false, false},
      {GateType::kLatency, "http://credit-risk-eu-candidate.credit.svc:8080", false, true, false},
      {GateType::kSmoke, "http://credit-risk-eu.credit.svc:8080", false, false, true},
  };
  for (const Row& row : rows) {
    CAPTURE(name(row.type));
    const auto text =
        build_gate_input(evaluated_world(), job_of(row.type), "0123456789abcdef0123456789abcdef");
    REQUIRE(text);
    const auto input = gates::parse_gate_input(*text);
    REQUIRE(input);
    CHECK(input->candidate.url == row.candidate);
    CHECK(input->candidate.version == "2");
    CHECK(input->champion.has_value() == row.champion);
    CHECK(input->latency.has_value() == row.latency);
    CHECK(input->smoke.has_value() == row.smoke);
    CHECK(input->dataset.digest.str() == kData);
  }
}

TEST_CASE("gate input: a signature type that cannot be sent is named") {
  promotion::World world = evaluated_world();
  world.version->inputs[0].type = "tensor";
  const auto text = build_gate_input(world, job_of(GateType::kAccuracy), "nonce");
  REQUIRE_FALSE(text);
  CHECK(text.error().message.find("balance has type tensor") != std::string::npos);
}

TEST_CASE("gate: data the version was trained on decides nothing, and starts no Job") {
  promotion::World world = evaluated_world();
  world.version->training_dataset_digest = kData;
  const GateSource no_jobs;
  for (const GateType type : {GateType::kAccuracy, GateType::kFairness}) {
    const auto gate = read_gate(world, job_of(type).gate, "sha256:evaluation", no_jobs);
    REQUIRE(gate);
    CHECK(gate->verdict == Verdict::kInconclusive);
    CHECK(gate->reason == "EvaluationIsTraining");
  }
  const auto latency =
      read_gate(world, job_of(GateType::kLatency).gate, "sha256:evaluation", no_jobs);
  REQUIRE(latency);
  CHECK(latency->verdict == Verdict::kPending);
}

TEST_CASE("gate: a model that is told the answer is not measured at all") {
  promotion::World world = evaluated_world();
  world.version->inputs.push_back({.name = "label", .type = "long", .required = true});
  for (const GateType type : {GateType::kAccuracy, GateType::kFairness, GateType::kLatency}) {
    const auto gate = read_gate(world, job_of(type).gate, "sha256:evaluation", GateSource{});
    REQUIRE(gate);
    CHECK(gate->verdict == Verdict::kInconclusive);
    CHECK(gate->reason == "LabelIsInput");
  }
}

TEST_CASE(
    "gate: an attempt at another question is not this evaluation's, but its number is taken") {
  const promotion::World world = evaluated_world();
  GateSource source;
  Job job;
  job.meta.annotations = {{kGateAnnotation, "gate"}, {kInputDigestAnnotation, "sha256:older"}};
  job.meta.labels = {{kAttemptLabel, "3"}};
  source.jobs = {job};
  const auto gate = read_gate(world, job_of(GateType::kAccuracy).gate, "sha256:evaluation", source);
  REQUIRE(gate);
  CHECK(gate->verdict == Verdict::kPending);
  CHECK(gate->attempt == 3);
}
