#include "base/time.h"
#include "gates/kind.h"
#include "promotion/admission/canaries.h"
#include "promotion/views/json.h"
#include "promotion/views/object_views.h"
#include "promotion/views/status_patch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

std::optional<Finding> target_fault(const PromotionPolicy& policy, const References& references,
                                    const std::string& name) {
  const auto found = references.targets.find(name);
  if (found == references.targets.end()) {
    return Finding{false, "TargetMissing",
                   fmt::format("ServingTarget {} does not exist; create it", name)};
  }
  if (found->second == policy.model) return std::nullopt;
  return Finding{
      false, "TargetOfAnotherModel",
      fmt::format("ServingTarget {} serves model {}; name another", name, found->second)};
}

std::optional<Finding> class_fault(const References& references, const GateSpec& gate) {
  const auto found = references.gate_classes.find(gate.gate_class);
  if (found == references.gate_classes.end()) {
    return Finding{false, "GateClassMissing",
                   fmt::format("GateClass {} of gate {} does not exist; a cluster admin creates it",
                               gate.gate_class, gate.name)};
  }
  if (found->second == gate.kind) return std::nullopt;
  return Finding{false, "GateClassMissing",
                 fmt::format("gate {} is of type {}, and GateClass {} measures {}; name another",
                             gate.name, gate.kind, gate.gate_class, found->second)};
}

}  // namespace

Finding resolve(const PromotionPolicy& policy, const References& references) {
  for (const StageSpec& stage : policy.stages) {
    for (const std::string& target : stage.targets)
      if (auto fault = target_fault(policy, references, target)) return *fault;
    for (const GateSpec& gate : stage.gates)
      if (auto fault = class_fault(references, gate)) return *fault;
  }
  const std::string& evaluated = policy.evaluation.serving_target;
  if (!evaluated.empty())
    if (auto fault = target_fault(policy, references, evaluated)) return *fault;
  return {true, "ResolvedRefs", "everything that the policy names is there"};
}

PolicyAdmission remembered(const PolicyAdmission& before, const AdmissionState& now) {
  using Proof = AdmissionState::Proof;
  PolicyAdmission out = before;
  TimePoint from = parse_time(before.counts_from).value_or(TimePoint{});
  from = std::max(from, now.counts_from);
  if (now.proof == Proof::kBroken) out.intact = false;
  if (now.proof == Proof::kIntact) {
    if (!before.intact) from = std::max(from, admission::counts_from(now.at));
    out.intact = true;
  }
  if (from > TimePoint{}) out.counts_from = format_time(from);
  return out;
}

namespace {

void add_admission(const PolicyFacts& facts, Conditions& conditions) {
  using Proof = AdmissionState::Proof;
  constexpr const char* kType = "PolicyIntact";
  switch (facts.admission.proof) {
    case Proof::kIntact:
      return conditions.add(kType, Truth::kTrue, "Refused",
                            "the admission policies refused what was forged to try them");
    case Proof::kBroken:
      return conditions.add(kType, Truth::kFalse, "PolicyNotIntact", facts.admission.message);
    case Proof::kUnknown:
      return conditions.add(kType, Truth::kUnknown, "NotAsked", facts.admission.message);
  }
}

/// What keeps requests from being worked on, first of all.
Finding readiness(const PolicyFacts& facts, const Finding& store, const Finding& refs) {
  if (!store.ok) return store;
  if (facts.admission.proof == AdmissionState::Proof::kBroken)
    return {false, "PolicyNotIntact", facts.admission.message};
  if (!refs.ok) return refs;
  return {true, "Ready", "the policy can be promoted by"};
}

}  // namespace

Result<std::string> policy_status_patch(const PolicyFacts& facts, std::string_view current_json,
                                        TimePoint now) {
  const ObjectMeta& meta = facts.policy.meta;
  Conditions conditions(meta.generation);
  const Finding store{facts.store.trusted, facts.store.reason, facts.store.message};
  const Finding refs = resolve(facts.policy, facts.references);
  conditions.add("AuditStoreTrusted", store.ok, store.reason, store.message);
  conditions.add("ResolvedRefs", refs.ok, refs.reason, refs.message);
  add_admission(facts, conditions);
  const Finding first = readiness(facts, store, refs);
  conditions.add("Ready", first.ok, first.reason, first.message);
  json fields = {{"observedGeneration", meta.generation}};
  if (!facts.ledger_json.empty()) fields["ledger"] = json::parse(facts.ledger_json);
  const PolicyAdmission admission = remembered(facts.policy.admission, facts.admission);
  fields["admission"]["intact"] = admission.intact;
  if (!admission.counts_from.empty()) fields["admission"]["countsFrom"] = admission.counts_from;
  return status_patch(meta, view::text_of(fields), conditions, current_json, now);
}

Result<std::string> gate_class_status_patch(const GateClass& gate_class,
                                            std::string_view current_json, TimePoint now) {
  const ObjectMeta& meta = gate_class.meta;
  Conditions conditions(meta.generation);
  if (gates::find_kind(gate_class.kind) != nullptr) {
    conditions.add("Accepted", Truth::kTrue, "Accepted", "gates can run with this class");
  } else {
    conditions.add("Accepted", Truth::kFalse, "NotSupported",
                   fmt::format("this version of Stagekeeper has no gates of type {}; install one "
                               "that has, or name another type",
                               gate_class.kind));
  }
  return status_patch(meta, view::text_of({{"observedGeneration", meta.generation}}), conditions,
                      current_json, now);
}

}  // namespace stagekeeper::promotion
