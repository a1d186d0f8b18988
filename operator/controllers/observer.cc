#include "operator/controllers/observer.h"

#include "operator/controllers/access.h"
#include "operator/controllers/gate_states.h"
#include "operator/wiring/live.h"
#include "operator/wiring/resources.h"
#include "promotion/digests.h"
#include "promotion/manifests.h"
#include "promotion/records.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace stagekeeper {
namespace {

using promotion::World;

constexpr const char* kSmokeClass = "stagekeeper-smoke";

std::string verb_of(RequestAction action) {
  switch (action) {
    case RequestAction::kRollback:
      return "rollback";
    case RequestAction::kAdopt:
      return "breakglass";
    case RequestAction::kPromote:
    case RequestAction::kArchive:
      break;
  }
  return "promote";
}

const StageSpec* stage_of(const World& world) {
  return world.policy ? world.policy->stage(world.request.stage) : nullptr;
}

/// The target the request would change: the one it names, if the stage has it, else the stage's.
std::string target_of_policy(const World& world) {
  const StageSpec* stage = stage_of(world);
  if (stage == nullptr || stage->targets.empty()) return "";
  if (world.request.targets.empty()) return stage->targets.front();
  const std::string& wanted = world.request.targets.front();
  return std::ranges::find(stage->targets, wanted) == stage->targets.end() ? "" : wanted;
}

/// Whose Deployment the gates clone.
std::string evaluated_name(const World& world) {
  if (!world.policy) return "";
  if (!world.policy->evaluation.serving_target.empty())
    return world.policy->evaluation.serving_target;
  for (const StageSpec& stage : world.policy->stages) {
    if (!stage.targets.empty()) return stage.targets.front();
  }
  return "";
}

/// A store that does not answer or holds what it should not is part of the World; other errors are
/// passed on.
Status note_fault(World& world, const Error& error) {
  const bool broken = error.code == ErrorCode::kCorrupt;
  const bool down = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kThrottled;
  if (!broken && !down) return tl::unexpected(error);
  world.ledger_fault = promotion::LedgerFault{.broken = broken, .message = error.message};
  return {};
}

}  // namespace

Result<std::optional<Observation>> Observer::observe_request(const kube::ObjectKey& key) const {
  auto json = live::get_json(ports_.api, resources::kRequests, key);
  if (!json) return fail(json.error(), "read the request");
  if (!*json) return std::optional<Observation>();
  Result<PromotionRequest> request = decode<PromotionRequest>(**json);
  if (!request) return tl::unexpected(request.error());
  Observation out;
  out.world.request = std::move(*request);
  out.request_json = std::move(**json);
  return std::optional(std::move(out));
}

Result<std::optional<Observation>> Observer::observe(const kube::ObjectKey& key) const {
  auto out = observe_request(key);
  if (!out || !*out) return out;
  World& world = (*out)->world;
  world.now = ports_.clock.now();
  world.cluster_uid = ports_.ledgers.cluster_uid();
  world.store = ports_.trust.get();
  using Step = Status (Observer::*)(World&) const;
  for (const Step step : {&Observer::read_subject, &Observer::read_policy, &Observer::read_targets,
                          &Observer::read_results, &Observer::read_review, &Observer::read_gates,
                          &Observer::read_people}) {
    if (Status s = (this->*step)(world); !s) return tl::unexpected(s.error());
    if (world.ledger_fault) break;
  }
  return out;
}

Status Observer::read_subject(World& world) const {
  if (world.request.version.empty()) return {};
  const kube::ObjectKey key{world.request.meta.ns,
                            world.request.model + "-" + world.request.version};
  auto json = live::get_json(ports_.api, resources::kModelVersions, key);
  if (!json) return fail(json.error(), "read the ModelVersion");
  if (!*json) return {};
  Result<ModelVersion> version = decode<ModelVersion>(**json);
  if (!version) return tl::unexpected(version.error());
  Result<Digest> digest = spec_digest(**json);
  if (!digest) return tl::unexpected(digest.error());
  world.version = std::move(*version);
  world.version_digest = digest->str();
  return {};
}

