#include "operator/views/target_controller.h"

#include "kube/objects.h"
#include "operator/controllers/pending_status.h"
#include "operator/views/serving_reader.h"
#include "promotion/manifests.h"
#include "promotion/records/records.h"
#include "promotion/serving/restore.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper {
namespace {

using nlohmann::json;

constexpr const char* kClaimManager = "stagekeeper";
/// Within the five seconds in which a stranger is to be told.
constexpr std::chrono::seconds kBelieveAfter{3};

bool claim_is_complete(const Deployment& deployment, const ServingTarget& target) {
  const json wanted = json::parse(promotion::claim_apply(deployment, target))["metadata"];
  for (const auto& [key, value] : wanted["annotations"].items()) {
    if (value != json(annotation_of(deployment.meta, key.c_str()))) return false;
  }
  return label_of(deployment.meta, kTargetLabel) == target.meta.name;
}

}  // namespace

Result<runtime::Next> TargetController::reconcile(const runtime::Key& key) {
  SK_TRY(TargetSight sight, read_target_objects(env_, key.ns, key.name));
  const std::optional<ServingTarget>& target = sight.state.target;
  if (!target) SK_CHECK_OK(release(key));
  const bool alive = target && !target->meta.deleting;
  promotion::Finding claimed{false, "DeploymentMissing", "there is no Deployment to claim"};
  if (alive && sight.state.deployment) {
    SK_TRY(claimed, claim(*target, *sight.state.deployment));
  }
  Result<History> ledger = read_ledger(env_, key.ns, target_ledger(key.name),
                                       target ? target->ledger_head : std::nullopt);
  if (!ledger) {
    // What is wrong with the Deployment is said all the same, and what serves stays as it is shown.
    const bool broken = ledger.error().code == ErrorCode::kCorrupt;
    if (alive && broken) SK_CHECK_OK(show(sight, claimed, std::nullopt, ledger.error().message));
    return tl::unexpected(ledger.error());
  }
  sight.state.ledger = std::move(*ledger);
  SK_TRY(Repair repair, close_orphan(key, sight));
  if (alive && claimed.ok && !repair.acted) {
    SK_TRY(const Repair restored, restore(key, sight));
    repair.acted = restored.acted;
    if (restored.wake_at) repair.wake_at = restored.wake_at;
  }
  Truth truth;
  if (alive && sight.state.target) {
    SK_TRY(truth, tell_truth(key, sight, claimed));
  }
  const auto wake_at = repair.wake_at ? repair.wake_at : truth.wake_at;
  runtime::Next next = repair.acted || truth.recorded
                           ? runtime::Next::after(std::chrono::milliseconds(10))
                       : wake_at ? runtime::Next::at(*wake_at)
                                 : runtime::Next::await_change();
  return std::move(next).because(claimed.reason, std::move(truth.diff));
}

Result<TargetController::Truth> TargetController::tell_truth(const runtime::Key& key,
                                                             const TargetSight& sight,
                                                             const promotion::Finding& claim) {
  namespace serving = promotion::serving;
  SK_TRY(ServingSight seen, read_serving(env_, sight));
  serving::Facts facts{.target = *sight.state.target,
                       .deployment = sight.state.deployment,
                       .ledger = sight.state.ledger,
                       .template_digest = sight.state.template_digest,
                       .template_owners = sight.template_owners,
                       .pin_owners = sight.pin_owners,
                       .reference = std::move(seen.reference),
                       .service_found = seen.service_found,
                       .selector = std::move(seen.selector),
                       .selector_owners = std::move(seen.selector_owners),
                       .endpoints = std::move(seen.endpoints)};
  const TimePoint now = env_.clock.now();
  serving::Verdict verdict = serving::judge(facts);
  Truth out;
  if (!lasts(key, verdict.unsure, now)) {
    std::erase_if(facts.endpoints, [](const auto& endpoint) { return !endpoint.found; });
    verdict = serving::judge(facts);
    out.wake_at = now + kBelieveAfter;
  }
  SK_TRY(out.diff, show(sight, claim, verdict, ""));
  if (!out.diff.empty()) report(sight, verdict);
  std::optional<TimePoint> later;
  std::optional<RecordContent> content = serving::record_due(facts, verdict, now, later);
  if (later) out.wake_at = later;
  if (!content || !store_state(env_).trusted) return out;
  SK_CHECK_OK(may_act(env_));
  // The status was just written: what was read of it is of no more use.
  const LedgerOwner owner{.name = sight.state.name, .uid = sight.state.target->meta.uid};
  const auto done = env_.ledgers.append(key.ns, target_ledger(key.name), owner, *content);
  if (!done) return fail(done.error(), "record what serves");
  out.recorded = true;
  out.diff += std::string(out.diff.empty() ? "" : "; ") + std::string(name(content->kind));
  return out;
}

