#include "operator/cluster/caches.h"
#include "promotion/decide.h"

#include <algorithm>

namespace stagekeeper {
namespace {

using runtime::Change;
using runtime::Priority;

template <typename T>
const T& either(const Change<T>& change) {
  return change.now ? *change.now : *change.old;
}

template <typename T>
Priority priority_of(const Change<T>& change) {
  return change.from_list ? Priority::kInitial : Priority::kLive;
}

template <typename T>
bool same_spec(const Change<T>& change) {
  return change.old && change.now && change.old->meta.uid == change.now->meta.uid &&
         change.old->meta.generation == change.now->meta.generation &&
         change.old->meta.deleting == change.now->meta.deleting;
}

/// Whether a change is none that a round could care about. The phase counts: somebody may have
/// wiped a status, which then has to be shown again.
bool same_subject(const PromotionRequest& a, const PromotionRequest& b) {
  return a.meta.uid == b.meta.uid && a.meta.generation == b.meta.generation &&
         a.meta.deleting == b.meta.deleting && a.meta.finalizers == b.meta.finalizers &&
         a.phase == b.phase;
}

bool is_open(const runtime::Store<PromotionRequest>::Ptr& request) {
  return request && !promotion::shown_end(*request);
}

/// What a list need not wake: it shows an end and holds nothing. If that was forged while nobody
/// watched, the sweep finds it; whatever else there is of it wakes it by its own events.
bool over_and_done(const runtime::Store<PromotionRequest>::Ptr& request) {
  return request && !is_open(request) && !request->meta.deleting &&
         std::ranges::find(request->meta.finalizers, kFinalizer) == request->meta.finalizers.end();
}

/// Somebody took the status away, which then has to be shown again.
template <typename T>
bool wiped(const Change<T>& change) {
  return change.old->ledger_head.has_value() && !change.now->ledger_head;
}

/// Everything of a Deployment that a decision rests on, but for the progress of its pods.
bool same_but_progress(const Change<Deployment>& change) {
  return same_spec(change) && change.old->meta.labels == change.now->meta.labels &&
         change.old->meta.annotations == change.now->meta.annotations;
}

}  // namespace

void Hooks::on(const Change<PromotionRequest>& change) {
  const PromotionRequest& request = either(change);
  const bool ours = change.now && waker_.echoes().take(change.now->meta.resource_version);
  const bool news = !change.old || !change.now || !same_subject(*change.old, *change.now);
  const bool first_list = change.from_list && !change.old;
  if (news && !ours && !(first_list && over_and_done(change.now)))
    waker_.wake(kRequestKey, request.meta.ns, request.meta.name, priority_of(change));
  // The list of those that wait for a stage is part of the model's views.
  const bool was_there = change.old || !change.from_list;
  if (was_there && is_open(change.old) != is_open(change.now))
    waker_.wake(kModelKey, request.meta.ns, request.model, priority_of(change));
  // Its rounds speak no more to those who answered late.
  if (is_open(change.old) && !is_open(change.now)) {
    for (const auto& approval : stores_.approvals.find("request-uid", request.meta.uid)) {
      if (!approval->counted_known)
        waker_.wake(kApprovalKey, approval->meta.ns, approval->meta.name, priority_of(change));
    }
  }
  if (change.now) return;
  waker_.waiters().forget(change.key);
  // Somebody may have taken the finalizer off while a rollout was open, be it on a target that is
  // gone as well.
  waker_.wake(kModelKey, request.meta.ns, request.model, priority_of(change));
  for (const auto& target : stores_.targets.find("model", in_ns(request.meta.ns, request.model))) {
    waker_.wake(kTargetKey, target->meta.ns, target->meta.name, priority_of(change));
  }
}

void Hooks::on(const Change<Approval>& change) {
  // Its status is ours, and said again when somebody wiped it.
  const bool wiped =
      change.old && change.now && change.old->counted_known && !change.now->counted_known;
  if (same_spec(change) && !wiped) return;
  const Approval& approval = either(change);
  // The uid decides; the name is for people, who may mistype it. A uid of another namespace is
  // none.
  auto requests = stores_.requests.find("uid", approval.request_uid);
  std::erase_if(requests,
                [&](const auto& request) { return request->meta.ns != approval.meta.ns; });
  for (const auto& request : requests)
    waker_.wake(kRequestKey, request->meta.ns, request->meta.name, priority_of(change));
  if (change.now && !approval.counted_known && (requests.empty() || !is_open(requests.front())))
    waker_.wake(kApprovalKey, approval.meta.ns, approval.meta.name, priority_of(change));
}

void Hooks::on(const Change<ModelVersion>& change) {
  const ModelVersion& version = either(change);
  // Our own view of it, which somebody may have wiped, concerns the model only.
  const bool same = same_spec(change);
  if (same && change.old->status_stage == change.now->status_stage &&
      change.old->status_record == change.now->status_record) {
    return;
  }
  if (!same) {
    waker_.changed({"ModelVersion", version.meta.ns, version.meta.name}, priority_of(change));
  }
  // A list that shows what was shown before is no reason to read a ledger.
  if (!change.old && change.from_list && !version.status_stage.empty()) return;
  waker_.wake(kModelKey, version.meta.ns, version.model, priority_of(change));
}

void Hooks::on(const Change<PromotionPolicy>& change) {
  const PromotionPolicy& policy = either(change);
  if (same_spec(change)) {
    if (wiped(change)) waker_.wake(kModelKey, policy.meta.ns, policy.model);
    return;
  }
  waker_.wake(kPolicyKey, policy.meta.ns, policy.meta.name, priority_of(change));
  // A pending record stays in the status until the views have taken it in.
  const bool shown = change.from_list && change.now && policy.ledger_head && !policy.pending;
  if (!shown) waker_.wake(kModelKey, policy.meta.ns, policy.model, priority_of(change));
  waker_.changed({"PromotionPolicy", policy.meta.ns, policy.meta.name}, priority_of(change));
}

void Hooks::on(const Change<ServingTarget>& change) {
  const ServingTarget& target = either(change);
  if (same_spec(change)) {
    if (wiped(change)) waker_.wake(kTargetKey, target.meta.ns, target.meta.name);
    return;
  }
  waker_.wake(kTargetKey, target.meta.ns, target.meta.name, priority_of(change));
  waker_.wake(kPolicyKey, target.meta.ns, target.model, priority_of(change));
  waker_.changed({"ServingTarget", target.meta.ns, target.meta.name}, priority_of(change));
}

void Hooks::on(const Change<GateClass>& change) {
  if (same_spec(change)) return;
  const std::string& name = change.key.name;
  waker_.wake(kGateClassKey, "", name, priority_of(change));
  waker_.changed({"GateClass", "", name}, priority_of(change));
  for (const auto& policy : stores_.policies.list()) {
    const bool uses = std::ranges::any_of(policy->stages, [&](const StageSpec& stage) {
      return std::ranges::find(stage.gates, name, &GateSpec::gate_class) != stage.gates.end();
    });
    if (uses) waker_.wake(kPolicyKey, policy->meta.ns, policy->meta.name, priority_of(change));
  }
}

void Hooks::on(const Change<ModelStage>& change) {
  if (change.now) return;  // only a deletion has to be undone
  const std::string& name = change.key.name;
  waker_.wake(kModelKey, change.key.ns, name.substr(0, name.rfind('.')), priority_of(change));
}

void Hooks::on(const Change<Deployment>& change) {
  const Deployment& deployment = either(change);
  const std::string& ns = change.key.ns;
  const Priority priority = priority_of(change);
  wake_owner(deployment.meta, priority);
  if (!same_but_progress(change)) waker_.changed({"Deployment", ns, change.key.name}, priority);
  waker_.changed({kRolloutInterest, ns, change.key.name}, priority);
  const auto targets = stores_.targets.find("workload", in_ns(ns, change.key.name));
  for (const auto& target : targets)
    waker_.wake(kTargetKey, ns, target->meta.name, priority);
  // A claim whose target is gone has to be released.
  if (const std::string claim = label_of(deployment.meta, kTargetLabel);
      change.now && !claim.empty() && targets.empty()) {
    waker_.wake(kTargetKey, ns, claim, priority);
  }
}

void Hooks::on(const Change<Service>& change) {
  if (change.old && change.now && change.old->selector == change.now->selector &&
      change.old->external_ips == change.now->external_ips) {
    return;
  }
  waker_.changed({kServicesInterest, change.key.ns, ""}, priority_of(change));
  // One with addresses of its own takes traffic from pods of every namespace.
  if ((change.old && !change.old->external_ips.empty()) ||
      (change.now && !change.now->external_ips.empty()))
    waker_.changed({kServicesInterest, "", ""}, priority_of(change));
  wake_served(change.key.ns, change.key.name, priority_of(change));
}

void Hooks::on(const Change<EndpointSlice>& change) {
  const std::string& service = either(change).service;
  if (change.old && change.now && change.old->endpoints == change.now->endpoints &&
      change.old->service == change.now->service) {
    return;
  }
  wake_served(change.key.ns, service, priority_of(change));
  if (change.old && change.old->service != service)
    wake_served(change.key.ns, change.old->service, priority_of(change));
}

void Hooks::wake_served(const std::string& ns, const std::string& service, Priority priority) {
  for (const auto& target : stores_.targets.find("service", in_ns(ns, service)))
    waker_.wake(kTargetKey, ns, target->meta.name, priority);
}

void Hooks::on(const Change<Job>& change) {
  wake_owner(either(change).meta, priority_of(change));
}

void Hooks::on(const Change<AnyObject>& change) {
  if (!change.now) return;  // the Job tells what a missing pod means
  wake_owner(change.now->meta, priority_of(change));
}

void Hooks::wake_owner(const ObjectMeta& made, Priority priority) {
  const std::string uid = label_of(made, kRequestUidLabel);
  if (uid.empty()) return;
  for (const auto& request : stores_.requests.find("uid", uid))
    waker_.wake(kRequestKey, request->meta.ns, request->meta.name, priority);
}

}  // namespace stagekeeper