Status Observer::read_policy(World& world) const {
  auto json = live::get_json(ports_.api, resources::kPolicies,
                             {world.request.meta.ns, world.request.model});
  if (!json) return fail(json.error(), "read the PromotionPolicy");
  if (!*json) return {};
  Result<PromotionPolicy> policy = decode<PromotionPolicy>(**json);
  if (!policy) return tl::unexpected(policy.error());
  Result<Digest> digest = spec_digest(**json);
  if (!digest) return tl::unexpected(digest.error());
  world.policy = std::move(*policy);
  // The digest covers every GateClass that the stage uses: they say which image judges.
  std::string parts = digest->str();
  std::set<std::string> classes = {kSmokeClass};
  if (const StageSpec* stage = stage_of(world)) {
    for (const GateSpec& gate : stage->gates)
      classes.insert(gate.gate_class);
  }
  for (const std::string& name : classes) {
    auto class_json = live::get_json(ports_.api, resources::kGateClasses, {"", name});
    if (!class_json) return fail(class_json.error(), "read GateClass " + name);
    if (!*class_json) continue;
    Result<GateClass> gate_class = decode<GateClass>(**class_json);
    if (!gate_class) return tl::unexpected(gate_class.error());
    Result<Digest> class_digest = spec_digest(**class_json);
    if (!class_digest) return tl::unexpected(class_digest.error());
    parts += fmt::format("\n{} {}", name, class_digest->str());
    world.gate_classes.emplace(name, std::move(*gate_class));
  }
  world.policy_digest = sha256_digest(parts).str();
  return {};
}

Result<std::optional<promotion::TargetState>> Observer::read_target(const World& world,
                                                                    const std::string& name) const {
  const std::string& ns = world.request.meta.ns;
  auto target = live::get<ServingTarget>(ports_.api, resources::kTargets, {ns, name});
  if (!target) return fail(target.error(), "read ServingTarget " + name);
  if (!*target) return std::optional<promotion::TargetState>();
  promotion::TargetState out;
  out.target = std::move(**target);
  auto json = live::get_json(ports_.api, resources::kDeployments, {ns, out.target.deployment});
  if (!json) return fail(json.error(), "read Deployment " + out.target.deployment);
  if (*json) {
    Result<Deployment> deployment = decode<Deployment>(**json);
    if (!deployment) return tl::unexpected(deployment.error());
    Result<Digest> digest = template_digest(**json, out.target.pin, out.target.container);
    if (!digest) return tl::unexpected(digest.error());
    out.template_digest = digest->str();
    out.claimed_by = label_of(deployment->meta, kTargetLabel);
    out.deployment = std::move(*deployment);
  }
  std::vector<Service> services;
  for (const auto& service : ports_.stores.services.find("namespace", ns))
    services.push_back(*service);
  for (const char* role : {"candidate", "baseline"}) {
    const auto clone =
        ports_.stores.deployments.get({ns, promotion::clone_name(out.target.deployment, role)});
    if (!clone || label_of(clone->meta, kCloneLabel) != role) continue;
    out.clones.push_back({.role = role,
                          .request_uid = label_of(clone->meta, kRequestUidLabel),
                          .version = annotation_of(clone->meta, kCloneVersionAnnotation),
                          .stray_service = promotion::stray_service(services, out.target.deployment,
                                                                    clone->pod_labels),
                          .evaluation = annotation_of(clone->meta, kEvaluationAnnotation)});
  }
  return std::optional(std::move(out));
}

Status Observer::read_ledgers(World& world, TargetLedgers& ledgers) const {
  const std::string& ns = world.request.meta.ns;
  auto model = ports_.ledgers.view(promotion::LedgerKind::kModel, ns, world.request.model);
  if (!model) return note_fault(world, model.error());
  world.model_ledger = std::move(*model);
  std::set<std::string> names = {target_of_policy(world), evaluated_name(world)};
  for (const auto& target : ports_.stores.targets.find("model", ns + "/" + world.request.model))
    names.insert(target->meta.name);
  names.erase("");
  for (const std::string& name : names) {
    auto ledger = ports_.ledgers.view(promotion::LedgerKind::kTarget, ns, name);
    if (!ledger) return note_fault(world, ledger.error());
    ledgers.emplace(name, std::move(*ledger));
  }
  return {};
}

