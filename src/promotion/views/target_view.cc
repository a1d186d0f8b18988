#include "promotion/pins.h"
#include "promotion/queries.h"
#include "promotion/views/json.h"
#include "promotion/views/object_views.h"
#include "promotion/views/status_patch.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxUri = 1024;
constexpr std::size_t kMaxObserved = 16;
constexpr const char* kNothingRecorded =
    "no record says what should serve; status.observed says what does";
/// Of the CRD. Fewer labels than the Deployment has guard more pods, not less.
constexpr std::size_t kMaxSelector = 64;

/// Nothing served is shown as absent fields: a merge patch removes by null.
json served(const VersionRef& version) {
  json out = {{"version", nullptr}, {"digest", nullptr}, {"artifactUri", nullptr}};
  view::put(out, "version", version.version);
  view::put(out, "digest", version.digest);
  view::put(out, "artifactUri", version.artifact_uri, kMaxUri);
  return out;
}

/// Whether users reach something that was not decided; that nothing is ready passes by itself.
bool is_drift(const serving::Verdict& verdict) {
  return verdict.fault != serving::Fault::kNone && verdict.fault != serving::Fault::kNothingServes;
}

Finding of_users(const serving::Verdict& verdict) {
  if (verdict.fault == serving::Fault::kNone && verdict.changing)
    return {true, "RollingOut", "a recorded change is under way, and users reach nothing else"};
  return {verdict.fault == serving::Fault::kNone, std::string(name(verdict.fault)),
          verdict.message};
}

/// "67%" of those that are counted.
std::string share(int pods, int of_all) {
  return fmt::format("{}%", (100 * pods + of_all / 2) / of_all);
}

json observed_json(const serving::Verdict& verdict) {
  json out = json::array();
  int all = 0;
  for (const serving::Observed& one : verdict.observed)
    all += one.pods;
  for (const serving::Observed& one : verdict.observed) {
    if (out.size() == kMaxObserved) break;
    json entry = {{"version", one.version.empty() ? "unknown" : one.version},
                  {"pods", one.pods},
                  {"share", share(one.pods, all)}};
    view::put(entry, "object", one.object);
    out.push_back(std::move(entry));
  }
  return out;
}

/// Whether the target waits for being taken over: there is no record to differ from.
bool only_observes(const TargetFacts& facts) {
  return facts.target.observes && nothing_recorded(facts.ledger);
}

/// Whether the target serves what was decided, and if not, what is wrong first.
Finding readiness(const TargetFacts& facts, const Finding& same) {
  if (!facts.deployment) {
    return {false, "DeploymentMissing",
            fmt::format("Deployment {} does not exist; create it", facts.target.workload.name)};
  }
  if (!facts.ledger_fault.empty()) return {false, "AuditBroken", facts.ledger_fault};
  if (only_observes(facts)) return {true, "Observing", facts.claim.message};
  const bool claimed = facts.claim.ok || facts.target.observes;
  if (!claimed) return {false, "DeploymentNotClaimed", facts.claim.message};
  if (!same.ok) return same;
  if (facts.serving && is_drift(*facts.serving)) return of_users(*facts.serving);
  if (facts.ledger.serving() == nullptr)
    return {false, "NothingServes", "no version was promoted yet; create a PromotionRequest"};
  const Deployment& deployment = *facts.deployment;
  if (deployment.available_replicas < deployment.replicas || deployment.replicas == 0) {
    return {false, "ReplicasUnavailable",
            fmt::format("{} of {} replicas are available", deployment.available_replicas,
                        deployment.replicas)};
  }
  if (facts.serving && facts.serving->fault != serving::Fault::kNone)
    return of_users(*facts.serving);
  return {true, "Serving", "the recorded version serves"};
}

/// What does not pass by itself: somebody has to act.
std::optional<Finding> stalled(const TargetFacts& facts, const Finding& same) {
  if (!facts.ledger_fault.empty()) return Finding{false, "AuditBroken", facts.ledger_fault};
  if (!facts.deployment) return std::nullopt;
  if (!facts.claim.ok && !facts.target.observes) return facts.claim;
  if (!same.ok) return same;
  if (facts.serving && is_drift(*facts.serving)) return of_users(*facts.serving);
  return std::nullopt;
}

