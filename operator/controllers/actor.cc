#include "operator/controllers/actor.h"

#include "kube/request.h"
#include "operator/controllers/gate_states.h"
#include "operator/wiring/live.h"
#include "operator/wiring/resources.h"
#include "promotion/manifests.h"
#include "promotion/pins.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

namespace stagekeeper {
namespace {

using nlohmann::json;
using promotion::World;

constexpr std::size_t kNonceBytes = 16;
constexpr const char* kPinManager = "stagekeeper-pin";

/// A create that finds its object there has succeeded: names are deterministic, and whose object it
/// is was checked, or will be seen by the next observation.
Status created(Result<std::string> answer, const std::string& what) {
  if (answer || answer.error().code == ErrorCode::kAlreadyExists) return {};
  return fail(answer.error(), what);
}

}  // namespace

Status Actor::run(const World& world, const promotion::Action& action) const {
  struct Run {
    const Actor& actor;
    const World& world;

    Status operator()(const promotion::SetFinalizer& a) const {
      return actor.set_finalizer(world, a.present);
    }

    Status operator()(const promotion::EnsureClone& a) const {
      return actor.ensure_clone(world, a);
    }

    Status operator()(const promotion::DeleteClones&) const { return actor.delete_clones(world); }

    Status operator()(const promotion::CreateGateJob& a) const {
      return actor.create_gate_job(world, a);
    }

    Status operator()(const promotion::DeleteJobs&) const { return actor.delete_jobs(world); }

    Status operator()(const promotion::AppendRecord& a) const {
      return actor.ports_.ledgers.append(world, a);
    }

    Status operator()(const promotion::PatchPin& a) const { return actor.patch_pin(world, a); }
  };

  return std::visit(Run{*this, world}, action);
}

Status Actor::set_finalizer(const World& world, bool present) const {
  const ObjectMeta& meta = world.request.meta;
  std::vector<std::string> finalizers = meta.finalizers;
  const bool held = std::ranges::find(finalizers, kFinalizer) != finalizers.end();
  if (held == present) return {};
  if (present) {
    finalizers.emplace_back(kFinalizer);
  } else {
    // Nobody looks for it any more after this. Caches may not have heard of what was just made.
    if (Status s = delete_jobs(world); !s) return s;
    if (Status s = delete_clones(world); !s) return s;
    std::erase(finalizers, kFinalizer);
  }
  // Under uid but not resourceVersion: our own status write of this round has just changed it. The
  // list is ours to replace only as long as nobody else adds one in the same instant, so test it.
  const json patch = {{"metadata", {{"uid", meta.uid}, {"finalizers", finalizers}}}};
  Result<std::string> done = ports_.api.call(
      kube::merge_patch_request(resources::kRequests, {meta.ns, meta.name}, "", patch.dump()));
  if (done) return {};
  if (!present && done.error().code == ErrorCode::kNotFound) return {};
  return fail(done.error(), present ? "add the finalizer" : "remove the finalizer");
}

Status Actor::ensure_clone(const World& world, const promotion::EnsureClone& clone) const {
  const ServingTarget& target = world.evaluated_on->target;
  const std::string& ns = world.request.meta.ns;
  auto deployment = live::get_json(ports_.api, resources::kDeployments, {ns, target.deployment});
  if (!deployment) return fail(deployment.error(), "read the Deployment to clone");
  if (!*deployment) return fail(ErrorCode::kNotFound, "the Deployment to clone is gone");
  // Labels that any Service selects by must be known before the clone's pods exist.
  auto services =
      live::list<Service>(ports_.api, {.type = resources::kServices, .ns = ns, .selection = {}});
  if (!services) return fail(services.error(), "read the Services that could reach a clone");
  auto budgets = live::list<DisruptionBudget>(
      ports_.api, {.type = resources::kBudgets, .ns = ns, .selection = {}});
  if (!budgets) return fail(budgets.error(), "read the budgets that could count a clone");
  const promotion::CloneSource source{.deployment_json = **deployment,
                                      .services = std::move(*services),
                                      .budgets = std::move(*budgets),
                                      .request = &world.request,
                                      .target = &target};
  Result<std::string> body = promotion::clone_deployment(source, clone);
  if (!body) return tl::unexpected(body.error());
  const std::string what = fmt::format("create the {} clone", clone.role);
  if (Status s =
          created(ports_.api.call(kube::create_request(resources::kDeployments, ns, *body)), what);
      !s) {
    return s;
  }
  return created(ports_.api.call(kube::create_request(resources::kServices, ns,
                                                      promotion::clone_service(source, clone))),
                 what + "'s Service");
}

Status Actor::delete_clones(const World& world) const {
  const std::string& ns = world.request.meta.ns;
  if (Status s = delete_made(world, resources::kServices, ns); !s) return s;
  return delete_made(world, resources::kDeployments, ns);
}

Status Actor::create_gate_job(const World& world, const promotion::CreateGateJob& job) const {
  const auto gate_class = world.gate_classes.find(job.gate.gate_class);
  if (gate_class == world.gate_classes.end()) {
    return fail(ErrorCode::kNotFound, "GateClass " + job.gate.gate_class);
  }
  promotion::GateJobSpec spec;
  spec.ns = ports_.gate_namespace;
  spec.request = &world.request;
  spec.gate_class = &gate_class->second;
  spec.action = job;
  spec.nonce = random_hex(kNonceBytes);
  Result<std::string> input = build_gate_input(world, job, spec.nonce);
  if (!input) return fail(input.error(), "describe gate " + job.gate.name);
  spec.input = std::move(*input);
  return created(ports_.api.call(kube::create_request(resources::kJobs, ports_.gate_namespace,
                                                      promotion::gate_job(spec))),
                 "create the Job of gate " + job.gate.name);
}

Status Actor::delete_jobs(const World& world) const {
  return delete_made(world, resources::kJobs, ports_.gate_namespace);
}

Status Actor::delete_made(const World& world, const kube::ResourceType& type,
                          const std::string& ns) const {
  const kube::ListQuery made{.type = type,
                             .ns = ns,
                             .selection = {.label_selector = fmt::format("{}={}", kRequestUidLabel,
                                                                         world.request.meta.uid),
                                           .field_selector = ""}};
  auto objects = live::list<AnyObject>(ports_.api, made);
  if (!objects) return fail(objects.error(), fmt::format("list what to delete of {}", type.kind));
  for (const AnyObject& object : *objects) {
    const kube::DeleteOptions options{.uid = object.meta.uid, .resource_version = ""};
    Status done = live::unless_gone(
        ports_.api.call(kube::delete_request(type, {ns, object.meta.name}, options)),
        fmt::format("delete {} {}", type.kind, object.meta.name));
    if (!done) return done;
  }
  return {};
}

Result<std::string> Actor::trial_pin(const World& world,
                                     const promotion::VersionRef& version) const {
  const promotion::TargetState& target = *world.target;
  const promotion::PatchPin pin{.deployment_uid = target.deployment->meta.uid,
                                .version = version,
                                .sequence = target.ledger.head_sequence() + 1,
                                .record_digest = target.ledger.head_digest()};
  kube::Request request = kube::apply_request(
      resources::kDeployments, {target.target.meta.ns, target.deployment->meta.name},
      {.field_manager = kPinManager, .force = false},
      promotion::pin_apply(*target.deployment, target.target, pin));
  request.target += "&dryRun=All";
  Result<std::string> answer = ports_.api.call(request);
  if (answer) return std::string();
  const Error& error = answer.error();
  if (error.code == ErrorCode::kConflict || error.code == ErrorCode::kInvalid ||
      error.code == ErrorCode::kDenied) {
    return fmt::format(
        "the pins of Deployment {} cannot be written: {}. Remove the field from the other "
        "manager's manifest",
        target.deployment->meta.name, error.message);
  }
  return fail(error, "try the pin");
}

Status Actor::patch_pin(const World& world, const promotion::PatchPin& pin) const {
  const promotion::TargetState& target = *world.target;
  const kube::ObjectKey key{target.target.meta.ns, target.target.deployment};
  // Live, after the record is locked: only this read may be the base of the write.
  auto live_deployment = live::get<Deployment>(ports_.api, resources::kDeployments, key);
  if (!live_deployment) return fail(live_deployment.error(), "read the Deployment to pin");
  if (!*live_deployment || (*live_deployment)->meta.uid != pin.deployment_uid) {
    return fail(ErrorCode::kConflict, "the Deployment to pin was replaced");
  }
  const Deployment& deployment = **live_deployment;
  const std::uint64_t sequence = promotion::pinned_sequence(deployment);
  if (sequence > pin.sequence) {
    return fail(ErrorCode::kConflict,
                fmt::format("the Deployment bears the later sequence {}", sequence));
  }
  Result<std::string> done = ports_.api.call(kube::apply_request(
      resources::kDeployments, key, {.field_manager = kPinManager, .force = false},
      promotion::pin_apply(deployment, target.target, pin)));
  if (!done) return fail(done.error(), "pin version " + pin.version.version);
  return {};
}

}  // namespace stagekeeper