bool TargetController::lasts(const runtime::Key& key, bool unsure, TimePoint now) {
  const MutexLock lock(mutex_);
  if (!unsure) {
    unsure_.erase(key);
    return true;
  }
  return now - unsure_.try_emplace(key, now).first->second >= kBelieveAfter;
}

void TargetController::report(const TargetSight& sight,
                              const promotion::serving::Verdict& serving) const {
  using promotion::serving::Fault;
  if (serving.fault == Fault::kNone || serving.fault == Fault::kNothingServes) return;
  const std::string fault(name(serving.fault));
  metrics_.count("stagekeeper_serving_faults_total",
                 "Times that users were found to reach something that was not recorded.",
                 {{"fault", fault}});
  events_.record({.type = runtime::EventType::kWarning,
                  .regarding = {.type = kube::type_of<ServingTarget>(),
                                .key = {sight.state.target->meta.ns, sight.state.name},
                                .uid = sight.state.target->meta.uid},
                  .reason = fault,
                  .action = "WatchServing",
                  .note = serving.message});
}

Result<promotion::Finding> TargetController::claim(const ServingTarget& target,
                                                   const Deployment& deployment) const {
  const std::string& name = deployment.meta.name;
  const std::string holder = label_of(deployment.meta, kTargetLabel);
  if (!holder.empty() && holder != target.meta.name) {
    return promotion::Finding{
        false, "ClaimedByOther",
        fmt::format("Deployment {} is claimed by ServingTarget {}; one target owns a "
                    "Deployment",
                    name, holder)};
  }
  if (target.observes) {
    if (!holder.empty()) SK_CHECK_OK(release({target.meta.ns, target.meta.name}));
    return promotion::Finding{
        false, "Observing",
        fmt::format("nothing of Deployment {} is guarded or changed, until spec.enforcement of "
                    "ServingTarget {} is Enforce",
                    name, target.meta.name)};
  }
  promotion::Finding ok{true, "Claimed", "the operator guards the pins of this Deployment"};
  if (claim_is_complete(deployment, target)) return ok;
  SK_CHECK_OK(may_act(env_));
  const auto done = kube::Objects<Deployment>(env_.api).apply(
      {target.meta.ns, name}, {.field_manager = kClaimManager},
      promotion::claim_apply(deployment, target));
  if (done) return ok;
  const Error& error = done.error();
  switch (error.code) {
    case ErrorCode::kDenied:
      return promotion::Finding{
          false, "OperatorNotAllowed",
          fmt::format("the operator may not change Deployments in namespace {}; add it "
                      "to the chart's servingNamespaces: {}",
                      target.meta.ns, error.message)};
    case ErrorCode::kFieldConflict:
      return promotion::Finding{
          false, "ClaimConflict",
          fmt::format("another field manager owns the claim on Deployment {}: {}. Remove "
                      "the label and annotations of stagekeeper.dev from its manifest",
                      name, error.message)};
    case ErrorCode::kInvalid:
      return promotion::Finding{
          false, "ClaimRefused",
          fmt::format("Deployment {} does not take the claim: {}", name, error.message)};
    default:
      return fail(error, "claim the Deployment");
  }
}

Status TargetController::release(const runtime::Key& key) const {
  for (const auto& deployment : env_.stores.deployments.find("claim", in_ns(key.ns, key.name))) {
    SK_CHECK_OK(may_act(env_));
    const auto done = kube::Objects<Deployment>(env_.api).apply(
        {key.ns, deployment->meta.name}, {.field_manager = kClaimManager},
        promotion::release_apply(*deployment));
    if (const Status s = kube::unless_gone(done); !s)
      return fail(s.error(), "release the Deployment");
  }
  return {};
}

/// Also when the request has ended: another replica ended it just before this Intent was recorded,
/// and what has ended never acts again, not even to close it.
Result<bool> TargetController::is_orphan(const std::string& ns, const RecordFact& intent) const {
  SK_TRY(const History model, env_.ledgers.view(ns, model_ledger(intent.model)));
  if (model.conclusion(intent.request) != nullptr) return true;
  if (!env_.stores.requests.find("uid", intent.request.uid).empty()) return false;
  SK_TRY(const auto request,
         kube::Objects<PromotionRequest>(env_.api).head({ns, intent.request.name}));
  return !request || request->uid != intent.request.uid;
}

