#include "operator/promotions/gate_reader.h"

#include "kube/objects.h"
#include "model/pod_match.h"
#include "operator/promotions/gate_jobs.h"
#include "operator/promotions/target_reader.h"
#include "promotion/digests.h"
#include "promotion/evaluation/attempts.h"
#include "promotion/evaluation/clones.h"
#include "promotion/evaluation/pods.h"
#include "promotion/evaluation/questions.h"
#include "promotion/manifests.h"
#include "promotion/queries.h"
#include "promotion/targets.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace stagekeeper {
namespace {

using promotion::CloneRole;
using promotion::World;

constexpr CloneRole kRoles[] = {CloneRole::kCandidate, CloneRole::kBaseline};

using Clones = std::vector<std::pair<CloneRole, kube::Read<Deployment>>>;

/// The controller of the clone adopts any pod that bears its labels, and whoever may write
/// ReplicaSets may change what it makes: both are held against the clone itself.
Status note_departures(const Clones& clones, const std::vector<kube::Read<ReplicaSet>>& sets,
                       std::vector<kube::Read<Pod>>& pods) {
  for (const kube::Read<ReplicaSet>& set : sets) {
    const auto clone = std::ranges::find_if(clones, [&](const auto& each) {
      return each.second.object.meta.uid == set.object.owner_uid;
    });
    if (clone == clones.end()) continue;
    SK_TRY(const Digest made, template_digest(set.json, {}));
    SK_TRY(const Digest wanted, template_digest(clone->second.json, {}));
    for (kube::Read<Pod>& pod : pods) {
      if (pod.object.owner_uid != set.object.meta.uid) continue;
      SK_TRY(pod.object.departure, pod_departure(set.json, pod.json));
      if (made.str() != wanted.str()) pod.object.departure = "the template of its ReplicaSet";
    }
  }
  return {};
}

/// A Service of any namespace that takes what is sent to the address of a clone's pod; empty: none.
std::string diverting_service(const Stores& stores, const std::vector<kube::Read<Pod>>& pods) {
  for (const auto& service : stores.services.list()) {
    for (const std::string& ip : service->external_ips) {
      const bool diverts = std::ranges::any_of(pods, [&](const kube::Read<Pod>& pod) {
        return std::ranges::find(pod.object.ips, ip) != pod.object.ips.end() || pod.object.ip == ip;
      });
      if (diverts) return service->meta.ns + "/" + service->meta.name;
    }
  }
  return {};
}

/// A Service of the namespace that selects the clones, or will once they are made; empty: none.
Result<std::string> selecting_service(const Stores& stores, const Observation& seen,
                                      const Clones& found) {
  const promotion::TargetState& on = *seen.world.evaluation.on;
  std::vector<Service> services;
  for (const auto& service : stores.services.find("namespace", on.target->meta.ns))
    services.push_back(*service);
  const promotion::CloneSource source{.deployment_json = seen.deployment_json.at(on.name),
                                      .services = services,
                                      .request = &seen.world.subject.request,
                                      .target = &*on.target};
  for (const CloneRole role : kRoles) {
    SK_TRY(const auto labels, promotion::planned_labels(source, role));
    if (std::string stray = promotion::stray_service(services, labels); !stray.empty())
      return stray;
  }
  for (const auto& [role, clone] : found) {
    std::string stray = promotion::stray_service(services, clone.object.pod_labels);
    if (!stray.empty()) return stray;
  }
  return std::string();
}

}  // namespace

std::vector<Interest> GateReader::interests(const Observation& seen) const {
  const auto& on = seen.world.evaluation.on;
  if (!on || !on->target) return {};
  const std::string& ns = on->target->meta.ns;
  std::vector<Interest> out = {{.kind = kServicesInterest, .ns = ns, .name = ""},
                               {.kind = kServicesInterest, .ns = "", .name = ""}};
  for (const CloneRole role : kRoles) {
    const std::string name = promotion::clone_name(on->target->workload.name, role);
    out.push_back({.kind = "Deployment", .ns = ns, .name = name});
    out.push_back({.kind = kRolloutInterest, .ns = ns, .name = name});
  }
  return out;
}

Status GateReader::read_evaluation(Observation& seen) const {
  World& world = seen.world;
  SK_CHECK_OK(read_clones(seen));
  const std::string digest = promotion::evaluation_digest(world.subject, world.evaluation.on);
  const StageSpec* stage = world.subject.stage();
  if (stage == nullptr) return {};
  SK_TRY(GateJobs jobs, GateJobs::read(env_, seen));
  std::vector<promotion::GateState> gates;
  for (const GateSpec& spec : stage->gates) {
    const auto wanted = [&](int attempt) {
      return promotion::evaluation_job(world.subject, spec, attempt, world.evaluation, digest);
    };
    SK_TRY(promotion::GateState gate,
           jobs.observe(
               spec, promotion::evaluation_question(world.subject, spec, world.evaluation, digest),
               wanted));
    gates.push_back(std::move(gate));
  }
  world.evaluation.gates = std::move(gates);
  return {};
}

