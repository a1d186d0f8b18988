#include "promotion/evaluation/questions.h"

#include "gates/kind.h"
#include "gates/kinds/smoke.h"
#include "inference/protocol.h"
#include "promotion/evaluation/clones.h"
#include "promotion/queries.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

gates::Judgement inconclusive(const char* reason, std::string message) {
  return {.verdict = Verdict::kInconclusive, .reason = reason, .message = std::move(message)};
}

/// Whether a kind compares, and there is something to compare with.
bool compares(const GateSpec& spec, const VersionRef& champion) {
  const gates::Kind* kind = gates::find_kind(spec.kind);
  return kind != nullptr && kind->needs.champion && !champion.version.empty();
}

VersionRef champion_of(const EvaluationFacts& facts) {
  return facts.on ? serving_version(facts.on->ledger) : VersionRef{};
}

Digest dataset_digest(const std::optional<Dataset>& dataset) {
  return dataset ? Digest(dataset->digest) : Digest();
}

const GateClass* class_of(const Subject& subject, const std::string& name) {
  const auto found = subject.gate_classes.find(name);
  return found == subject.gate_classes.end() ? nullptr : &found->second;
}

std::string service_host(const ServingTarget& target) {
  return fmt::format("{}.{}.svc", target.inference.service, target.meta.ns);
}

bool over_tls(const ServingTarget& target) {
  return target.inference.scheme == "HTTPS";
}

/// How the gate program is to talk to what the target serves. Errors: Invalid.
Result<gates::Inference> inference_of(const ServingTarget& target) {
  const Inference& from = target.inference;
  gates::Inference out{.protocol = from.protocol,
                       .scoring_path = from.scoring_path,
                       .health_path = from.health_path,
                       .proof = {.type = from.version_proof.type,
                                 .header = from.version_proof.header,
                                 .pointer = from.version_proof.body_pointer},
                       .output = from.output,
                       .request_template = from.json_template,
                       .predictions_pointer = from.json_predictions};
  if (over_tls(target))
    out.server_name = from.tls.server_name.empty() ? service_host(target) : from.tls.server_name;
  const std::string& secret = from.bearer_token.name;
  if (!secret.empty() && !secret.starts_with(target.meta.ns + ".")) {
    // Or whoever may write a target could have any Secret of the gate namespace sent to a server.
    return fail(ErrorCode::kInvalid,
                fmt::format("ServingTarget {}: inference.bearerTokenSecretRef.name must begin with "
                            "{}., the namespace of the target",
                            target.meta.name, target.meta.ns));
  }
  const Status usable = inference::check(out);
  if (!usable) return fail(usable.error(), "ServingTarget " + target.meta.name);
  return out;
}

gates::BinaryTask binary_task(const BinaryClassification& from) {
  gates::BinaryTask out{.label_column = from.label_column,
                        .positive_label = from.positive_label,
                        .group_columns = from.group_columns};
  if (from.positive_index)
    out.scoring.positive_index = static_cast<std::uint64_t>(*from.positive_index);
  if (!from.scoring_path.empty()) out.scoring.path = from.scoring_path;
  out.scoring.higher_means_positive = from.higher_means_positive;
  return out;
}

/// Everything but whom to ask. Errors: Invalid.
Result<gates::GateInput> common_input(const MeasuredFacts& measured, const GateSpec& spec,
                                      int attempt, const gates::Carries& carries) {
  const gates::Kind* kind = gates::find_kind(spec.kind);
  if (kind == nullptr) return fail(ErrorCode::kInvalid, "unknown type of gate " + spec.kind);
  Result<std::string> parameters = kind->job_parameters(spec.parameters, carries);
  if (!parameters) return tl::unexpected(parameters.error());
  gates::GateInput out;
  out.request_uid = measured.request.meta.uid;
  out.gate = spec.name;
  out.kind = spec.kind;
  out.attempt = static_cast<std::uint64_t>(attempt);
  out.model = measured.request.model;
  out.version = measured.version.version;
  out.artifact.digest = Digest(measured.version.digest);
  if (spec.name == measured.verified_by) out.artifact.uri = measured.artifact_uri;
  out.parameters = std::move(*parameters);
  if (measured.dataset) {
    out.dataset = gates::InputObject{.uri = measured.dataset->uri,
                                     .version = measured.dataset->version,
                                     .digest = Digest(measured.dataset->digest)};
  }
  if (measured.binary) out.binary = binary_task(*measured.binary);
  for (const SignatureInput& each : measured.inputs) {
    const auto type = gates::column_type(each.type);
    if (!type) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("signature input {} has type {}, which gates cannot send", each.name,
                              each.type));
    }
    out.features.push_back({.name = each.name, .type = *type, .required = each.required});
  }
  return out;
}

