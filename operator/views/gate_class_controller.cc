#include "operator/views/gate_class_controller.h"

#include "kube/objects.h"
#include "promotion/views/object_views.h"

namespace stagekeeper {

Result<runtime::Next> GateClassController::reconcile(const runtime::Key& key) {
  const kube::Objects<GateClass> classes(env_.api);
  SK_TRY(const auto found, classes.read({"", key.name}));
  if (!found || found->object.meta.deleting) return runtime::Next::await_change();
  SK_TRY(const std::string patch,
         promotion::gate_class_status_patch(found->object, found->json, env_.clock.now()));
  if (patch.empty()) return runtime::Next::await_change();
  if (const Status s = kube::unless_gone(classes.patch_status({"", key.name}, patch)); !s)
    return fail(s.error(), "publish the GateClass");
  return runtime::Next::await_change().because("Judged", "GateClass.status");
}

}  // namespace stagekeeper
