#include "operator/promotions/doer.h"

#include "kube/objects.h"
#include "operator/promotions/gate_jobs.h"
#include "operator/promotions/rights.h"
#include "promotion/evaluation/clones.h"
#include "promotion/manifests.h"
#include "promotion/pins.h"
#include "promotion/targets.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

using nlohmann::json;
using promotion::World;

std::string made_for(const std::string& request_uid) {
  return fmt::format("{}={}", kRequestUidLabel, request_uid);
}

/// Takes over what a write of the request was answered with, so that later writes of the round meet
/// its new version.
Status take_over(Observation& seen, std::string json_text) {
  SK_TRY(PromotionRequest fresh, decode<PromotionRequest>(json_text));
  seen.world.subject.request = std::move(fresh);
  seen.request_json = std::move(json_text);
  return {};
}

promotion::RolloutFacts* facts_of(World& world, const std::string& target) {
  const auto found = std::ranges::find_if(world.targets, [&](const promotion::RolloutFacts& each) {
    return each.state.name == target;
  });
  return found == world.targets.end() ? nullptr : &*found;
}

/// The Deployment of a target as the round read it. Errors: Conflict when it is another by now.
Result<const Deployment*> deployment_of(const World& world, const std::string& target,
                                        const std::string& uid) {
  const promotion::RolloutFacts* facts = promotion::find_target(world.targets, target);
  if (facts == nullptr || !facts->state.deployment || facts->state.deployment->meta.uid != uid)
    return fail(ErrorCode::kConflict, "the Deployment of " + target + " was replaced");
  return &*facts->state.deployment;
}

/// What stands in the way of pins that the API server did not take, for people.
std::string obstacle(const Deployment& deployment, const Error& error) {
  const std::string& name = deployment.meta.name;
  switch (error.code) {
    case ErrorCode::kFieldConflict:
      return fmt::format(
          "the pins of Deployment {} belong to another field manager: {}. Remove the field from "
          "its manifest",
          name, error.message);
    case ErrorCode::kDenied:
      return fmt::format("the operator may not change Deployment {}: {}", name, error.message);
    default:
      return fmt::format("Deployment {} does not take the pins: {}", name, error.message);
  }
}

}  // namespace

Status Doer::run(Observation& seen, const promotion::Action& action) const {
  struct Run {
    const Doer& doer;
    Observation& seen;

    Status operator()(const promotion::SetFinalizer& a) const {
      return doer.set_finalizer(seen, a.present);
    }

    Status operator()(const promotion::CreateClone& a) const {
      return doer.create_clone(seen.world, a);
    }

    Status operator()(const promotion::CreateGateJob& a) const {
      return doer.create_gate_job(seen.world, a);
    }

    Status operator()(const promotion::DeleteOwned& a) const {
      return doer.delete_owned(seen.world, a);
    }

    Status operator()(const promotion::AppendRecord& a) const { return doer.append(seen, a); }

    Status operator()(const promotion::PatchPin& a) const { return doer.patch_pin(seen.world, a); }

    Status operator()(const promotion::RaiseFence& a) const {
      return doer.raise_fence(seen.world, a);
    }
  };

  SK_CHECK_OK(may_act(env_));
  return std::visit(Run{*this, seen}, action);
}

/// The whole list is written under the resourceVersion that it was read at, so that a finalizer
/// that somebody else adds meanwhile is never lost.
Status Doer::set_finalizer(Observation& seen, bool present) const {
  const PromotionRequest& request = seen.world.subject.request;
  const ObjectMeta& meta = request.meta;
  std::vector<std::string> finalizers = meta.finalizers;
  const bool held = std::ranges::find(finalizers, kFinalizer) != finalizers.end();
  if (held == present) return {};
  if (present) {
    finalizers.emplace_back(kFinalizer);
  } else {
    SK_CHECK_OK(nothing_left(request));
    std::erase(finalizers, kFinalizer);
  }
  const json patch = {{"metadata",
                       {{"uid", meta.uid},
                        {"resourceVersion", meta.resource_version},
                        {"finalizers", finalizers}}}};
  auto done = kube::Objects<PromotionRequest>(env_.api).patch({meta.ns, meta.name}, patch.dump());
  if (!done) {
    if (!present && done.error().code == ErrorCode::kNotFound) return {};
    return fail(done.error(), present ? "add the finalizer" : "remove the finalizer");
  }
  SK_CHECK_OK(take_over(seen, std::move(*done)));
  env_.waker.echoes().expect(seen.world.subject.request.meta.resource_version);
  return {};
}