Result<gates::Endpoint> endpoint(const EvaluationFacts& facts, CloneRole role,
                                 const std::string& version) {
  const CloneState* clone = find_clone(facts.clones, role);
  if (clone == nullptr || !clone->pod || clone->pod->ip.empty())
    return fail(ErrorCode::kInvalid, fmt::format("the {} clone has no address", name(role)));
  const int port = facts.on->target->inference.container_port;
  return gates::Endpoint{.url = http_origin(clone->pod->ip, port, over_tls(*facts.on->target)),
                         .version = version};
}

}  // namespace

std::string verifying_gate(const StageSpec& stage) {
  const auto rank = [](const GateSpec& gate) {
    const gates::Kind* kind = gates::find_kind(gate.kind);
    return (gate.blocking ? 2 : 0) + (kind != nullptr && kind->needs.artifact ? 1 : 0);
  };
  const auto best = std::ranges::max_element(stage.gates, {}, rank);  // of equals the first
  return best == stage.gates.end() ? std::string() : best->name;
}

MeasuredFacts measured_facts(const Subject& subject, const VersionRef& candidate) {
  const StageSpec* stage = subject.stage();
  return {.request = subject.request,
          .version = candidate,
          .artifact_uri = subject.version->artifact_uri,
          .dataset = subject.policy->evaluation.dataset,
          .binary = subject.policy->evaluation.binary,
          .inputs = subject.version->inputs,
          .verified_by = stage == nullptr ? std::string() : verifying_gate(*stage)};
}

gates::Judgement in_vain(const Subject& subject, const GateSpec& spec) {
  if (!subject.policy || !subject.version) return {};
  const Evaluation& evaluation = subject.policy->evaluation;
  const ModelVersion& version = *subject.version;
  const auto is_label = [&](const SignatureInput& input) {
    return evaluation.binary && input.name == evaluation.binary->label_column;
  };
  if (std::ranges::any_of(version.inputs, is_label)) {
    return inconclusive("LabelIsInput",
                        "the label column is an input of the model, which would be told the "
                        "answer; train it without, or name another labelColumn in the policy");
  }
  for (const SignatureInput& input : version.inputs) {
    if (gates::column_type(input.type)) continue;
    return inconclusive("SignatureUnsupported",
                        fmt::format("signature input {} has type {}, which gates cannot send",
                                    input.name, input.type));
  }
  const gates::Kind* kind = gates::find_kind(spec.kind);
  const std::string& training = version.training_dataset_digest;
  const bool scores = kind != nullptr && kind->needs.labels && evaluation.dataset;
  if (scores && !training.empty() && training == evaluation.dataset->digest) {
    return inconclusive("EvaluationIsTraining",
                        "the evaluation dataset is the one the version was trained on; name "
                        "another in the policy");
  }
  return {};
}

GateQuestion evaluation_question(const Subject& subject, const GateSpec& spec,
                                 const EvaluationFacts& facts, const std::string& digest) {
  const bool compared = compares(spec, champion_of(facts));
  GateQuestion out{.request_uid = subject.request.meta.uid,
                   .input_digest = digest,
                   .expected = {.request_uid = subject.request.meta.uid, .has_champion = compared},
                   .vain = in_vain(subject, spec),
                   .gate_class = class_of(subject, spec.gate_class)};
  if (subject.policy) out.expected.dataset = dataset_digest(subject.policy->evaluation.dataset);
  if (subject.version) out.expected.artifact = Digest(subject.version->artifact_digest);
  if (facts.on && facts.on->target) out.proof = facts.on->target->inference.version_proof.type;
  for (const CloneState& clone : facts.clones) {
    const bool measured = clone.role == CloneRole::kCandidate || compared;
    if (measured && clone.pod) out.pods.emplace(std::string(name(clone.role)), clone.pod->identity);
  }
  return out;
}

bool proved_by_answers(const TargetState& target, const DecidedFacts& decided) {
  if (!target.target) return true;
  const std::string& type = target.target->inference.version_proof.type;
  // Without rows nothing is scored, and only scoring answers have a body that tells.
  return type == "Body" ? decided.dataset.has_value() : type != "Pods";
}

GateSpec smoke_spec(std::string_view target, std::string_view version, bool by_answers) {
  GateSpec out;
  out.name = fmt::format("smoke-{}", target);
  out.kind = "Smoke";
  out.gate_class = kSmokeClass;
  out.parameters = gates::smoke_parameters(version, by_answers);
  return out;
}

