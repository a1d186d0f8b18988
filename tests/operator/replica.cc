#include "tests/audit/fixture.h"
#include "tests/operator/room.h"

namespace stagekeeper::operator_test {

using nlohmann::json;

audit::LedgerOptions ledger_options() {
  audit::LedgerOptions options = audit_test::options();
  options.parallel_reads = 1;  // no thread is begun, so that the order of calls is always the same
  return options;
}

Replica::Replica(World world)
    : ledger(world.store, audit_test::key(), world.clock, ledger_options()),
      ledgers(ledger, world.calls),
      waker([this](const runtime::Key& key, runtime::Priority) { queue.insert(key); }),
      admission({.api = world.calls,
                 .clock = world.clock,
                 .on_change =
                     [this](const std::string& ns, const auto&) {
                       for (const auto& policy : stores.policies.list()) {
                         if (policy->meta.ns == ns) waker.wake(kPolicyKey, ns, policy->meta.name);
                       }
                     }}),
      hooks(stores, waker),
      environment{.api = world.calls,
                  .stores = stores,
                  .waker = waker,
                  .ledgers = ledgers,
                  .trust = trust,
                  .admission = admission,
                  .gate_jobs = gate_jobs,
                  .clock = world.clock,
                  .gate_namespace = kGates,
                  .leads = [this] { return leads; }},
      events({.controller = "stagekeeper.dev/operator", .instance = "test"},
             {.api = world.calls, .clock = world.clock, .metrics = metrics}),
      promotions(environment, events, metrics, world.decide),
      approvals(environment),
      targets(environment, events, metrics),
      models(environment),
      policies(environment, events),
      gate_classes(environment),
      world_(std::move(world)) {
  ledgers.set_cluster_uid(kCluster);
  trust.set({.trusted = true, .reason = "Trusted", .message = ""});
}

template <typename T>
void Replica::sync_kind(runtime::Store<T>& store, const kube::ResourceType& type,
                        const std::string& ns, const char* label) {
  const bool first = !store.synced();
  store.begin_list();
  world_.api.each(type, [&](const json& object) {
    const json& metadata = object["metadata"];
    if (!ns.empty() && metadata["namespace"] != ns) return;
    const bool labelled = metadata.contains("labels");
    if (label != nullptr && !(labelled && metadata["labels"].contains(label))) return;
    const kube::ObjectKey key{metadata.value("namespace", ""), metadata["name"]};
    const std::string resource_version = metadata["resourceVersion"];
    if (store.is_current(key, resource_version)) return;
    // As the watches do: what cannot be read is kept out.
    Result<T> decoded = decode<T>(object.dump());
    if (!decoded) {
      refused[key.str()] = decoded.error().message;
      return;
    }
    auto change = store.put(key, resource_version, std::move(*decoded));
    change.from_list = first;
    hooks.on(change);
  });
  for (auto& change : store.end_list())
    hooks.on(change);
}

void Replica::sync() {
  const auto all = [&]<typename T>(runtime::Store<T>& store) {
    sync_kind(store, kube::type_of<T>(), "", nullptr);
  };
  all(stores.gate_classes);
  all(stores.policies);
  all(stores.targets);
  all(stores.versions);
  all(stores.requests);
  all(stores.approvals);
  all(stores.stages);
  all(stores.deployments);
  all(stores.services);
  all(stores.slices);
  sync_kind(stores.jobs, kube::type_of<Job>(), kGates, kRequestUidLabel);
  sync_kind(stores.pods, kube::type_of<Pod>(), kGates, kRequestUidLabel);
}

Result<runtime::Next> Replica::run(const runtime::Key& key) {
  due.erase(key);
  failed.erase(key);
  queue.erase(key);
  const std::map<std::string, runtime::Reconciler*> controllers = {
      {kRequestKey, &promotions}, {kApprovalKey, &approvals}, {kTargetKey, &targets},
      {kModelKey, &models},       {kPolicyKey, &policies},    {kGateClassKey, &gate_classes}};
  Result<runtime::Next> next = controllers.at(key.kind)->reconcile(key);
  if (!next) {
    failed[key] = next.error().message;
  } else if (const auto delay = next->delay(world_.clock.now())) {
    due[key] = world_.clock.now() + std::chrono::duration_cast<std::chrono::seconds>(*delay);
  }
  return next;
}

std::set<runtime::Key> Replica::ready() {
  std::set<runtime::Key> out = queue;
  for (const auto& [key, time] : due) {
    if (time <= world_.clock.now()) out.insert(key);
  }
  return out;
}

int Replica::work() {
  constexpr int kMaxRounds = 300;
  for (const auto& [key, why] : failed)
    queue.insert(key);
  failed.clear();
  int rounds = 0;
  while (rounds < kMaxRounds) {
    sync();
    const std::set<runtime::Key> keys = ready();
    if (keys.empty()) return rounds;
    for (const runtime::Key& key : keys) {
      static_cast<void>(run(key));
      ++rounds;
    }
  }
  return -1;
}

}  // namespace stagekeeper::operator_test
