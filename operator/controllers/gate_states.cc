#include "operator/controllers/gate_states.h"

#include "gates/gate_run.h"
#include "gates/report.h"
#include "operator/wiring/live.h"
#include "operator/wiring/resources.h"
#include "promotion/ledger_view.h"
#include "promotion/manifests.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

using promotion::GateState;
using promotion::Verdict;
using promotion::World;

int attempt_of(const Job& job) {
  return std::atoi(label_of(job.meta, kAttemptLabel).c_str());
}

gates::Policy policy_of(const GateSpec& spec, const World& world, const std::string& golden_score) {
  switch (spec.type) {
    case GateType::kAccuracy:
      return gates::AccuracyPolicy{.min_absolute = spec.min_absolute,
                                   .min_improvement = spec.min_improvement};
    case GateType::kLatency:
      return gates::LatencyPolicy{.p95_budget = spec.p95_budget};
    case GateType::kFairness:
      return gates::FairnessPolicy{
          .max_disparity = spec.max_disparity,
          .min_positives_per_group = static_cast<std::uint64_t>(spec.min_positives),
          .min_negatives_per_group = static_cast<std::uint64_t>(spec.min_negatives)};
    case GateType::kSmoke:
      break;
  }
  return gates::SmokePolicy{
      .version = world.request.version,
      .golden_score = golden_score.empty() ? std::nullopt : std::optional(golden_score)};
}

Verdict verdict_of(gates::Outcome outcome) {
  switch (outcome) {
    case gates::Outcome::kPassed:
      return Verdict::kPassed;
    case gates::Outcome::kFailed:
      return Verdict::kFailed;
    case gates::Outcome::kInconclusive:
      return Verdict::kInconclusive;
    case gates::Outcome::kErrored:
      return Verdict::kErrored;
  }
  return Verdict::kErrored;
}

std::optional<gates::ContainerEnd> end_of(const std::vector<ContainerState>& states,
                                          const char* name) {
  const auto found = std::ranges::find(states, name, &ContainerState::name);
  if (found == states.end() || !found->terminated) return std::nullopt;
  return gates::ContainerEnd{
      .exit_code = found->exit_code, .reason = found->reason, .message = found->message};
}

std::string waiting_reason(const Pod& pod) {
  for (const auto* states : {&pod.init_containers, &pod.containers}) {
    for (const ContainerState& state : *states) {
      if (!state.terminated && gates::cannot_start(state.reason)) return state.reason;
    }
  }
  return "";
}

gates::GateRun run_of(const Job& job, const std::vector<Pod>& pods) {
  gates::GateRun run;
  run.job_complete = job.complete;
  run.job_failure = job.failed ? job.failure_reason : "";
  run.pods = pods.size();
  if (pods.empty()) {
    run.disrupted = true;
    return run;
  }
  const Pod& pod = pods.front();
  run.pod_reason = pod.reason;
  run.disrupted = pod.disrupted;
  run.waiting = waiting_reason(pod);
  run.fetch = end_of(pod.init_containers, "fetch");
  run.gate = end_of(pod.containers, "gate");
  return run;
}

gates::Expected expected_of(const World& world, const GateState& state) {
  const bool compared = world.evaluated_on && state.spec.type == GateType::kAccuracy &&
                        !promotion::serving_version(world.evaluated_on->ledger).version.empty();
  return {.request_uid = world.request.meta.uid,
          .gate = state.spec.name,
          .attempt = static_cast<std::uint64_t>(state.attempt),
          .nonce = state.nonce,
          .dataset = Digest(world.policy->evaluation.dataset_digest),
          .artifact = Digest(world.version->artifact_digest),
          .has_champion = compared};
}

constexpr const char* kSeenData = "EvaluationIsTraining";
constexpr const char* kLabelIsInput = "LabelIsInput";