GateQuestion smoke_question(const Subject& subject, const DecidedFacts& decided,
                            const RecordFact& intent, const RolloutFacts& on) {
  GateQuestion out{.request_uid = subject.request.meta.uid,
                   .input_digest = intent.digest,
                   .expected = {.request_uid = subject.request.meta.uid,
                                .dataset = dataset_digest(decided.dataset),
                                .artifact = Digest(intent.to.digest)},
                   .carries = decided.carries,
                   .gate_class = class_of(subject, kSmokeClass)};
  if (on.state.target) out.proof = on.state.target->inference.version_proof.type;
  if (on.serving) out.pods = on.serving->pods;
  // Whom nobody can vouch for now, nobody has measured.
  if (on.serving && !on.serving->attested) out.pods["not attested"] = on.serving->problem;
  return out;
}

InferenceAccess access_of(const ServingTarget& target) {
  return over_tls(target) ? InferenceAccess{.ca = target.inference.tls.ca,
                                            .token = target.inference.bearer_token}
                          : InferenceAccess{};
}

Result<gates::GateInput> evaluation_input(const MeasuredFacts& measured, const GateSpec& spec,
                                          int attempt, const EvaluationFacts& facts,
                                          const VersionRef& champion) {
  Result<gates::GateInput> out = common_input(measured, spec, attempt, {});
  if (!out) return out;
  SK_TRY(out->inference, inference_of(*facts.on->target));
  Result<gates::Endpoint> candidate =
      endpoint(facts, CloneRole::kCandidate, measured.version.version);
  if (!candidate) return tl::unexpected(candidate.error());
  out->candidate = std::move(*candidate);
  if (compares(spec, champion)) {
    Result<gates::Endpoint> baseline = endpoint(facts, CloneRole::kBaseline, champion.version);
    if (!baseline) return tl::unexpected(baseline.error());
    out->champion = std::move(*baseline);
  }
  return out;
}

Result<gates::GateInput> smoke_input(const MeasuredFacts& measured, const GateSpec& spec,
                                     int attempt, const ServingTarget& target,
                                     const DecidedFacts& decided) {
  Result<gates::GateInput> out = common_input(measured, spec, attempt, decided.carries);
  if (!out) return out;
  SK_TRY(out->inference, inference_of(target));
  out->candidate = {
      .url = http_origin(service_host(target), target.inference.service_port, over_tls(target)),
      .version = measured.version.version};
  return out;
}

Result<CreateGateJob> evaluation_job(const Subject& subject, const GateSpec& spec, int attempt,
                                     const EvaluationFacts& facts, const std::string& digest) {
  if (!facts.on || !facts.on->target || !subject.policy || !subject.version)
    return fail(ErrorCode::kInvalid, "what the gate is about is not there");
  CreateGateJob out{.gate = spec, .attempt = attempt, .input_digest = digest};
  SK_TRY(out.input, evaluation_input(measured_facts(subject, requested(subject)), spec, attempt,
                                     facts, champion_of(facts)));
  out.access = access_of(*facts.on->target);
  out.pods = evaluation_question(subject, spec, facts, digest).pods;
  return out;
}

Result<CreateGateJob> smoke_job(const Subject& subject, const DecidedFacts& decided,
                                const RecordFact& intent, const RolloutFacts& on, int attempt) {
  const TargetState& state = on.state;
  const auto decided_on =
      std::ranges::find(decided.targets, state.name, &DecidedFacts::Target::name);
  if (!state.target || decided_on == decided.targets.end())
    return fail(ErrorCode::kInvalid, "the target of the smoke test is not there");
  const VersionRef& to = decided_on->to;
  GateSpec spec = smoke_spec(state.name, to.version, proved_by_answers(state, decided));
  // What was decided on, not what policy and ModelVersion say by now. The bytes of a version that
  // no gate has seen are verified with it.
  const bool adopts = subject.request.action == RequestAction::kAdopt;
  const MeasuredFacts measured{.request = subject.request,
                               .version = to,
                               .artifact_uri = to.artifact_uri,
                               .dataset = decided.dataset,
                               .binary = decided.binary,
                               .inputs = decided.inputs,
                               .verified_by = adopts ? spec.name : std::string()};
  CreateGateJob out{.gate = spec, .attempt = attempt, .input_digest = intent.digest};
  SK_TRY(out.input, smoke_input(measured, spec, attempt, *state.target, decided));
  out.access = access_of(*state.target);
  if (on.serving) out.pods = on.serving->pods;
  return out;
}

std::string http_origin(std::string_view address, int port, bool tls) {
  const bool ipv6 = address.find(':') != std::string_view::npos;
  const char* scheme = tls ? "https" : "http";
  return ipv6 ? fmt::format("{}://[{}]:{}", scheme, address, port)
              : fmt::format("{}://{}:{}", scheme, address, port);
}

}  // namespace stagekeeper::promotion
