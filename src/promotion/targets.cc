#include "promotion/targets.h"

#include <algorithm>

namespace stagekeeper::promotion {

std::vector<std::string> asked_targets(const Subject& subject) {
  const StageSpec* stage = subject.stage();
  const bool by_itself = stage == nullptr && subject.request.action == RequestAction::kRollback;
  if (by_itself) {
    std::vector<std::string> named = subject.request.targets;
    std::ranges::sort(named);
    return named;
  }
  if (stage == nullptr || stage->targets.empty()) return {};
  std::vector<std::string> out =
      subject.request.targets.empty() ? stage->targets : subject.request.targets;
  std::ranges::sort(out);
  const auto rest = std::ranges::unique(out);
  out.erase(rest.begin(), rest.end());
  return out;
}

VersionRef requested(const Subject& subject) {
  VersionRef out{.version = subject.request.version, .stage = subject.request.stage};
  if (subject.version) {
    out.digest = subject.version->artifact_digest;
    out.artifact_uri = subject.version->artifact_uri;
  }
  return out;
}

bool serves(const StageSpec& stage) {
  return !stage.targets.empty();
}

const RolloutFacts* find_target(const std::vector<RolloutFacts>& targets, std::string_view name) {
  const auto found = std::ranges::find_if(
      targets, [&](const RolloutFacts& facts) { return facts.state.name == name; });
  return found == targets.end() ? nullptr : &*found;
}

std::vector<const History*> ledgers_of(const World& world) {
  std::vector<const History*> out;
  out.reserve(world.targets.size() + world.other_targets.size());
  for (const RolloutFacts& facts : world.targets)
    out.push_back(&facts.state.ledger);
  for (const TargetState& state : world.other_targets)
    out.push_back(&state.ledger);
  return out;
}

}  // namespace stagekeeper::promotion