/// Why no Job is worth starting, or null: a score on the data a model was fitted to says nothing
/// about others, and neither does one of a model that is told the answer.
const char* in_vain(const World& world, const GateSpec& spec) {
  const Evaluation& evaluation = world.policy->evaluation;
  if (std::ranges::find(world.version->inputs, evaluation.label_column, &SignatureInput::name) !=
      world.version->inputs.end()) {
    return kLabelIsInput;
  }
  const bool scores = spec.type == GateType::kAccuracy || spec.type == GateType::kFairness;
  const std::string& training = world.version->training_dataset_digest;
  return scores && !training.empty() && training == evaluation.dataset_digest ? kSeenData : nullptr;
}

const char* advice_for(std::string_view reason) {
  return reason == kSeenData
             ? "the evaluation dataset is the one the version was trained on; name another in the "
               "policy"
             : "the label column is an input of the model, which would be told the answer; train "
               "it without, or name another labelColumn in the policy";
}

std::string golden_score_of(const World& world) {
  if (!world.results) return "";
  for (const GateState& gate : world.results->gates) {
    if (!gate.golden_score.empty()) return gate.golden_score;
  }
  return "";
}

void judge(const World& world, const gates::GateRun& run, GateState& state) {
  const gates::Expected expected = expected_of(world, state);
  const gates::Verdict verdict =
      gates::conclude(run, expected, policy_of(state.spec, world, golden_score_of(world)));
  state.verdict = verdict_of(verdict.outcome);
  state.retryable = gates::worth_retrying(verdict);
  state.reason = verdict.reason;
  state.message = verdict.message;
  state.observed = verdict.observed;
  state.threshold = verdict.threshold;
  state.champion = verdict.champion;
  state.samples = verdict.samples;
  if (state.verdict != Verdict::kPassed || state.spec.type != GateType::kAccuracy || !run.gate)
    return;
  const auto report = gates::parse_report(run.gate->message, expected);
  if (!report) return;
  if (const auto* accuracy = std::get_if<gates::AccuracyMetrics>(&report->metrics)) {
    state.golden_row = std::to_string(accuracy->golden_row);
    state.golden_score = accuracy->golden_score;
  }
}

gates::GateType gate_type(GateType type) {
  switch (type) {
    case GateType::kAccuracy:
      return gates::GateType::kAccuracy;
    case GateType::kLatency:
      return gates::GateType::kLatency;
    case GateType::kFairness:
      return gates::GateType::kFairness;
    case GateType::kSmoke:
      break;
  }
  return gates::GateType::kSmoke;
}

std::string clone_url(const World& world, const char* role) {
  const ServingTarget& target = world.evaluated_on->target;
  return fmt::format("http://{}.{}.svc:{}", promotion::clone_name(target.deployment, role),
                     target.meta.ns, target.inference.port);
}

gates::Inference inference_of(const ServingTarget& target) {
  return {.protocol = target.inference.protocol,
          .scoring_path = target.inference.scoring_path,
          .health_path = target.inference.health_path,
          .version_header = target.inference.version_header};
}

/// Fills in whom the gate talks to: clones for the gates, the primary's Service for the smoke test.
void set_endpoints(const World& world, const promotion::CreateGateJob& job,
                   gates::GateInput& input) {
  if (job.gate.type == GateType::kSmoke) {
    const ServingTarget& target = world.target->target;
    input.inference = inference_of(target);
    input.candidate = {.url = fmt::format("http://{}.{}.svc:{}", target.inference.service,
                                          target.meta.ns, target.inference.port),
                       .version = job.candidate.version};
    input.smoke = gates::SmokeInput{};
    input.smoke->golden_row = std::strtoull(job.golden_row.c_str(), nullptr, 10);
    if (!job.golden_score.empty()) input.smoke->golden_score = job.golden_score;
    return;
  }
  input.inference = inference_of(world.evaluated_on->target);
  input.candidate = {.url = clone_url(world, "candidate"), .version = job.candidate.version};
  const bool compares = job.gate.type == GateType::kAccuracy;
  if (compares && !job.champion.version.empty()) {
    input.champion =
        gates::Endpoint{.url = clone_url(world, "baseline"), .version = job.champion.version};
  }
  if (job.gate.type == GateType::kLatency) {
    input.latency = gates::LatencyInput{.samples = static_cast<std::uint64_t>(job.gate.samples),
                                        .warmup = static_cast<std::uint64_t>(job.gate.warmup)};
  }
}

}  // namespace