/// Nobody looks for it any more once the finalizer is gone, and caches may not have heard of what
/// was just made.
Status Doer::nothing_left(const PromotionRequest& request) const {
  const kube::Selection made{.label_selector = made_for(request.meta.uid)};
  SK_TRY(const auto jobs, kube::Objects<Job>(env_.api).list_heads(env_.gate_namespace, made));
  SK_TRY(const auto clones, kube::Objects<Deployment>(env_.api).list_heads(request.meta.ns, made));
  const auto left = [](const AnyObject& object) { return !object.meta.deleting; };
  if (std::ranges::none_of(jobs, left) && std::ranges::none_of(clones, left)) return {};
  return fail(ErrorCode::kConflict, "something of the request was made meanwhile");
}

/// What a name that is taken means is for the next round to see: it looks whose object that is.
Status Doer::create_clone(const World& world, const promotion::CreateClone& clone) const {
  const promotion::EvaluationFacts& facts = world.evaluation;
  if (!facts.on || !facts.on->target)
    return fail(ErrorCode::kInvalid, "clone: nothing to clone was read");
  const ServingTarget& target = *facts.on->target;
  const std::string& ns = target.meta.ns;
  SK_TRY(const auto source_json,
         kube::Objects<Deployment>(env_.api).get_json({ns, target.workload.name}));
  if (!source_json) return fail(ErrorCode::kConflict, "the Deployment to clone is gone");
  // Labels that any Service selects by must be known before the clone's pods exist.
  SK_TRY(auto services, kube::Objects<Service>(env_.api).list(ns));
  SK_TRY(auto budgets, kube::Objects<DisruptionBudget>(env_.api).list(ns));
  const promotion::CloneSource source{.deployment_json = *source_json,
                                      .services = std::move(services),
                                      .budgets = std::move(budgets),
                                      .request = &world.subject.request,
                                      .target = &target};
  SK_TRY(const auto labels, promotion::planned_labels(source, clone.role));
  if (const std::string stray = promotion::stray_service(source.services, labels); !stray.empty()) {
    return fail(ErrorCode::kConflict,
                fmt::format("Service {} would send users' traffic to the clone", stray));
  }
  SK_TRY(std::string body, promotion::clone_deployment(source, clone));
  const auto made = kube::Objects<Deployment>(env_.api).create(ns, std::move(body));
  if (made || made.error().code == ErrorCode::kAlreadyExists) return {};
  return fail(made.error(), fmt::format("create the {} clone", name(clone.role)));
}

Status Doer::create_gate_job(const World& world, const promotion::CreateGateJob& job) const {
  const auto gate_class = world.subject.gate_classes.find(job.gate.gate_class);
  if (gate_class == world.subject.gate_classes.end())
    return fail(ErrorCode::kConflict, fmt::format("GateClass {} is gone", job.gate.gate_class));
  const promotion::GateJobSpec spec{.ns = env_.gate_namespace,
                                    .request = &world.subject.request,
                                    .gate_class = &gate_class->second,
                                    .action = job,
                                    .nonce = gate_nonce(env_, world.subject.request.meta.uid, job)};
  SK_TRY(std::string body, promotion::gate_job(spec));
  const kube::Objects<Job> jobs(env_.api);
  const std::string& uid = world.subject.request.meta.uid;
  auto made = jobs.create(env_.gate_namespace, std::move(body));
  if (made) {
    SK_TRY(const Job stored, decode<Job>(*made));
    env_.gate_jobs.made(uid, {.name = stored.meta.name,
                              .uid = stored.meta.uid,
                              .gate = job.gate.name,
                              .attempt = job.attempt,
                              .input_digest = job.input_digest});
    return {};
  }
  const std::string what = fmt::format("create the Job of gate {}", job.gate.name);
  if (made.error().code != ErrorCode::kAlreadyExists) return fail(made.error(), what);
  // The name says which attempt it is; only the operator's own Job for the same question is one.
  const std::string name =
      promotion::job_name(world.subject.request.meta.uid, job.gate.name, job.attempt);
  SK_TRY(const auto there, jobs.head({env_.gate_namespace, name}));
  if (!there) return fail(ErrorCode::kConflict, what + ": the one that was there is gone");
  const bool ours = label_of(*there, kRequestUidLabel) == world.subject.request.meta.uid &&
                    annotation_of(*there, kInputDigestAnnotation) == job.input_digest;
  if (ours) return {};
  return fail(
      ErrorCode::kInvalid,
      fmt::format("{}: Job {} is there already and is none of ours; delete it", what, name));
}

Status Doer::delete_owned(const World& world, const promotion::DeleteOwned& owned) const {
  if (owned.kind == promotion::OwnedKind::kJob)
    env_.gate_jobs.removed(world.subject.request.meta.uid, owned.name, owned.uid);
  const Status done =
      owned.kind == promotion::OwnedKind::kJob
          ? kube::Objects<Job>(env_.api).remove({env_.gate_namespace, owned.name}, owned.uid)
          : kube::Objects<Deployment>(env_.api).remove({world.subject.request.meta.ns, owned.name},
                                                       owned.uid);
  if (!done) return fail(done.error(), "delete " + owned.name);
  return {};
}

