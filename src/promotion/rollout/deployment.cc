#include "promotion/rollout/deployment.h"

#include "promotion/pins.h"

#include <algorithm>

namespace stagekeeper::promotion::rollout {
namespace {

const ContainerSpec* find_container(const Deployment& deployment, const std::string& name) {
  const auto found = std::ranges::find(deployment.containers, name, &ContainerSpec::name);
  return found == deployment.containers.end() ? nullptr : &*found;
}

std::vector<const EnvVar*> entries(const Deployment& deployment, const RenderedPin& pin) {
  return entries_of(deployment, pin.container, pin.name);
}

bool same_place(const RenderedPin& a, const RenderedPin& b) {
  return a.container == b.container && a.name == b.name;
}

bool observed(const Deployment& deployment) {
  return deployment.observed_generation >= deployment.meta.generation;
}

}  // namespace

PinState pin_state(const Deployment& deployment, const RecordFact& intent) {
  const std::uint64_t sequence = pinned_sequence(deployment);
  if (sequence < intent.sequence) return PinState::kBefore;
  if (sequence > intent.sequence) return PinState::kOvertaken;
  const bool ours = annotation_of(deployment.meta, kRecordAnnotation) == intent.digest;
  return ours ? PinState::kPinned : PinState::kFenced;
}

bool holds(const Deployment& deployment, const std::vector<RenderedPin>& wanted,
           const std::vector<RenderedPin>& others) {
  const bool all = std::ranges::all_of(
      wanted, [&](const RenderedPin& pin) { return holds_pin(deployment, pin); });
  return all && std::ranges::all_of(others, [&](const RenderedPin& other) {
           const bool is_wanted = std::ranges::any_of(
               wanted, [&](const RenderedPin& pin) { return same_place(pin, other); });
           return is_wanted || entries(deployment, other).empty();
         });
}

std::string lacks_container(const Deployment& deployment, const std::vector<RenderedPin>& pins) {
  for (const RenderedPin& pin : pins) {
    if (find_container(deployment, pin.container) == nullptr) return pin.container;
  }
  return "";
}

std::vector<RenderedPin> present(const Deployment& deployment,
                                 const std::vector<RenderedPin>& pins) {
  std::vector<RenderedPin> out;
  for (const RenderedPin& pin : pins) {
    const auto found = entries(deployment, pin);
    if (found.empty() || found.back()->from_source) continue;
    out.push_back({.container = pin.container, .name = pin.name, .value = found.back()->value});
  }
  return out;
}

bool rolled_out(const Deployment& deployment) {
  return observed(deployment) && deployment.updated_replicas >= deployment.replicas &&
         deployment.status_replicas == deployment.updated_replicas &&
         deployment.available_replicas >= deployment.replicas;
}

std::chrono::seconds patience(const Deployment& deployment) {
  return deployment.progress_deadline + deployment.progress_deadline / 2;
}

TimePoint pinned_at(const Deployment& deployment, TimePoint fallback) {
  return parse_time(annotation_of(deployment.meta, kPinnedAtAnnotation)).value_or(fallback);
}

bool gave_up(const Deployment& deployment, TimePoint pinned, TimePoint now) {
  if (!observed(deployment) || !deployment.progress_deadline_exceeded) return false;
  return deployment.progress_updated >= pinned + deployment.progress_deadline / 2 ||
         now >= pinned + patience(deployment);
}

std::vector<RenderedPin> pins_of(const DecidedFacts::Target& target, const TargetState& state,
                                 const VersionRef& version) {
  // What an adoption found is not nothing.
  if (version.version.empty() && target.from.version.empty()) return target.from_pins;
  if (version.version.empty()) return {};
  if (same_version(version, target.to)) return target.pins;
  if (same_version(version, target.from)) return target.from_pins;
  return state.target ? render_pins(*state.target, version) : std::vector<RenderedPin>();
}

bool adds_pins(const DecidedFacts::Target& target) {
  return target.from_pins.size() < target.pins.size();
}

RaiseFence fence(const std::string& target, const Deployment& deployment, const RecordFact& intent,
                 const std::vector<RenderedPin>& held) {
  return {.target = target,
          .deployment_uid = deployment.meta.uid,
          .resource_version = deployment.meta.resource_version,
          .pins = pinned_sequence(deployment) == 0 ? std::vector<RenderedPin>()
                                                   : present(deployment, held),
          .sequence = intent.sequence,
          .record_digest = intent.decided};
}

}  // namespace stagekeeper::promotion::rollout
