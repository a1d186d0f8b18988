#include "operator/promotions/target_reader.h"

#include "kube/objects.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace stagekeeper {
namespace {

/// What pin_apply() writes below the pod template, in the words of FieldOwner::field.
bool is_pinned(const std::vector<PinEnv>& pins, const std::string& field) {
  return std::ranges::any_of(pins, [&](const PinEnv& pin) {
    for (const char* list : {"containers", "initContainers"}) {
      const std::string container = fmt::format("spec.template.spec.{}[{}]", list, pin.container);
      const std::string variable = fmt::format("{}.env[{}]", container, pin.name);
      for (const std::string& ours :
           {container, container + ".name", variable, variable + ".name", variable + ".value"})
        if (field == ours) return true;
    }
    return false;
  });
}

/// Our own pins are no change of what is around them. Whatever else has come under their manager's
/// name was not written by us, and our next pin would take it away.
Result<std::vector<FieldOwner>> template_owners(std::string_view deployment_json,
                                                const std::vector<PinEnv>& pins) {
  return owners_below(deployment_json, {"spec", "template"},
                      [&](const std::string& manager, const std::string& field) {
                        return manager == kPinManager && is_pinned(pins, field);
                      });
}

/// Who else has written the value of a pin.
Result<std::vector<FieldOwner>> pin_owners(std::string_view deployment_json,
                                           const std::vector<PinEnv>& pins) {
  return owners_below(deployment_json, {"spec", "template"},
                      [&](const std::string& manager, const std::string& field) {
                        return manager == kPinManager || !field.ends_with("].value") ||
                               !is_pinned(pins, field);
                      });
}

}  // namespace

Result<TargetSight> read_target_objects(const Environment& environment, const std::string& ns,
                                        const std::string& name) {
  TargetSight out;
  out.state.name = name;
  SK_TRY(auto target, kube::Objects<ServingTarget>(environment.api).read({ns, name}));
  if (!target) return out;
  SK_TRY(const Digest spec, spec_digest(target->json));
  out.owner = ledger_owner(target->object.meta, target->object.pending);
  out.state.spec_digest = spec.str();
  out.state.target = std::move(target->object);
  out.target_json = std::move(target->json);
  SK_TRY(auto deployment,
         kube::Objects<Deployment>(environment.api).read({ns, out.state.target->workload.name}));
  if (!deployment) return out;
  SK_TRY(const Digest pods, template_digest(deployment->json, out.state.target->pin));
  out.state.template_digest = pods.str();
  SK_TRY(out.template_owners, template_owners(deployment->json, out.state.target->pin));
  SK_TRY(out.pin_owners, pin_owners(deployment->json, out.state.target->pin));
  for (const FieldOwner& owner : out.template_owners)
    if (owner.manager != kPinManager) out.state.template_managers.push_back(owner.manager);
  out.state.claimed_by = label_of(deployment->object.meta, kTargetLabel);
  out.state.deployment = std::move(deployment->object);
  out.deployment_json = std::move(deployment->json);
  return out;
}

Result<TargetSight> read_target(const Environment& environment, const std::string& ns,
                                const std::string& name) {
  SK_TRY(TargetSight out, read_target_objects(environment, ns, name));
  SK_TRY(out.state.ledger,
         read_ledger(environment, ns, target_ledger(name),
                     out.state.target ? out.state.target->ledger_head : std::nullopt));
  return out;
}

kube::Selection selected_by(const std::map<std::string, std::string>& labels) {
  kube::Selection out;
  for (const auto& [key, value] : labels)
    out.label_selector += fmt::format("{}{}={}", out.label_selector.empty() ? "" : ",", key, value);
  return out;
}

Result<History> read_ledger(const Environment& environment, const std::string& ns,
                            const LedgerName& ledger, const std::optional<LedgerHead>& shown) {
  SK_TRY(History history, environment.ledgers.view(ns, ledger));
  if (shown) SK_CHECK_OK(environment.ledgers.check_head(ns, ledger, *shown));
  return history;
}

}  // namespace stagekeeper