void add(Conditions& conditions, const char* type, const Finding& finding) {
  conditions.add(type, finding.ok, finding.reason, finding.message);
}

/// The labels that admission keeps others from wearing; null, which removes the field, while the
/// Deployment is not claimed. A list, because a merge patch would keep keys of a map.
json selector_of(const TargetFacts& facts) {
  if (!facts.deployment || !facts.claim.ok) return nullptr;
  json out = json::array();
  for (const auto& [key, value] : facts.deployment->selector) {
    if (out.size() == kMaxSelector) break;
    out.push_back({{"key", key}, {"value", value}});
  }
  return out.empty() ? json(nullptr) : out;
}

json ledger_fields(const TargetFacts& facts) {
  json out = json::object();
  if (const RecordFact* serving = facts.ledger.serving()) {
    out["serving"] = served(serving->to);
    out["serving"]["since"] = format_time(serving->time);
    out["serving"]["record"] = view::record(*serving);
    view::put(out["serving"]["record"], "key", serving->key, kMaxUri);
    const VersionRef previous = previous_version(facts.ledger);
    out["previous"] = previous.version.empty() ? json(nullptr) : served(previous);
  }
  if (!facts.ledger_json.empty()) out["ledger"] = json::parse(facts.ledger_json);
  return out;
}

}  // namespace

Finding as_recorded(const TargetFacts& facts) {
  if (facts.ledger.open_intent() != nullptr)
    return {true, "RollingOut", "a recorded change is under way"};
  if (only_observes(facts)) return {true, "NothingRecorded", kNothingRecorded};
  if (const std::string container = missing_container(*facts.deployment, facts.target);
      !container.empty()) {
    return {false, "ContainerMissing",
            lacks_text(*facts.deployment, container) + "; correct spec.pin.env, or the Deployment"};
  }
  const VersionRef serving = serving_version(facts.ledger);
  if (holds_pins(*facts.deployment, facts.target, serving))
    return {true, "AsRecorded", "the Deployment is as recorded"};
  if (serving.version.empty()) {
    return {
        false, "PinDiffers",
        "the Deployment is pinned, but no record says so; create a PromotionRequest with action "
        "Adopt"};
  }
  return {false, "PinDiffers",
          fmt::format("the Deployment is not pinned to version {} as recorded; create a "
                      "PromotionRequest with action Rollback and version {} to restore it",
                      serving.version, serving.version)};
}

Result<std::string> target_status_patch(const TargetFacts& facts, std::string_view current_json,
                                        TimePoint now) {
  Conditions conditions(facts.target.meta.generation);
  add(conditions, "AuditStoreTrusted",
      {facts.store.trusted, facts.store.reason, facts.store.message});
  Finding same{true, "AsRecorded", ""};
  if (facts.deployment) {
    add(conditions, "DeploymentClaimed", facts.claim);
    if (facts.ledger_fault.empty()) {
      same = as_recorded(facts);
      conditions.add("Drifted", !same.ok, same.reason, same.message);
    }
  }
  if (only_observes(facts)) {
    conditions.add("Serving", Truth::kUnknown, "NothingRecorded", kNothingRecorded);
  } else if (facts.serving) {
    add(conditions, "Serving", of_users(*facts.serving));
  } else {
    conditions.add("Serving", Truth::kUnknown, "AuditBroken",
                   "without its ledger nobody knows what should serve");
  }
  add(conditions, "Ready", readiness(facts, same));
  if (const auto finding = stalled(facts, same))
    conditions.add("Stalled", Truth::kTrue, finding->reason, finding->message);
  json fields = ledger_fields(facts);
  fields["selector"] = selector_of(facts);
  fields["observedGeneration"] = facts.target.meta.generation;
  // Every pod of a rollout that comes or goes would be a write.
  if (facts.serving && !facts.serving->changing) fields["observed"] = observed_json(*facts.serving);
  return status_patch(facts.target.meta, view::text_of(fields), conditions, current_json, now);
}

}  // namespace stagekeeper::promotion
