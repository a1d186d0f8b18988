#include "operator/views/policy_controller.h"

#include "kube/objects.h"

namespace stagekeeper {

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
  SK_TRY(const std::string patch,
         promotion::policy_status_patch(
             {.policy = found->object, .references = references, .store = store}, found->json,
             env_.clock.now()));
  if (patch.empty()) return runtime::Next::await_change();
  SK_CHECK_OK(may_act(env_));
  if (const Status s = kube::unless_gone(policies.patch_status({key.ns, key.name}, patch)); !s)
    return fail(s.error(), "publish the PromotionPolicy");
  return runtime::Next::await_change().because("Judged", "PromotionPolicy.status");
}

}  // namespace stagekeeper
