#include "operator/promotions/reader.h"

#include "operator/promotions/gate_reader.h"
#include "operator/promotions/target_reader.h"
#include "promotion/decide.h"
#include "promotion/digests.h"
#include "promotion/records/records.h"
#include "promotion/rollout/rollout.h"
#include "promotion/serving/restore.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace stagekeeper {
namespace {

using promotion::World;

LedgerName model_ledger_of(const World& world) {
  return model_ledger(world.subject.request.model);
}

/// Whose Deployment the gates clone.
std::string evaluated_name(const World& world) {
  if (!world.subject.policy) return "";
  const PromotionPolicy& policy = *world.subject.policy;
  if (!policy.evaluation.serving_target.empty()) return policy.evaluation.serving_target;
  for (const StageSpec& stage : policy.stages) {
    if (!stage.targets.empty()) return stage.targets.front();
  }
  return "";
}

/// A store that does not answer, will not have us or holds what it should not is part of the World;
/// other errors are passed on.
Status note_fault(World& world, const Error& error) {
  const bool broken = error.code == ErrorCode::kCorrupt;
  const bool down = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kThrottled;
  const bool refused = error.code == ErrorCode::kMisconfigured || error.code == ErrorCode::kDenied;
  if (!broken && !down && !refused) return tl::unexpected(error);
  world.ledger_fault =
      promotion::LedgerFault{.broken = broken, .refused = refused, .message = error.message};
  return {};
}

/// The same for a Result: whether it has a value. Otherwise `status` is what to return.
template <typename T>
bool usable(World& world, const Result<T>& result, Status& status) {
  if (result) return true;
  status = note_fault(world, result.error());
  return false;
}

std::set<std::string> names_of_targets(const World& world) {
  std::set<std::string> names;
  if (world.decided) {
    for (const promotion::DecidedFacts::Target& target : world.decided->targets)
      names.insert(target.name);
    return names;
  }
  for (std::string& name : promotion::asked_targets(world.subject))
    names.insert(std::move(name));
  return names;
}

}  // namespace

bool gates_matter(const World& world) {
  return world.subject.request.action == RequestAction::kPromote && world.subject.version &&
         world.subject.stage() != nullptr && !world.decided;
}

bool people_matter(const World& world) {
  if (world.decided)
    return promotion::rollout::can_be_stopped(world.subject.request.meta.uid, *world.decided,
                                              world.targets);
  const StageSpec* stage = world.subject.stage();
  return stage != nullptr && stage->review && world.evaluation.results;
}

Result<std::optional<Observation>> Reader::observe_request(const kube::ObjectKey& key) const {
  Observation out;
  out.read_at = env_.admission.ticket();
  SK_TRY(auto request, kube::Objects<PromotionRequest>(env_.api).read(key));
  if (!request) return std::optional<Observation>();
  out.world.now = env_.clock.now();
  out.world.cluster_uid = env_.ledgers.cluster_uid();
  out.world.store = store_state(env_);
  out.world.subject.request = std::move(request->object);
  out.world.subject.request_digest = request_digest(out.world.subject.request);
  out.request_json = std::move(request->json);
  return std::optional(std::move(out));
}

Result<std::optional<Observation>> Reader::observe(const kube::ObjectKey& key) const {
  if (settled(key)) {
    Observation nothing;
    nothing.settled = true;
    return std::optional(std::move(nothing));
  }
  SK_TRY(std::optional<Observation> out, observe_request(key));
  if (!out) return out;
  SK_CHECK_OK(read_all(*out));
  return out;
}

Status Reader::read_all(Observation& seen) const {
  World& world = seen.world;
  watch(seen, kProgressInterest, world.subject.request.meta.ns, world.subject.request.model);
  read_belongings(seen);
  SK_CHECK_OK(read_model_ledger(seen));
  if (world.ledger_fault) return remember(seen);
  if (world.conclusion) return {};
  using Step = Status (Reader::*)(Observation&) const;
  for (const Step step :
       {&Reader::read_version, &Reader::read_aborted, &Reader::read_policy, &Reader::read_targets,
        &Reader::read_other_targets, &Reader::read_machine}) {
    SK_CHECK_OK((this->*step)(seen));
    if (world.ledger_fault) break;
  }
  return {};
}

