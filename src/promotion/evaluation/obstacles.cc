#include "promotion/evaluation/obstacles.h"

#include "gates/kind.h"
#include "promotion/pins.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

Wait policy_unsafe(const Subject& subject, std::string what) {
  return {.code = WaitCode::kPolicyUnsafe,
          .about = "PromotionPolicy " + subject.request.model,
          .what = std::move(what),
          .who_can = "the owner of the policy corrects it",
          .command = fmt::format("kubectl edit promotionpolicies.{} -n {} {}", kApiGroup,
                                 subject.request.meta.ns, subject.request.model)};
}

/// What the policy lacks for a gate of that kind, or an empty string.
std::string lack_of(const Evaluation& evaluation, const GateSpec& spec, const gates::Kind& kind) {
  const gates::Needs& needs = kind.needs;
  if (needs.rows && !evaluation.dataset) return "spec.evaluation.dataset";
  if (needs.labels && (!evaluation.dataset || !evaluation.binary))
    return "spec.evaluation.task with its columns, and a dataset with labels";
  if (needs.groups && evaluation.binary->group_columns.empty())
    return "spec.evaluation.binaryClassification.groupColumns";
  if (const Status right = kind.check(spec.parameters); !right) return right.error().message;
  return "";
}

std::optional<Wait> policy_fault(const Subject& subject, const GateSpec& spec) {
  const gates::Kind* kind = gates::find_kind(spec.kind);
  if (kind == nullptr || !kind->in_policies) {
    return policy_unsafe(
        subject, fmt::format("gate {} is of type {}, which this version does not know", spec.name,
                             spec.kind));
  }
  const std::string lack = lack_of(subject.policy->evaluation, spec, *kind);
  if (lack.empty()) return std::nullopt;
  return policy_unsafe(subject,
                       fmt::format("gate {} of type {} needs {}", spec.name, spec.kind, lack));
}

std::optional<Wait> class_fault(const Subject& subject, const GateSpec& spec) {
  const auto found = subject.gate_classes.find(spec.gate_class);
  if (found != subject.gate_classes.end() && found->second.kind == spec.kind) return std::nullopt;
  const bool missing = found == subject.gate_classes.end();
  return Wait{
      .code = WaitCode::kGateClassMissing,
      .about = "GateClass " + spec.gate_class,
      .what = missing ? fmt::format("gate {} needs GateClass {} of type {}, which does "
                                    "not exist",
                                    spec.name, spec.gate_class, spec.kind)
                      : fmt::format("gate {} is of type {}, and GateClass {} measures {}",
                                    spec.name, spec.kind, spec.gate_class, found->second.kind),
      .who_can = missing ? "a cluster admin creates it" : "the owner of the policy names another",
      .command = fmt::format("kubectl get gateclasses.{}", kApiGroup)};
}

/// Whose Deployment is cloned.
std::optional<Wait> target_fault(const EvaluationCase& facts) {
  const auto& on = facts.facts.on;
  const std::string& model = facts.subject.request.model;
  if (!on || !on->target) {
    return Wait{.code = WaitCode::kTargetMissing,
                .about = on ? "ServingTarget " + on->name : "ServingTarget",
                .what =
                    "the gates measure on a clone of a serving Deployment, and the "
                    "ServingTarget that leads to it does not exist",
                .who_can =
                    "the owner of the model creates the one that the policy names in "
                    "spec.evaluation.servingTargetName, or in a stage's targets"};
  }
  if (on->target->model != model) {
    return Wait{.code = WaitCode::kTargetOfAnotherModel,
                .about = "ServingTarget " + on->name,
                .what = fmt::format("ServingTarget {} serves model {}, not {}", on->name,
                                    on->target->model, model),
                .who_can = "the owner of the policy names another"};
  }
  if (!on->deployment || on->deployment->meta.deleting) {
    const std::string& name = on->target->workload.name;
    return Wait{.code = WaitCode::kDeploymentMissing,
                .about = "Deployment " + name,
                .what = fmt::format("Deployment {} of ServingTarget {}, which the gates clone, "
                                    "does not exist",
                                    name, on->name),
                .who_can = "the owner of the model server creates it"};
  }
  for (const CloneResources& each : on->target->clone.resources) {
    const auto& containers = on->deployment->containers;
    if (std::ranges::find(containers, each.container, &ContainerSpec::name) != containers.end())
      continue;
    return Wait{.code = WaitCode::kContainerMissing,
                .about = "Deployment " + on->target->workload.name,
                .what = fmt::format("{}, for which ServingTarget {} names resources of clones",
                                    lacks_text(*on->deployment, each.container), on->name),
                .who_can = "whoever writes ServingTargets",
                .command = "correct spec.clone.resources"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Wait> gate_obstacle(const EvaluationCase& facts) {
  const bool same = std::ranges::equal(facts.stage.gates, facts.facts.gates, {}, &GateSpec::name,
                                       [](const GateState& gate) { return gate.spec.name; });
  if (!same) {
    return Wait{.code = WaitCode::kGatesRunning,
                .about = "gates",
                .what = "the gates of the policy have changed this moment"};
  }
  for (const GateSpec& spec : facts.stage.gates) {
    if (auto fault = policy_fault(facts.subject, spec)) return fault;
    if (auto fault = class_fault(facts.subject, spec)) return fault;
  }
  return target_fault(facts);
}

Wait name_taken(const std::string& ns, const CloneState& clone, const std::string& why) {
  return {.code = WaitCode::kCandidateNameTaken,
          .about = "Deployment " + clone.name,
          .what = fmt::format("the name of the {} clone is taken by a Deployment that gates must "
                              "not measure: {}",
                              name(clone.role), why),
          .who_can = "whoever made it removes it",
          .command = fmt::format("kubectl delete deployment -n {} {}", ns, clone.name)};
}

Wait would_receive_traffic(const std::string& ns, const std::string& service) {
  if (const std::size_t slash = service.find('/'); slash != std::string::npos) {
    return {.code = WaitCode::kCandidateWouldReceiveTraffic,
            .about = "Service " + service,
            .what = fmt::format("Service {} takes what is sent to the address of a clone's pod "
                                "(spec.externalIPs), and gates would measure something else",
                                service),
            .who_can = "a cluster admin deletes it, and refuses externalIPs for all",
            .command = fmt::format("kubectl delete service -n {} {}", service.substr(0, slash),
                                   service.substr(slash + 1))};
  }
  return {.code = WaitCode::kCandidateWouldReceiveTraffic,
          .about = "Service " + service,
          .what = fmt::format("Service {} selects the labels of the clones and would send users' "
                              "requests to them",
                              service),
          .who_can = "its owner narrows the selector",
          .command = fmt::format("kubectl edit service -n {} {}", ns, service)};
}

Wait cannot_ask(const Subject& subject, const GateState& gate, const Error& error) {
  return policy_unsafe(subject,
                       fmt::format("gate {} cannot be asked: {}", gate.spec.name, error.message));
}

}  // namespace stagekeeper::promotion