Result<GateState> read_gate(const World& world, const GateSpec& spec,
                            const std::string& input_digest, const GateSource& source) {
  GateState state;
  state.spec = spec;
  if (const char* reason = in_vain(world, spec)) {
    state.verdict = Verdict::kInconclusive;
    state.reason = reason;
    state.message = advice_for(reason);
    return state;
  }
  const Job* latest = nullptr;
  int last_number = 0;  // of any evaluation: a Job's name is never used twice
  for (const Job& job : source.jobs) {
    if (annotation_of(job.meta, kGateAnnotation) != spec.name) continue;
    last_number = std::max(last_number, attempt_of(job));
    const bool same = annotation_of(job.meta, kInputDigestAnnotation) == input_digest;
    if (same && !job.meta.deleting &&
        (latest == nullptr || attempt_of(job) > attempt_of(*latest))) {
      latest = &job;
    }
  }
  state.attempt = last_number;
  if (latest == nullptr) return state;
  state.attempt = attempt_of(*latest);
  state.job_name = latest->meta.name;
  state.job_uid = latest->meta.uid;
  state.nonce = annotation_of(latest->meta, kNonceAnnotation);
  state.verdict = Verdict::kRunning;
  const auto gate_class = world.gate_classes.find(spec.gate_class);
  if (gate_class != world.gate_classes.end()) state.image = gate_class->second.image;

  const kube::ListQuery pods_of_job{
      .type = resources::kPods,
      .ns = source.gate_namespace,
      .selection = {.label_selector = "batch.kubernetes.io/job-name=" + latest->meta.name,
                    .field_selector = ""}};
  Result<std::vector<Pod>> pods = live::list<Pod>(*source.api, pods_of_job);
  if (!pods) return fail(pods.error(), "read the pods of gate " + spec.name);
  // Anybody who may create pods there can label one like the Job's own.
  std::erase_if(*pods, [&](const Pod& pod) { return pod.owner_uid != latest->meta.uid; });
  if (!pods->empty()) state.pod_uid = pods->front().meta.uid;
  const bool over = latest->complete || latest->failed;
  const gates::GateRun run = run_of(*latest, *pods);
  if (over || !run.waiting.empty()) judge(world, run, state);
  return state;
}

Result<std::string> build_gate_input(const World& world, const promotion::CreateGateJob& job,
                                     const std::string& nonce) {
  const Evaluation& evaluation = world.policy->evaluation;
  gates::GateInput input;
  input.request_uid = world.request.meta.uid;
  input.gate = job.gate.name;
  input.type = gate_type(job.gate.type);
  input.attempt = static_cast<std::uint64_t>(job.attempt);
  input.nonce = nonce;
  input.model = world.request.model;
  input.version = job.candidate.version;
  input.dataset = {.uri = evaluation.dataset_uri,
                   .version = evaluation.dataset_version,
                   .digest = Digest(evaluation.dataset_digest)};
  input.artifact = {
      .uri = job.candidate.artifact_uri, .version = "", .digest = Digest(job.candidate.digest)};
  input.label_column = evaluation.label_column;
  input.positive_label = evaluation.positive_label;
  input.group_columns = evaluation.group_columns;
  for (const SignatureInput& each : world.version->inputs) {
    const auto type = gates::column_type(each.type);
    if (!type) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("signature input {} has type {}, which gates cannot send", each.name,
                              each.type));
    }
    input.features.push_back({.name = each.name, .type = *type, .required = each.required});
  }
  if (evaluation.positive_index) {
    input.scoring.positive_index = static_cast<std::uint64_t>(*evaluation.positive_index);
  }
  if (!evaluation.scoring_path.empty()) input.scoring.path = evaluation.scoring_path;
  input.scoring.higher_means_positive = evaluation.higher_means_positive;
  set_endpoints(world, job, input);
  return gates::gate_input_text(input);
}

}  // namespace stagekeeper