Result<TargetController::Repair> TargetController::close_orphan(const runtime::Key& key,
                                                                TargetSight& sight) const {
  const RecordFact* intent = sight.state.ledger.open_intent();
  if (intent == nullptr) return Repair{};
  SK_TRY(const bool orphan, is_orphan(key.ns, *intent));
  if (!orphan) return Repair{};
  SK_TRY(const History model, env_.ledgers.view(key.ns, model_ledger(intent->model)));
  promotion::OrphanFacts facts{
      .now = env_.clock.now(), .store = store_state(env_), .state = sight.state, .intent = *intent};
  if (const RecordFact* decided = model.last_of(RecordKind::kDecided, intent->request.uid)) {
    SK_TRY(const std::string body,
           env_.ledgers.body(key.ns, model_ledger(intent->model), decided->sequence));
    SK_TRY(facts.decided, promotion::decided_facts_of(*decided, body));
  }
  const promotion::Decision decision = promotion::decide_orphan(facts);
  // The actions are those of the request that is gone, on this target alone.
  if (const Status s = act(key, sight, {intent->request, intent->model}, decision.actions); !s)
    return fail(s.error(), "close the Intent of a request that is gone");
  if (!decision.actions.empty()) {
    SK_TRY(sight, read_target(env_, key.ns, key.name));
  }
  return Repair{.acted = !decision.actions.empty(), .wake_at = decision.wake_at};
}

Status TargetController::act(const runtime::Key& key, const TargetSight& sight, const Whose& whose,
                             const std::vector<promotion::Action>& actions) const {
  Observation seen;
  seen.world.now = env_.clock.now();
  seen.world.cluster_uid = env_.ledgers.cluster_uid();
  seen.world.subject.request.meta.ns = key.ns;
  seen.world.subject.request.meta.name = whose.request.name;
  seen.world.subject.request.meta.uid = whose.request.uid;
  seen.world.subject.request.model = whose.model;
  seen.world.targets.push_back({.state = sight.state});
  if (sight.owner) seen.owners[ledger_key(target_ledger(key.name))] = *sight.owner;
  for (const promotion::Action& action : actions)
    SK_CHECK_OK(doer_.run(seen, action));
  return {};
}

Result<TargetController::Repair> TargetController::restore(const runtime::Key& key,
                                                           TargetSight& sight) const {
  if (!promotion::serving::lost_its_pins(sight.state) || !store_state(env_).trusted)
    return Repair{};
  const RecordFact* intent = sight.state.ledger.at(sight.state.ledger.serving()->of);
  if (intent == nullptr) return Repair{};
  SK_TRY(const std::string body,
         env_.ledgers.body(key.ns, target_ledger(key.name), intent->sequence));
  SK_TRY(const auto pins, promotion::serving::pins_of_intent(*intent, body));
  const auto restoring = promotion::serving::restore(sight.state, pins, env_.clock.now());
  if (const Status s = act(key, sight, {{}, sight.state.target->model}, restoring.actions); !s)
    return fail(s.error(), "restore the pins of a Deployment that was created again");
  if (!restoring.actions.empty()) {
    SK_TRY(sight, read_target(env_, key.ns, key.name));
  }
  return Repair{.acted = !restoring.actions.empty(), .wake_at = restoring.later};
}

Result<std::string> TargetController::show(const TargetSight& sight,
                                           const promotion::Finding& claim,
                                           std::optional<promotion::serving::Verdict> serving,
                                           const std::string& fault) const {
  const ServingTarget& target = *sight.state.target;
  const History& ledger = sight.state.ledger;
  const promotion::StoreState store = store_state(env_);
  const promotion::TargetFacts facts{
      .target = target,
      .deployment = sight.state.deployment,
      .ledger = ledger,
      .store = store,
      .claim = claim,
      .ledger_fault = fault,
      .ledger_json = ledger.empty() || !fault.empty() ? "" : ledger_status(ledger, target.pending),
      .serving = std::move(serving)};
  SK_TRY(const std::string patch,
         promotion::target_status_patch(facts, sight.target_json, env_.clock.now()));
  if (patch.empty()) return std::string();
  SK_CHECK_OK(may_act(env_));
  const auto done = kube::Objects<ServingTarget>(env_.api).patch_status(
      {target.meta.ns, target.meta.name}, patch);
  if (const Status s = kube::unless_gone(done); !s)
    return fail(s.error(), "publish the ServingTarget");
  return "ServingTarget.status";
}

}  // namespace stagekeeper