Status Observer::read_targets(World& world) const {
  const std::string& ns = world.request.meta.ns;
  TargetLedgers ledgers;
  Status read = read_ledgers(world, ledgers);
  if (!read || world.ledger_fault) return read;
  const auto take = [&](const std::string& name, std::optional<promotion::TargetState>& out) {
    if (name.empty()) return Status();
    auto target = read_target(world, name);
    if (!target) return Status(tl::unexpected(target.error()));
    out = std::move(*target);
    if (out) out->ledger = ledgers.at(name);
    return Status();
  };
  // What was begun is finished where it was begun, whatever the policy says by now.
  std::string serving = target_of_policy(world);
  for (const auto& [name, ledger] : ledgers) {
    if (ledger.find("Intent", world.request.meta.uid) != nullptr) serving = name;
  }
  const std::string evaluated = evaluated_name(world);
  if (Status s = take(serving, world.target); !s) return s;
  if (evaluated == serving) {
    world.evaluated_on = world.target;
  } else if (Status s = take(evaluated, world.evaluated_on); !s) {
    return s;
  }
  for (const auto& other : ports_.stores.targets.find("model", ns + "/" + world.request.model)) {
    const std::string& name = other->meta.name;
    const bool apart = !world.target || name != serving;
    if (apart && ledgers.contains(name)) world.other_targets.push_back(ledgers.at(name));
  }
  return {};
}

Status Observer::read_results(World& world) const {
  const promotion::RecordFact* record = promotion::results_record(world);
  if (record == nullptr) return {};
  auto body = ports_.ledgers.body(promotion::LedgerKind::kModel, world.request.meta.ns,
                                  world.request.model, record->sequence);
  if (!body) return note_fault(world, body.error());
  const StageSpec* stage = stage_of(world);
  auto gates =
      promotion::gates_of_body(*body, stage == nullptr ? std::vector<GateSpec>() : stage->gates);
  if (!gates) return note_fault(world, gates.error());
  world.results = promotion::GateResults{.record = *record, .gates = std::move(*gates)};
  return {};
}

Status Observer::read_review(World& world) const {
  const promotion::ReviewRecord found = promotion::review_record(world);
  if (found.record == nullptr) return {};
  const bool target = found.ledger == promotion::LedgerKind::kTarget;
  auto body = ports_.ledgers.body(found.ledger, world.request.meta.ns,
                                  target ? world.target->target.meta.name : world.request.model,
                                  found.record->sequence);
  if (!body) return note_fault(world, body.error());
  auto review = promotion::review_of_body(*body, *found.record);
  if (!review) return note_fault(world, review.error());
  world.past_review = std::move(*review);
  return {};
}

Status Observer::read_gates(World& world) const {
  GateSource source{.api = &ports_.api, .gate_namespace = ports_.gate_namespace, .jobs = {}};
  for (const auto& job : ports_.stores.jobs.find("request-uid", world.request.meta.uid)) {
    source.jobs.push_back(*job);
  }
  world.owns_jobs = !source.jobs.empty();
  world.owns_clones =
      !ports_.stores.deployments.find("request-uid", world.request.meta.uid).empty() ||
      !ports_.stores.services.find("request-uid", world.request.meta.uid).empty();
  const StageSpec* stage = stage_of(world);
  if (stage == nullptr || !world.version || world.request.action != RequestAction::kPromote)
    return {};
  const std::string evaluation = promotion::evaluation_digest(world);
  for (const GateSpec& spec : stage->gates) {
    auto gate = read_gate(world, spec, evaluation, source);
    if (!gate) return tl::unexpected(gate.error());
    world.gates.push_back(std::move(*gate));
  }
  if (!world.target || !world.gate_classes.contains(kSmokeClass)) return {};
  GateSpec smoke;
  smoke.name = "smoke";
  smoke.type = GateType::kSmoke;
  smoke.gate_class = kSmokeClass;
  const promotion::RecordFact* intent = world.target->ledger.open_intent();
  auto state = read_gate(world, smoke, intent == nullptr ? "" : intent->digest, source);
  if (!state) return tl::unexpected(state.error());
  world.smoke = std::move(*state);
  return {};
}

Status Observer::read_people(World& world) const {
  const PromotionRequest& request = world.request;
  const auto ask = [&](const Identity& who, const std::string& verb) -> std::optional<bool> {
    Result<bool> answer =
        may(ports_.api, who,
            {.ns = request.meta.ns, .model = request.model, .stage = request.stage, .verb = verb});
    return answer ? std::optional(*answer) : std::nullopt;
  };
  world.requester_authorised = ask(request.requester, verb_of(request.action));
  auto approvals = live::list<Approval>(
      ports_.api, {.type = resources::kApprovals,
                   .ns = request.meta.ns,
                   .selection = {.label_selector = "",
                                 .field_selector = "spec.request.uid=" + request.meta.uid}});
  if (!approvals) return fail(approvals.error(), "read the Approvals");
  for (Approval& approval : *approvals) {
    const std::optional<bool> authorised = ask(approval.approver, "approve");
    world.approvals.push_back({.approval = std::move(approval), .authorised = authorised});
  }
  return {};
}

}  // namespace stagekeeper
