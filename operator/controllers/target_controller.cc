#include "operator/controllers/target_controller.h"

#include "kube/request.h"
#include "operator/controllers/pending_status.h"
#include "operator/wiring/live.h"
#include "operator/wiring/resources.h"
#include "promotion/ledger_view.h"
#include "promotion/manifests.h"
#include "promotion/pins.h"
#include "promotion/status_view.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper {
namespace {

using nlohmann::json;
using promotion::LedgerKind;
using promotion::LedgerView;
using promotion::RecordFact;

constexpr const char* kClaimManager = "stagekeeper";
constexpr std::chrono::seconds kLookAgain{60};

std::string claim_of(const Deployment& deployment) {
  return label_of(deployment.meta, kTargetLabel);
}

bool claim_is_complete(const Deployment& deployment, const ServingTarget& target) {
  const json wanted = json::parse(promotion::claim_apply(deployment, target))["metadata"];
  for (const auto& [key, value] : wanted["annotations"].items()) {
    const auto found = deployment.meta.annotations.find(key);
    if (found == deployment.meta.annotations.end() || value != json(found->second)) return false;
  }
  return claim_of(deployment) == target.meta.name;
}

json condition(const char* type, bool ok, const std::string& reason, const std::string& message,
               std::int64_t generation) {
  return {{"type", type},
          {"status", ok ? "True" : "False"},
          {"reason", reason},
          {"message", message},
          {"observedGeneration", generation}};
}

json record_json(const RecordFact& record) {
  return {{"ledger", "target"},
          {"sequence", std::to_string(record.sequence)},
          {"digest", record.digest},
          {"key", record.key}};
}

/// Nothing served is shown as absent fields: a merge patch removes by null.
json version_json(const promotion::VersionRef& version) {
  const auto text = [](const std::string& value) {
    return value.empty() ? json(nullptr) : json(value);
  };
  return {{"version", text(version.version)},
          {"digest", text(version.digest)},
          {"artifactUri", text(version.artifact_uri)}};
}

struct Finding {
  bool ok = false;
  std::string reason;
  std::string message;
};

/// Whether the Deployment says what the last Applied record says. A rollout under way is no drift.
Finding compare(const ServingTarget& target, const Deployment& deployment,
                const LedgerView& ledger) {
  if (ledger.open_intent() != nullptr)
    return {true, "RollingOut", "a recorded change is under way"};
  const promotion::VersionRef serving = promotion::serving_version(ledger);
  if (!promotion::pins_match(deployment, target, serving)) {
    return {false, "PinDiffers",
            serving.version.empty()
                ? "the Deployment is pinned, but no record says so; create a PromotionRequest with "
                  "action Adopt"
                : fmt::format("the Deployment is not pinned to version {} as recorded; create a "
                              "PromotionRequest with action Rollback and version {} to restore it",
                              serving.version, serving.version)};
  }
  return {true, "AsRecorded", "the Deployment is as recorded"};
}

/// Whether the target serves what was decided, and if not, what is wrong first.
Finding readiness(const Deployment& deployment, const LedgerView& ledger,
                  const TargetController::Obstacle& obstacle, const Finding& same) {
  if (!obstacle.reason.empty()) return {false, "DeploymentNotClaimed", obstacle.message};
  if (!same.ok) return same;
  if (ledger.serving() == nullptr) {
    return {false, "NothingServes", "no version was promoted yet; create a PromotionRequest"};
  }
  if (deployment.available_replicas < deployment.replicas || deployment.replicas == 0) {
    return {false, "ReplicasUnavailable",
            fmt::format("{} of {} replicas are available", deployment.available_replicas,
                        deployment.replicas)};
  }
  return {true, "Serving", "the recorded version serves"};
}

/// What the ledger says of the target.
void add_ledger(const ServingTarget& target, const LedgerView& ledger, json& status) {
  if (const RecordFact* serving = ledger.serving()) {
    status["serving"] = version_json(serving->to);
    status["serving"]["since"] = format_time(serving->time);
    status["serving"]["record"] = record_json(*serving);
    const promotion::VersionRef previous = promotion::previous_version(ledger);
    status["previous"] = previous.version.empty() ? json(nullptr) : version_json(previous);
  }
  if (ledger.records.empty()) return;
  status["ledger"] = json::parse(ledger_status(ledger, target.pending));
  status["ledger"]["targetUid"] = target.meta.uid;
}

}  // namespace