/// A Rollback goes on with what this process knew before the store went away. What was recorded
/// since can only be ours, as long as we lead.
Status Reader::remember(Observation& seen) const {
  World& world = seen.world;
  const PromotionRequest& request = world.subject.request;
  if (request.action != RequestAction::kRollback || world.ledger_fault->broken) return {};
  std::optional<History> model = env_.ledgers.known(request.meta.ns, model_ledger_of(world));
  const bool begun = !model || model->conclusion(world.subject.ref()) != nullptr ||
                     model->last_of(RecordKind::kDecided, request.meta.uid) != nullptr;
  if (begun) return {};
  world.model_ledger = std::move(*model);
  SK_CHECK_OK(read_policy(seen));
  for (const std::string& name : names_of_targets(world))
    SK_CHECK_OK(remember_target(seen, name));
  world.remembered = !world.ledger_fault->broken;
  return {};
}

Status Reader::remember_target(Observation& seen, const std::string& name) const {
  const std::string& ns = seen.world.subject.request.meta.ns;
  watch(seen, "ServingTarget", ns, name);
  std::optional<History> ledger = env_.ledgers.known(ns, target_ledger(name));
  if (!ledger) return {};
  SK_TRY(TargetSight sight, read_target_objects(env_, ns, name));
  if (sight.state.target) watch(seen, "Deployment", ns, sight.state.target->workload.name);
  sight.state.ledger = std::move(*ledger);
  seen.deployment_json[name] = std::move(sight.deployment_json);
  promotion::RolloutFacts facts{.state = std::move(sight.state)};
  const RecordFact* serving = facts.state.ledger.serving();
  const RecordFact* intent = serving == nullptr ? nullptr : facts.state.ledger.at(serving->of);
  if (intent != nullptr) {
    // From memory: whoever watches what serves has read it lately.
    const auto body = env_.ledgers.body(ns, target_ledger(name), intent->sequence);
    if (body) {
      SK_TRY(facts.recorded_pins, promotion::serving::pins_of_intent(*intent, *body));
    }
  }
  seen.world.targets.push_back(std::move(facts));
  return {};
}

Status Reader::refresh(Observation& seen) const {
  World& world = seen.world;
  const std::string& ns = world.subject.request.meta.ns;
  world.now = env_.clock.now();
  world.store = store_state(env_);
  // A Reject is looked for once more after the Intents, just before the pins. Not after the Decided
  // too: an API server lets two consistent lists of one kind wait for 100 ms between them.
  const bool pins_next = world.decided.has_value();
  // Another replica may have ended the request since it was read: then no pin may change.
  SK_CHECK_OK(read_model_ledger(seen));
  if (world.ledger_fault || world.conclusion) return {};
  // What this round has just locked in it is the head of a target's ledger, and in memory. Another
  // replica may have begun on it, though: who ends a request by an Abort has to know.
  const bool aborted = world.model_ledger.stop_of(world.subject.request.meta.uid) != nullptr;
  for (promotion::RolloutFacts& target : world.targets) {
    if (aborted) {
      Status status;
      Result<History> ledger = env_.ledgers.view(ns, target_ledger(target.state.name));
      if (!usable(world, ledger, status)) return status;
      target.state.ledger = std::move(*ledger);
    } else if (std::optional<History> ledger =
                   env_.ledgers.known(ns, target_ledger(target.state.name)))
      target.state.ledger = std::move(*ledger);
  }
  SK_CHECK_OK(read_results(seen));
  const bool ask = !world.ledger_fault && people_matter(world) && (pins_next || !world.decided);
  return ask ? read_approvals(seen) : Status();
}