Status Doer::append(Observation& seen, const promotion::AppendRecord& record) const {
  const PromotionRequest& request = seen.world.subject.request;
  const auto done = env_.ledgers.append(request.meta.ns, record.ledger,
                                        owner_of(seen, record.ledger), record.content);
  // The status of the owner has changed by it: what was read of it is of no more use.
  const auto owner = seen.owners.find(ledger_key(record.ledger));
  if (owner != seen.owners.end()) owner->second.seen.reset();
  if (!done) return tl::unexpected(done.error());
  env_.waker.progressed(request.meta.ns, request.model);
  if (!record.content.aborts.name.empty())
    env_.waker.wake(kRequestKey, request.meta.ns, record.content.aborts.name);
  if (record.ledger.kind == LedgerKind::kTarget)
    env_.waker.wake(kTargetKey, request.meta.ns, record.ledger.name);
  else if (record.content.kind == RecordKind::kConcluded)
    env_.waker.wake(kModelKey, request.meta.ns, record.ledger.name);
  return {};
}

Status Doer::patch_pin(World& world, const promotion::PatchPin& pin) const {
  SK_TRY(const Deployment* deployment, deployment_of(world, pin.target, pin.deployment_uid));
  const kube::ObjectKey key{deployment->meta.ns, deployment->meta.name};
  const auto done = kube::Objects<Deployment>(env_.api).apply(
      key, {.field_manager = kPinManager}, promotion::pin_apply(*deployment, pin));
  if (done) return {};
  if (done.error().code == ErrorCode::kFieldConflict) {
    facts_of(world, pin.target)->trial =
        promotion::PinTrial{.version = pin.version,
                            .resource_version = pin.resource_version,
                            .conflict = obstacle(*deployment, done.error())};
  }
  return fail(done.error(), "pin version " + pin.version.version);
}

Status Doer::raise_fence(const World& world, const promotion::RaiseFence& fence) const {
  SK_TRY(const Deployment* deployment, deployment_of(world, fence.target, fence.deployment_uid));
  const kube::ObjectKey key{deployment->meta.ns, deployment->meta.name};
  const auto done = kube::Objects<Deployment>(env_.api).apply(
      key, {.field_manager = kPinManager}, promotion::fence_apply(*deployment, fence));
  if (!done) return fail(done.error(), "raise the sequence on Deployment " + key.name);
  return {};
}

Status Doer::answer(Observation& seen, const std::vector<promotion::Question>& questions) const {
  World& world = seen.world;
  const PromotionRequest& request = world.subject.request;
  for (const promotion::Question& question : questions) {
    if (const auto* right = std::get_if<promotion::RightsQuestion>(&question)) {
      const Result<bool> answer = may(env_.api, right->who,
                                      {.ns = request.meta.ns,
                                       .model = request.model,
                                       .stage = request.stage,
                                       .verb = right->verb});
      world.rights.answers.emplace_back(*right, answer ? std::optional(*answer) : std::nullopt);
      continue;
    }
    if (const auto* admission = std::get_if<promotion::AdmissionQuestion>(&question)) {
      world.admission = env_.admission.prove(request.meta.ns, admission->pins, seen.read_at);
      continue;
    }
    const auto& pin = std::get<promotion::PinQuestion>(question);
    promotion::RolloutFacts* facts = facts_of(world, pin.target);
    if (facts == nullptr || !facts->state.deployment || !facts->state.target)
      return fail(ErrorCode::kInvalid, "try the pin: nothing was read of target " + pin.target);
    SK_TRY(facts->trial, try_pin(world, pin));
  }
  return {};
}

Result<promotion::PinTrial> Doer::try_pin(const World& world,
                                          const promotion::PinQuestion& question) const {
  const promotion::TargetState& state =
      promotion::find_target(world.targets, question.target)->state;
  const Deployment& deployment = *state.deployment;
  const promotion::PatchPin pin{.target = question.target,
                                .deployment_uid = deployment.meta.uid,
                                .resource_version = deployment.meta.resource_version,
                                .version = question.version,
                                .pins = promotion::render_pins(*state.target, question.version),
                                .sequence = state.ledger.head_sequence() + 1,
                                .record_digest = state.ledger.head_digest(),
                                .at = world.now};
  promotion::PinTrial trial{.version = question.version,
                            .resource_version = deployment.meta.resource_version};
  const auto answer = kube::Objects<Deployment>(env_.api).apply(
      {deployment.meta.ns, deployment.meta.name}, {.field_manager = kPinManager, .dry_run = true},
      promotion::pin_apply(deployment, pin));
  if (answer) return trial;
  const ErrorCode code = answer.error().code;
  const bool said = code == ErrorCode::kFieldConflict || code == ErrorCode::kInvalid ||
                    code == ErrorCode::kDenied;
  if (!said) return fail(answer.error(), "try the pin");
  trial.conflict = obstacle(deployment, answer.error());
  return trial;
}

}  // namespace stagekeeper
