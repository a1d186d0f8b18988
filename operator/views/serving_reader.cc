#include "operator/views/serving_reader.h"

#include "kube/objects.h"
#include "model/pod_match.h"
#include "promotion/queries.h"

#include <algorithm>

namespace stagekeeper {
namespace {

using promotion::serving::EndpointFacts;

/// Pods that no selector finds are asked for one by one; more of them are strangers unseen.
constexpr std::size_t kMaxSingleReads = 32;

using RawPod = kube::Read<Pod>;
using RawSet = kube::Read<ReplicaSet>;

/// The pods that the endpoints name, by name.
class PodsBehind {
 public:
  PodsBehind(kube::Api& api, std::string ns) : api_(api), ns_(std::move(ns)) {}

  Status list(const std::map<std::string, std::string>& selector) {
    if (selector.empty()) return {};
    SK_TRY(std::vector<RawPod> found,
           kube::Objects<Pod>(api_).list_read(ns_, selected_by(selector)));
    for (RawPod& raw : found) {
      std::string name = raw.object.meta.name;
      pods_.insert_or_assign(std::move(name), std::move(raw));
    }
    return {};
  }

  /// Null: there is no such pod.
  Result<const RawPod*> find(const std::string& name) {
    if (const auto found = pods_.find(name); found != pods_.end()) return &found->second;
    if (name.empty() || ++single_reads_ > kMaxSingleReads) return nullptr;
    SK_TRY(auto read, kube::Objects<Pod>(api_).read({ns_, name}));
    if (!read) return nullptr;
    return &pods_.insert_or_assign(name, std::move(*read)).first->second;
  }

 private:
  kube::Api& api_;
  std::string ns_;
  std::map<std::string, RawPod> pods_;
  std::size_t single_reads_ = 0;
};

Result<std::map<std::string, RawSet>> sets_of(kube::Api& api, const Deployment& deployment) {
  std::map<std::string, RawSet> out;
  SK_TRY(std::vector<RawSet> found, kube::Objects<ReplicaSet>(api).list_read(
                                        deployment.meta.ns, selected_by(deployment.selector)));
  for (RawSet& raw : found) {
    if (raw.object.owner_uid != deployment.meta.uid) continue;
    std::string uid = raw.object.meta.uid;
    out.emplace(std::move(uid), std::move(raw));
  }
  return out;
}

bool is_that_pod(const Pod& pod, const Endpoint& endpoint) {
  return pod.meta.uid == endpoint.pod_uid &&
         std::ranges::find(pod.ips, endpoint.ip) != pod.ips.end();
}

Status fill(EndpointFacts& facts, const RawPod& raw, const std::map<std::string, RawSet>& sets,
            const ServingTarget& target) {
  facts.found = true;
  facts.controller = raw.object.owner;
  facts.containers = raw.object.spec_containers;
  const auto set = sets.find(raw.object.owner_uid);
  if (set == sets.end()) return {};
  facts.ours = true;
  SK_TRY(facts.departure, pod_departure(set->second.json, raw.json));
  SK_TRY(const Digest digest, template_digest(set->second.json, target.pin));
  facts.template_digest = digest.str();
  return {};
}

Status read_endpoints(const Environment& env, const TargetSight& sight, ServingSight& out) {
  const ServingTarget& target = *sight.state.target;
  const std::string& ns = target.meta.ns;
  std::map<std::string, RawSet> sets;
  if (sight.state.deployment) {
    SK_TRY(sets, sets_of(env.api, *sight.state.deployment));
  }
  PodsBehind pods(env.api, ns);
  SK_CHECK_OK(pods.list(out.selector));
  for (const auto& slice : env.stores.slices.find("service", in_ns(ns, target.inference.service))) {
    for (const Endpoint& endpoint : slice->endpoints) {
      if (!endpoint.ready) continue;
      EndpointFacts facts{.ip = endpoint.ip, .slice = slice->meta.name, .pod = endpoint.pod};
      SK_TRY(const RawPod* pod, pods.find(endpoint.pod));
      if (pod != nullptr && is_that_pod(pod->object, endpoint))
        SK_CHECK_OK(fill(facts, *pod, sets, target));
      out.endpoints.push_back(std::move(facts));
    }
  }
  return {};
}

Result<promotion::serving::Reference> read_reference(const Environment& env,
                                                     const TargetSight& sight) {
  std::vector<std::pair<const RecordFact*, std::string>> bodies;
  for (const RecordFact* record : promotion::serving::sources(sight.state.ledger)) {
    SK_TRY(std::string body, env.ledgers.body(sight.state.target->meta.ns,
                                              target_ledger(sight.state.name), record->sequence));
    bodies.emplace_back(record, std::move(body));
  }
  return promotion::serving::reference_of(bodies);
}

}  // namespace

Result<ServingSight> read_serving(const Environment& environment, const TargetSight& sight) {
  ServingSight out;
  const History& ledger = sight.state.ledger;
  // Where nothing was promoted there is nothing to hold against what serves.
  if (promotion::nothing_recorded(ledger) && !sight.state.target->observes) return out;
  const ServingTarget& target = *sight.state.target;
  SK_TRY(auto service,
         kube::Objects<Service>(environment.api).read({target.meta.ns, target.inference.service}));
  if (!service) return out;
  out.service_found = true;
  out.selector = std::move(service->object.selector);
  SK_TRY(out.selector_owners, owners_below(service->json, {"spec", "selector"}));
  SK_CHECK_OK(read_endpoints(environment, sight, out));
  SK_TRY(out.reference, read_reference(environment, sight));
  return out;
}

}  // namespace stagekeeper