/// Stage a of the reading: nothing to show, to do or to clean up. A cache can be late, but what it
/// shows was true, and a request that has ended never begins again.
bool Reader::settled(const kube::ObjectKey& key) const {
  const auto cached = env_.stores.requests.get(key);
  if (!cached || cached->meta.deleting) return false;
  const auto shown = promotion::shown_end(*cached);
  if (!shown) return false;
  const bool held =
      std::ranges::find(cached->meta.finalizers, kFinalizer) != cached->meta.finalizers.end();
  if (held || owns_anything(cached->meta.uid)) return false;
  const LedgerName ledger{.kind = LedgerKind::kModel, .name = cached->model};
  std::optional<History> known = env_.ledgers.known(key.ns, ledger);
  if (!known) {
    Result<History> loaded = env_.ledgers.view(key.ns, ledger);
    if (!loaded) return false;
    known = std::move(*loaded);
  }
  const promotion::Subject subject{.request = *cached, .request_digest = request_digest(*cached)};
  const RecordFact* end = known->conclusion(subject.ref());
  return end != nullptr && promotion::phase_of(end->code) == *shown;
}

bool Reader::owns_anything(const std::string& request_uid) const {
  return !env_.stores.jobs.find("request-uid", request_uid).empty() ||
         !env_.stores.deployments.find("request-uid", request_uid).empty();
}

void Reader::watch(Observation& seen, const char* kind, const std::string& ns,
                   const std::string& name) const {
  const Interest what{.kind = kind, .ns = ns, .name = name};
  const ObjectMeta& request = seen.world.subject.request.meta;
  env_.waker.waiters().watch({request.ns, request.name}, what);
  seen.interests.insert(what);
}

void Reader::read_belongings(Observation& seen) const {
  const std::string& uid = seen.world.subject.request.meta.uid;
  promotion::Belongings& owned = seen.world.owned;
  for (const auto& job : env_.stores.jobs.find("request-uid", uid))
    owned.jobs.push_back({.name = job->meta.name, .uid = job->meta.uid});
  for (const auto& clone : env_.stores.deployments.find("request-uid", uid)) {
    if (clone->meta.ns != seen.world.subject.request.meta.ns) continue;
    owned.clones.push_back({.name = clone->meta.name, .uid = clone->meta.uid});
  }
}

Status Reader::read_model_ledger(Observation& seen) const {
  World& world = seen.world;
  Status status;
  Result<History> ledger = env_.ledgers.view(world.subject.request.meta.ns, model_ledger_of(world));
  if (!usable(world, ledger, status)) return status;
  world.model_ledger = std::move(*ledger);
  return understand_ledger(seen);
}

Status Reader::understand_ledger(Observation& seen) const {
  World& world = seen.world;
  const RequestRef request = world.subject.ref();
  const std::string& ns = world.subject.request.meta.ns;
  Status status;
  if (const RecordFact* end = world.model_ledger.conclusion(request)) {
    Result<std::string> body = env_.ledgers.body(ns, model_ledger_of(world), end->sequence);
    if (!usable(world, body, status)) return status;
    Result<promotion::Conclusion> conclusion = promotion::conclusion_of(*end, *body);
    if (!usable(world, conclusion, status)) return status;
    world.conclusion = std::move(*conclusion);
    env_.gate_jobs.forget(world.subject.request.meta.uid);
    return {};
  }
  const RecordFact* decided = world.model_ledger.last_of(RecordKind::kDecided, request.uid);
  if (decided == nullptr) return {};
  Result<std::string> body = env_.ledgers.body(ns, model_ledger_of(world), decided->sequence);
  if (!usable(world, body, status)) return status;
  Result<promotion::DecidedFacts> facts = promotion::decided_facts_of(*decided, *body);
  if (!usable(world, facts, status)) return status;
  world.decided = std::move(*facts);
  return {};
}

Status Reader::read_version(Observation& seen) const {
  promotion::Subject& subject = seen.world.subject;
  if (subject.request.version.empty()) return {};
  const kube::ObjectKey key{subject.request.meta.ns,
                            subject.request.model + "-" + subject.request.version};
  watch(seen, "ModelVersion", key.ns, key.name);
  SK_TRY(auto version, kube::Objects<ModelVersion>(env_.api).read(key));
  if (!version) return {};
  SK_TRY(const Digest digest, spec_digest(version->json));
  subject.version = std::move(version->object);
  subject.version_digest = digest.str();
  return {};
}