Result<runtime::Next> TargetController::reconcile(const runtime::Key& key) {
  auto target_json = live::get_json(ports_.api, resources::kTargets, {key.ns, key.name});
  if (!target_json) return fail(target_json.error(), "read the ServingTarget");
  if (!*target_json) return release(key);
  Result<ServingTarget> target = decode<ServingTarget>(**target_json);
  if (!target) return tl::unexpected(target.error());
  if (target->meta.deleting) return runtime::Next::await_change();

  auto deployment =
      live::get<Deployment>(ports_.api, resources::kDeployments, {key.ns, target->deployment});
  if (!deployment) return fail(deployment.error(), "read the Deployment");
  Obstacle obstacle;
  if (*deployment) {
    Result<Obstacle> claimed = claim(*target, **deployment);
    if (!claimed) return tl::unexpected(claimed.error());
    obstacle = std::move(*claimed);
  }
  return show(*target, **target_json, *deployment, obstacle);
}

/// Claims the Deployment unless somebody else has. Returns what is in the way, for people.
Result<TargetController::Obstacle> TargetController::claim(const ServingTarget& target,
                                                           const Deployment& deployment) const {
  const std::string holder = claim_of(deployment);
  if (!holder.empty() && holder != target.meta.name) {
    return Obstacle{
        "ClaimedByOther",
        fmt::format("Deployment {} is claimed by ServingTarget {}; one target owns a Deployment",
                    deployment.meta.name, holder)};
  }
  if (claim_is_complete(deployment, target)) return Obstacle{};
  Result<std::string> done = ports_.api.call(
      kube::apply_request(resources::kDeployments, {target.meta.ns, deployment.meta.name},
                          {.field_manager = kClaimManager, .force = false},
                          promotion::claim_apply(deployment, target)));
  if (done) return Obstacle{};
  if (done.error().code == ErrorCode::kDenied) {
    return Obstacle{"OperatorNotAllowed",
                    fmt::format("the operator may not change Deployments in namespace {}; add it "
                                "to the chart's servingNamespaces",
                                target.meta.ns)};
  }
  return fail(done.error(), "claim the Deployment");
}

/// The target is gone: its Deployment goes back to whoever delivers it, with its pins as they are.
Result<runtime::Next> TargetController::release(const runtime::Key& key) const {
  for (const auto& deployment : ports_.stores.deployments.list()) {
    if (deployment->meta.ns != key.ns || claim_of(*deployment) != key.name) continue;
    const json body = {
        {"apiVersion", "apps/v1"},
        {"kind", "Deployment"},
        {"metadata",
         {{"name", deployment->meta.name}, {"namespace", key.ns}, {"uid", deployment->meta.uid}}}};
    const Status done =
        live::unless_gone(ports_.api.call(kube::apply_request(
                              resources::kDeployments, {key.ns, deployment->meta.name},
                              {.field_manager = kClaimManager, .force = false}, body.dump())),
                          "release the Deployment");
    if (!done) return tl::unexpected(done.error());
  }
  return runtime::Next::await_change();
}

Result<runtime::Next> TargetController::show(const ServingTarget& target,
                                             const std::string& json_text,
                                             const std::optional<Deployment>& deployment,
                                             const Obstacle& obstacle) const {
  Result<LedgerView> ledger =
      ports_.ledgers.view(LedgerKind::kTarget, target.meta.ns, target.meta.name);
  if (!ledger) return fail(ledger.error(), "show the ServingTarget");
  const std::int64_t generation = target.meta.generation;
  const promotion::StoreState store = ports_.trust.get();
  json conditions = json::array(
      {condition("AuditStoreTrusted", store.trusted, store.reason, store.message, generation)});
  Finding ready{false, "DeploymentMissing",
                fmt::format("Deployment {} does not exist; create it", target.deployment)};
  if (deployment) {
    const bool claimed = obstacle.reason.empty();
    conditions.push_back(
        condition("DeploymentClaimed", claimed, claimed ? "Claimed" : obstacle.reason,
                  claimed ? "the operator guards the pins of this Deployment" : obstacle.message,
                  generation));
    const Finding same = compare(target, *deployment, *ledger);
    conditions.push_back(condition("Drifted", !same.ok, same.reason, same.message, generation));
    ready = readiness(*deployment, *ledger, obstacle, same);
  }
  conditions.push_back(condition("Ready", ready.ok, ready.reason, ready.message, generation));
  json status = {{"observedGeneration", generation}, {"conditions", conditions}};
  add_ledger(target, *ledger, status);
  Result<std::string> patch =
      promotion::status_patch(target.meta, status.dump(), json_text, ports_.clock.now());
  if (!patch) return tl::unexpected(patch.error());
  if (!patch->empty()) {
    Result<std::string> done = ports_.api.call(kube::merge_patch_request(
        resources::kTargets, {target.meta.ns, target.meta.name}, "status", *patch));
    if (!done) return fail(done.error(), "publish the ServingTarget");
  }
  return runtime::Next::after(kLookAgain).because(ready.reason, patch->empty() ? "" : "status");
}

}  // namespace stagekeeper
