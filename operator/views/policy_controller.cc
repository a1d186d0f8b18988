#include "operator/views/policy_controller.h"

#include "kube/objects.h"

#include <algorithm>

namespace stagekeeper {
namespace {

using Proof = promotion::AdmissionState::Proof;

/// No event tells that admission policies are in force again.
constexpr std::chrono::seconds kAskAgain{15};

}  // namespace

promotion::AdmissionState known_admission(const Environment& env, const PromotionPolicy& policy) {
  const bool pins = std::ranges::any_of(
      policy.stages, [](const StageSpec& stage) { return !stage.targets.empty(); });
  return env.admission.known(policy.meta.ns, pins);
}

promotion::References references_of(const Stores& stores, const PromotionPolicy& policy) {
  promotion::References out;
  for (const auto& target : stores.targets.list()) {
    if (target->meta.ns == policy.meta.ns) out.targets[target->meta.name] = target->model;
  }
  for (const auto& gate_class : stores.gate_classes.list())
    out.gate_classes[gate_class->meta.name] = gate_class->kind;
  return out;
}

Result<runtime::Next> PolicyController::reconcile(const runtime::Key& key) {
  const kube::Objects<PromotionPolicy> policies(env_.api);
  SK_TRY(const auto found, policies.read({key.ns, key.name}));
  if (!found || found->object.meta.deleting) return runtime::Next::await_change();
  const promotion::References references = references_of(env_.stores, found->object);
  const promotion::StoreState store = store_state(env_);
  promotion::AdmissionState admission = known_admission(env_, found->object);
  // What is not proven is asked anew.
  if (admission.proof != Proof::kIntact) admission = env_.admission.prove(key.ns, admission.pins);
  runtime::Next next = admission.proof == Proof::kIntact ? runtime::Next::await_change()
                                                         : runtime::Next::after(kAskAgain);
  SK_TRY(const std::string patch, promotion::policy_status_patch({.policy = found->object,
                                                                  .references = references,
                                                                  .store = store,
                                                                  .admission = admission},
                                                                 found->json, env_.clock.now()));
  if (patch.empty()) return next;
  SK_CHECK_OK(may_act(env_));
  if (const Status s = kube::unless_gone(policies.patch_status({key.ns, key.name}, patch)); !s)
    return fail(s.error(), "publish the PromotionPolicy");
  report(found->object, admission);
  return std::move(next).because("Judged", "PromotionPolicy.status");
}

void PolicyController::report(const PromotionPolicy& policy,
                              const promotion::AdmissionState& admission) const {
  const bool broken = admission.proof == Proof::kBroken;
  const bool news = broken == policy.admission.intact && admission.proof != Proof::kUnknown;
  if (!news) return;
  events_.record(
      {.type = broken ? runtime::EventType::kWarning : runtime::EventType::kNormal,
       .regarding = {.type = kube::type_of<PromotionPolicy>(),
                     .key = {policy.meta.ns, policy.meta.name},
                     .uid = policy.meta.uid},
       .reason = broken ? "PolicyNotIntact" : "PolicyRestored",
       .action = "TryAdmission",
       .note = broken ? admission.message
                      : "the admission policies are in force again; approvals and requests made "
                        "while they were not have to be made anew"});
}

}  // namespace stagekeeper