Status Reader::read_aborted(Observation& seen) const {
  const PromotionRequest& request = seen.world.subject.request;
  if (!request.aborts) return {};
  SK_TRY(auto other,
         kube::Objects<PromotionRequest>(env_.api).get({request.meta.ns, request.aborts->name}));
  if (!other) return {};
  seen.world.aborted = promotion::OtherRequest{.ref = {.name = other->meta.name,
                                                       .uid = other->meta.uid,
                                                       .spec_digest = request_digest(*other),
                                                       .generation = other->meta.generation},
                                               .model = other->model,
                                               .stage = other->stage,
                                               .action = other->action};
  return {};
}

Status Reader::read_policy(Observation& seen) const {
  promotion::Subject& subject = seen.world.subject;
  const kube::ObjectKey key{subject.request.meta.ns, subject.request.model};
  watch(seen, "PromotionPolicy", key.ns, key.name);
  SK_TRY(auto policy, kube::Objects<PromotionPolicy>(env_.api).read(key));
  if (!policy) return {};
  SK_TRY(const Digest digest, spec_digest(policy->json));
  seen.owners[ledger_key(model_ledger_of(seen.world))] =
      ledger_owner(policy->object.meta, policy->object.pending);
  subject.policy = std::move(policy->object);
  if (const auto& head = subject.policy->ledger_head) {
    const Status known = env_.ledgers.check_head(key.ns, model_ledger_of(seen.world), *head);
    if (!known) SK_CHECK_OK(note_fault(seen.world, known.error()));
  }
  // The digest covers every GateClass that the stage uses: they say which image judges.
  std::string digests = digest.str();
  std::set<std::string> classes;
  if (const StageSpec* stage = subject.stage()) {
    for (const GateSpec& gate : stage->gates)
      classes.insert(gate.gate_class);
    if (promotion::serves(*stage)) classes.insert(promotion::kSmokeClass);
  }
  for (const std::string& name : classes)
    SK_CHECK_OK(read_gate_class(seen, name, digests));
  subject.policy_digest = sha256_digest(digests).str();
  return {};
}

Status Reader::read_gate_class(Observation& seen, const std::string& name,
                               std::string& digests) const {
  watch(seen, "GateClass", "", name);
  SK_TRY(auto gate_class, kube::Objects<GateClass>(env_.api).read({"", name}));
  if (!gate_class) return {};
  SK_TRY(const Digest digest, spec_digest(gate_class->json));
  digests += fmt::format("\n{} {}", name, digest.str());
  seen.world.subject.gate_classes.emplace(name, std::move(gate_class->object));
  return {};
}

Status Reader::read_targets(Observation& seen) const {
  World& world = seen.world;
  for (const std::string& name : names_of_targets(world)) {
    SK_TRY(promotion::TargetState state, read_target(seen, name));
    if (world.ledger_fault) return {};
    world.targets.push_back({.state = std::move(state)});
  }
  const std::string evaluated = evaluated_name(world);
  if (evaluated.empty()) return {};
  if (const auto* target = promotion::find_target(world.targets, evaluated)) {
    world.evaluation.on = target->state;
    return {};
  }
  SK_TRY(promotion::TargetState state, read_target(seen, evaluated));
  if (state.target) world.evaluation.on = std::move(state);
  return {};
}

Result<promotion::TargetState> Reader::read_target(Observation& seen,
                                                   const std::string& name) const {
  World& world = seen.world;
  const std::string& ns = world.subject.request.meta.ns;
  watch(seen, "ServingTarget", ns, name);
  // Which Deployment it is, the cache says early enough: a change of the target wakes us as well.
  if (const auto cached = env_.stores.targets.get({ns, name})) {
    watch(seen, "Deployment", ns, cached->workload.name);
    if (world.decided) watch(seen, kRolloutInterest, ns, cached->workload.name);
  }
  SK_TRY(TargetSight sight, read_target_objects(env_, ns, name));
  if (sight.owner) seen.owners[ledger_key(target_ledger(name))] = std::move(*sight.owner);
  seen.deployment_json[name] = std::move(sight.deployment_json);
  Status status;
  const auto head = sight.state.target ? sight.state.target->ledger_head : std::nullopt;
  Result<History> ledger = read_ledger(env_, ns, target_ledger(name), head);
  if (usable(world, ledger, status)) sight.state.ledger = std::move(*ledger);
  SK_CHECK_OK(status);
  return std::move(sight.state);
}

