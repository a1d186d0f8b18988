#include "operator/wiring/caches.h"

#include "model/decode.h"
#include "operator/wiring/resources.h"
#include "promotion/decide.h"
#include "runtime/store_writer.h"

#include <algorithm>
#include <utility>

namespace stagekeeper {
namespace {

using runtime::Change;

std::string in_ns(const std::string& ns, const std::string& name) {
  return ns + "/" + name;
}

template <typename T>
const T& either(const Change<T>& change) {
  return change.now ? *change.now : *change.old;
}

template <typename T>
bool same_spec(const Change<T>& change) {
  return change.old && change.now && change.old->meta.generation == change.now->meta.generation;
}

/// Finds what was made for a request by the request's uid.
template <typename T>
typename runtime::Store<T>::Indexers::value_type by_request() {
  return {"request-uid", [](const T& object) {
            const std::string uid = label_of(object.meta, kRequestUidLabel);
            return uid.empty() ? std::vector<std::string>() : std::vector{uid};
          }};
}

/// Whether a change is none that a round could care about. The phase counts: somebody may have
/// wiped a status, which then has to be shown again.
bool same_subject(const PromotionRequest& a, const PromotionRequest& b) {
  return a.meta.generation == b.meta.generation && a.meta.deleting == b.meta.deleting &&
         a.meta.finalizers == b.meta.finalizers && a.phase == b.phase;
}

}  // namespace

Stores::Stores()
    : requests({{"model",
                 [](const PromotionRequest& r) { return std::vector{in_ns(r.meta.ns, r.model)}; }},
                {"uid", [](const PromotionRequest& r) { return std::vector{r.meta.uid}; }}}),
      approvals({{"request-uid", [](const Approval& a) { return std::vector{a.request_uid}; }}}),
      versions({{"model",
                 [](const ModelVersion& v) { return std::vector{in_ns(v.meta.ns, v.model)}; }}}),
      targets(
          {{"model", [](const ServingTarget& t) { return std::vector{in_ns(t.meta.ns, t.model)}; }},
           {"deployment",
            [](const ServingTarget& t) { return std::vector{in_ns(t.meta.ns, t.deployment)}; }}}),
      deployments({by_request<Deployment>()}),
      services({{"namespace", [](const Service& s) { return std::vector{s.meta.ns}; }},
                by_request<Service>()}),
      jobs({by_request<Job>()}),
      pods({{"owner", [](const Pod& p) { return std::vector{p.owner_uid}; }}}) {}

struct Caches::Watch {
  std::unique_ptr<runtime::ObjectSink> sink;
  std::unique_ptr<runtime::Watcher> watcher;
};

Caches::Caches(Stores& stores, Ports ports) : stores_(stores), ports_(std::move(ports)) {
  add_own_kinds();
  add_workloads();
}

Caches::~Caches() {
  for (const auto& watch : watches_)
    watch->watcher->request_stop();
}

template <typename T>
void Caches::add(runtime::WatchTarget target, runtime::Store<T>& store,
                 std::function<void(const Change<T>&)> hook) {
  auto watch = std::make_unique<Watch>();
  watch->sink = std::make_unique<runtime::StoreWriter<T>>(
      target.type.kind, store, [](std::string_view raw) { return decode<T>(raw); }, std::move(hook),
      ports_.metrics);
  watch->watcher = std::make_unique<runtime::Watcher>(std::move(target), ports_.api, *watch->sink,
                                                      ports_.metrics);
  watches_.push_back(std::move(watch));
}

void Caches::add_own_kinds() {
  add<PromotionRequest>({.type = resources::kRequests}, stores_.requests,
                        [this](const auto& change) { on_request(change); });
  add<Approval>({.type = resources::kApprovals}, stores_.approvals,
                [this](const auto& change) { on_approval(change); });
  add<ModelVersion>({.type = resources::kModelVersions}, stores_.versions,
                    [this](const auto& change) { on_version(change); });
  add<PromotionPolicy>({.type = resources::kPolicies}, stores_.policies,
                       [this](const auto& change) {
                         const PromotionPolicy& policy = either(change);
                         wake(kModelKey, policy.meta.ns, policy.model, change.from_list);
                         if (!same_spec(change))
                           wake_model(policy.meta.ns, policy.model, change.from_list);
                       });
  add<ServingTarget>({.type = resources::kTargets}, stores_.targets, [this](const auto& change) {
    const ServingTarget& target = either(change);
    wake(kTargetKey, target.meta.ns, target.meta.name, change.from_list);
    wake(kModelKey, target.meta.ns, target.model, change.from_list);
    if (!same_spec(change)) wake_model(target.meta.ns, target.model, change.from_list);
  });
  add<GateClass>({.type = resources::kGateClasses}, stores_.gate_classes, [this](const auto&) {
    for (const auto& request : stores_.requests.list()) {
      wake(kRequestKey, request->meta.ns, request->meta.name, true);
    }
  });
  add<Stage>({.type = resources::kStages}, stores_.stages, [this](const auto& change) {
    const std::string& name = either(change).meta.name;
    if (!change.now)
      wake(kModelKey, change.key.ns, name.substr(0, name.find('.')), change.from_list);
  });
}

void Caches::on_request(const Change<PromotionRequest>& change) {
  const PromotionRequest& request = either(change);
  const bool news = !change.old || !change.now || !same_subject(*change.old, *change.now);
  if (news) wake(kRequestKey, request.meta.ns, request.meta.name, change.from_list);
  // Who waits for this one learns when it moves on.
  if (!change.now || (change.old && change.old->phase != change.now->phase)) {
    wake_model(request.meta.ns, request.model, change.from_list);
  }
  wake(kModelKey, request.meta.ns, request.model, change.from_list);
}

void Caches::on_approval(const Change<Approval>& change) {
  const Approval& approval = either(change);
  // The uid decides; the name is for people, who may mistype it.
  wake(kRequestKey, approval.meta.ns, approval.request_name, change.from_list);
  wake_request_uid(approval.request_uid, change.from_list);
  if (change.now && stores_.requests.find("uid", approval.request_uid).empty())
    wake(kApprovalKey, approval.meta.ns, approval.meta.name, change.from_list);
}

void Caches::on_version(const Change<ModelVersion>& change) {
  const ModelVersion& version = either(change);
  // Our own view of it, which somebody may have wiped, concerns the model only.
  const bool same = same_spec(change);
  if (same && change.old->status_stage == change.now->status_stage &&
      change.old->status_record == change.now->status_record) {
    return;
  }
  if (!same) wake_model(version.meta.ns, version.model, change.from_list);
  wake(kModelKey, version.meta.ns, version.model, change.from_list);
}

void Caches::add_workloads() {
  add<Deployment>(
      {.type = resources::kDeployments}, stores_.deployments, [this](const auto& change) {
        const Deployment& deployment = either(change);
        wake_request_uid(label_of(deployment.meta, kRequestUidLabel), change.from_list);
        const auto targets =
            stores_.targets.find("deployment", in_ns(deployment.meta.ns, deployment.meta.name));
        for (const auto& target : targets) {
          wake(kTargetKey, target->meta.ns, target->meta.name, change.from_list);
          wake_model(target->meta.ns, target->model, change.from_list);
        }
        // A claim whose target is gone has to be released.
        if (const std::string claim = label_of(deployment.meta, kTargetLabel);
            !claim.empty() && targets.empty()) {
          wake(kTargetKey, deployment.meta.ns, claim, change.from_list);
        }
      });
  add<Service>({.type = resources::kServices}, stores_.services, [this](const auto& change) {
    for (const auto& request : stores_.requests.list()) {
      if (request->meta.ns == change.key.ns && request->phase == "Evaluating") {
        wake(kRequestKey, request->meta.ns, request->meta.name, change.from_list);
      }
    }
  });
  const kube::Selection ours{.label_selector = kRequestUidLabel, .field_selector = ""};
  add<Job>({.type = resources::kJobs, .ns = ports_.gate_namespace, .selection = ours}, stores_.jobs,
           [this](const auto& change) {
             wake_request_uid(label_of(either(change).meta, kRequestUidLabel), change.from_list);
           });
  add<Pod>({.type = resources::kPods, .ns = ports_.gate_namespace, .selection = ours}, stores_.pods,
           [this](const auto& change) {
             wake_request_uid(label_of(either(change).meta, kRequestUidLabel), change.from_list);
           });
}

void Caches::start() {
  for (const auto& watch : watches_)
    watch->watcher->start();
}

void Caches::add_checks(runtime::Health& health) const {
  for (const auto& watch : watches_) {
    runtime::Watcher* watcher = watch->watcher.get();
    health.add_live("watch " + watcher->kind(), [watcher] { return watcher->check_live(); });
    health.add_ready("list " + watcher->kind(), [watcher] { return watcher->check_synced(); });
  }
}

bool Caches::synced() const {
  return std::ranges::all_of(watches_,
                             [](const auto& watch) { return watch->watcher->check_synced().ok; });
}

void Caches::wake_model(const std::string& ns, const std::string& model, bool from_list) {
  for (const auto& request : stores_.requests.find("model", in_ns(ns, model))) {
    // What is shown is no authority, but whoever forges it wakes the request by that.
    const auto phase = promotion::phase_of(request->phase);
    if (!phase || !promotion::is_terminal(*phase))
      wake(kRequestKey, ns, request->meta.name, from_list);
  }
}

void Caches::wake_request_uid(const std::string& uid, bool from_list) {
  if (uid.empty()) return;
  for (const auto& request : stores_.requests.find("uid", uid)) {
    wake(kRequestKey, request->meta.ns, request->meta.name, from_list);
  }
}

void Caches::wake(const char* kind, const std::string& ns, const std::string& name,
                  bool from_list) {
  ports_.queue.add({.kind = kind, .ns = ns, .name = name},
                   from_list ? runtime::Priority::kInitial : runtime::Priority::kLive);
}

}  // namespace stagekeeper