Status GateReader::read_clones(Observation& seen) const {
  World& world = seen.world;
  promotion::EvaluationFacts& facts = world.evaluation;
  if (!facts.on || !facts.on->target || !facts.on->deployment) return {};
  const ServingTarget& target = *facts.on->target;
  const std::string& ns = target.meta.ns;
  const ObjectMeta& request = world.subject.request.meta;
  const std::string& primary_json = seen.deployment_json[facts.on->name];
  Clones found;
  bool ours = false;
  for (const CloneRole role : kRoles) {
    const std::string name = promotion::clone_name(target.workload.name, role);
    SK_TRY(auto clone, kube::Objects<Deployment>(env_.api).read({ns, name}));
    if (!clone) continue;
    ours = ours || label_of(clone->object.meta, kRequestUidLabel) == request.uid;
    found.emplace_back(role, std::move(*clone));
  }
  std::vector<ReplicaSet> replica_sets;
  std::vector<Pod> pods;
  if (ours) {
    const kube::Selection of_clones{.label_selector = kCloneLabel};
    SK_TRY(auto raw_sets, kube::Objects<ReplicaSet>(env_.api).list_read(ns, of_clones));
    SK_TRY(auto raw_pods, kube::Objects<Pod>(env_.api).list_read(ns, of_clones));
    SK_CHECK_OK(note_departures(found, raw_sets, raw_pods));
    facts.stray_service = diverting_service(env_.stores, raw_pods);
    for (auto& set : raw_sets)
      replica_sets.push_back(std::move(set.object));
    for (auto& pod : raw_pods)
      pods.push_back(std::move(pod.object));
  }
  const VersionRef champion = promotion::serving_version(facts.on->ledger);
  for (const auto& [role, clone] : found) {
    const promotion::CloneSight sight{
        .role = role,
        .clone = &clone.object,
        .clone_json = clone.json,
        .primary_json = primary_json,
        .target = &target,
        .version = role == CloneRole::kCandidate ? promotion::requested(world.subject) : champion,
        .replica_sets = &replica_sets,
        .pods = &pods};
    facts.clones.push_back(promotion::observe_clone(sight));
  }
  if (!facts.stray_service.empty()) return {};
  SK_TRY(facts.stray_service, selecting_service(env_.stores, seen, found));
  return {};
}

Status GateReader::read_smoke(Observation& seen) const {
  World& world = seen.world;
  const std::string& uid = world.subject.request.meta.uid;
  std::optional<GateJobs> jobs;
  for (promotion::RolloutFacts& target : world.targets) {
    const RecordFact* intent = target.state.ledger.open_intent();
    if (intent == nullptr || intent->request.uid != uid) continue;
    if (!jobs) {
      SK_TRY(GateJobs read, GateJobs::read(env_, seen));
      jobs.emplace(std::move(read));
    }
    const bool by_answers = promotion::proved_by_answers(target.state, *world.decided);
    if (!by_answers && target.state.deployment) {
      SK_TRY(target.serving, serving_pods(*target.state.target, *target.state.deployment));
    }
    const auto wanted = [&](int attempt) {
      return promotion::smoke_job(world.subject, *world.decided, *intent, target, attempt);
    };
    SK_TRY(target.smoke,
           jobs->observe(promotion::smoke_spec(target.state.name, intent->to.version, by_answers),
                         promotion::smoke_question(world.subject, *world.decided, *intent, target),
                         wanted));
  }
  return {};
}

Result<promotion::ServingPods> GateReader::serving_pods(const ServingTarget& target,
                                                        const Deployment& deployment) const {
  const std::string& ns = target.meta.ns;
  std::optional<Service> service;
  for (const auto& each : env_.stores.services.find("namespace", ns))
    if (each->meta.name == target.inference.service) service = *each;
  promotion::ServingSight sight{.deployment = &deployment};
  std::vector<ReplicaSet> replica_sets;
  std::vector<Pod> pods;
  if (service && !service->selector.empty()) {
    sight.service = &*service;
    SK_TRY(replica_sets,
           kube::Objects<ReplicaSet>(env_.api).list(ns, selected_by(deployment.selector)));
    SK_TRY(pods, kube::Objects<Pod>(env_.api).list(ns, selected_by(service->selector)));
  }
  sight.replica_sets = &replica_sets;
  sight.pods = &pods;
  return promotion::observe_serving(sight);
}

}  // namespace stagekeeper