/// The model's further targets, by the records and by the policy, whether or not their objects
/// exist: a version that one of them serves is in use. One whose ledger is broken stops only what
/// needs to know that.
Status Reader::read_other_targets(Observation& seen) const {
  World& world = seen.world;
  const std::string& ns = world.subject.request.meta.ns;
  std::set<std::string> names;
  for (std::string& name : world.model_ledger.targets())
    names.insert(std::move(name));
  if (world.subject.policy) {
    for (const StageSpec& stage : world.subject.policy->stages)
      names.insert(stage.targets.begin(), stage.targets.end());
  }
  for (const promotion::RolloutFacts& target : world.targets)
    names.erase(target.state.name);
  Status status;
  for (const std::string& name : names) {
    promotion::TargetState other{.name = name};
    Result<History> ledger = env_.ledgers.view(ns, target_ledger(name));
    other.unreadable = !ledger && ledger.error().code == ErrorCode::kCorrupt;
    if (!other.unreadable) {
      if (!usable(world, ledger, status)) return status;
      other.ledger = std::move(*ledger);
    }
    world.other_targets.push_back(std::move(other));
  }
  return {};
}

Status Reader::read_machine(Observation& seen) const {
  const GateReader gates(env_);
  SK_CHECK_OK(read_results(seen));
  if (seen.world.ledger_fault) return {};
  if (gates_matter(seen.world) && !seen.world.evaluation.results) {
    for (const Interest& what : gates.interests(seen)) {
      watch(seen, what.kind.c_str(), what.ns, what.name);
    }
    SK_CHECK_OK(gates.read_evaluation(seen));
  }
  if (seen.world.decided) SK_CHECK_OK(gates.read_smoke(seen));
  if (people_matter(seen.world)) return read_approvals(seen);
  return {};
}

Status Reader::read_results(Observation& seen) const {
  World& world = seen.world;
  world.evaluation.results.reset();
  if (!gates_matter(world)) return {};
  const std::string digest = promotion::evaluation_digest(world.subject, world.evaluation.on);
  const RecordFact* record =
      promotion::results_record(world.model_ledger, world.subject.request.meta.uid, digest);
  if (record == nullptr) return {};
  Status status;
  Result<std::string> body =
      env_.ledgers.body(world.subject.request.meta.ns, model_ledger_of(world), record->sequence);
  if (!usable(world, body, status)) return status;
  Result<promotion::GateResults> results = promotion::gate_results_of(*record, *body);
  if (!usable(world, results, status)) return status;
  world.evaluation.results = std::move(*results);
  return {};
}

/// A LIST, since a GET of those that counted would miss a fresh Reject.
Status Reader::read_approvals(Observation& seen) const {
  const ObjectMeta& request = seen.world.subject.request.meta;
  const std::uint64_t ticket = env_.admission.ticket();
  std::vector<promotion::ApprovalState> found;
  const kube::ListSink sink{.begin =
                                [&] {
                                  found.clear();
                                  seen.approval_json.clear();
                                },
                            .item = [&](std::string_view json) -> Status {
                              SK_TRY(Approval approval, decode<Approval>(json));
                              seen.approval_json[approval.meta.uid] = std::string(json);
                              found.push_back({.approval = std::move(approval)});
                              return {};
                            }};
  const kube::ListQuery query{.type = kube::type_of<Approval>(),
                              .ns = request.ns,
                              .selection = {.field_selector = "spec.request.uid=" + request.uid}};
  if (const auto done = kube::list_all(env_.api, query, sink); !done)
    return fail(done.error(), "read the Approvals");
  // What admission let pass is believed only by a try that comes after it.
  if (!found.empty()) {
    seen.read_at = ticket;
    seen.world.admission.reset();
  }
  seen.world.approvals = std::move(found);
  return {};
}

}  // namespace stagekeeper
