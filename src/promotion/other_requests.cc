#include "promotion/ledger_view.h"
#include "promotion/pins.h"
#include "promotion/records.h"
#include "promotion/steps.h"

#include <algorithm>
#include <fmt/format.h>

// Requests without gates and approvals: who may make them was decided by their own verb.
namespace stagekeeper::promotion::steps {
namespace {

Decision intend(const World& world, const VersionRef& to, std::string message) {
  Decision out =
      waiting(world, Phase::kRecording, "RecordingDecision", std::move(message), "audit record");
  out.to = to;
  if (!world.target->pin_conflict.empty()) return field_conflict(world, std::move(out));
  hold_finalizer(world, out.actions);
  out.actions.emplace_back(intent_record(world, to, "", record_body(world, {}, {})));
  return out;
}

/// Only what serves can be rolled back or taken over.
std::optional<Decision> not_serving(const World& world) {
  const StageSpec* stage = world.policy->stage(world.request.stage);
  if (stage != nullptr && !stage->targets.empty()) return std::nullopt;
  return blocked(
      world, "NotServing",
      fmt::format("stage {} of PromotionPolicy {} serves nobody: action {} needs a stage "
                  "with targets",
                  world.request.stage, world.request.model, name(world.request.action)));
}

const VersionRef* last_applied(const LedgerView& ledger, std::string_view version) {
  const VersionRef* found = nullptr;
  for (const RecordFact& record : ledger.records) {
    if (record.kind == "Applied" && record.to.version == version) found = &record.to;
  }
  return found;
}

}  // namespace

Decision roll_back(const World& world) {
  if (auto wait = preconditions(world)) return *wait;
  if (auto end = not_serving(world)) return *end;
  if (auto wait = target_obstacle(world)) return *wait;
  const TargetState& target = *world.target;
  const VersionRef serving = serving_version(target.ledger);
  // After a failed change that nobody took back, the way back is what serves by record.
  const bool owed = owed_way_back(target.ledger) != nullptr;
  VersionRef to = owed ? serving : previous_version(target.ledger);
  if (!world.request.version.empty()) {
    const VersionRef* asked = last_applied(target.ledger, world.request.version);
    if (asked == nullptr) {
      return blocked(
          world, "NeverServed",
          fmt::format("version {} never served on {}; a rollback returns to a version that did. "
                      "Create a PromotionRequest with action Promote instead",
                      world.request.version, target.target.meta.name));
    }
    to = *asked;
  }
  if (to.version.empty()) {
    return blocked(
        world, "NothingToRollBackTo",
        fmt::format("{} has served no version before the present one", target.target.meta.name));
  }
  // What serves by record and is not what is pinned needs a rollback all the same.
  if (to.version == serving.version && pins_match(*target.deployment, target.target, to)) {
    return nothing_to_do(world, fmt::format("version {} serves already", to.version));
  }
  return intend(world, to, fmt::format("rolling back from {} to {}", serving.version, to.version));
}

Decision adopt(const World& world) {
  if (auto wait = preconditions(world)) return *wait;
  if (auto wait = version_missing(world)) return *wait;
  if (auto end = not_serving(world)) return *end;
  if (auto wait = target_obstacle(world)) return *wait;
  const TargetState& target = *world.target;
  const std::string serving = serving_version(target.ledger).version;
  if (serving == world.request.version) {
    return nothing_to_do(world, "this version is recorded as serving already");
  }
  if (!serving.empty()) {
    return blocked(
        world, "AlreadyManaged",
        fmt::format("{} serves version {} by record; adoption is for a target without records. "
                    "Create a PromotionRequest with action Promote",
                    target.target.meta.name, serving));
  }
  // Adoption skips gates and approvals, so it must never bring in anything: same values only.
  if (!pins_match(*target.deployment, target.target, requested(world))) {
    return blocked(
        world, "NotRunning",
        fmt::format("Deployment {} does not carry the pins of version {}; adoption takes over "
                    "what runs already. Create a PromotionRequest with action Promote",
                    target.target.deployment, world.request.version));
  }
  return intend(world, requested(world),
                fmt::format("adopting version {} which runs already; it was not gated",
                            world.request.version));
}

Decision archive(const World& world) {
  if (auto wait = preconditions(world)) return *wait;
  if (auto wait = version_missing(world)) return *wait;
  if (current_stage(world) == kStageArchived) {
    return nothing_to_do(world, "the version is archived already");
  }
  const bool serves = std::ranges::any_of(all_targets(world), [&](const LedgerView* ledger) {
    return serving_version(*ledger).version == world.request.version;
  });
  if (serves) {
    return blocked(world, "StillServing",
                   "the version serves users; promote or roll back to another first");
  }
  AppendRecord record = model_record(world, "Archived", "", {});
  record.to.stage = kStageArchived;
  return end_by(world, std::move(record), "recording the archiving");
}

}  // namespace stagekeeper::promotion::steps
