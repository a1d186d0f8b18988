#include "base/text.h"
#include "promotion/intake/intake.h"
#include "promotion/queries.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::intake {
namespace {

/// Whether one request may move a version from `now` into the stage.
bool enters(const StageSpec& stage, const std::string& now) {
  const bool outside = now == kStageNone || now == kStageArchived;
  return std::ranges::find(stage.from, now) != stage.from.end() && !(serves(stage) && outside);
}

/// Whether any number of requests may; each can also archive the version.
bool reaches(const PromotionPolicy& policy, const std::string& now, const StageSpec& stage) {
  std::vector<std::string> seen = {now};
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (enters(stage, seen[i])) return true;
    const auto see = [&](const std::string& next) {
      if (std::ranges::find(seen, next) == seen.end()) seen.push_back(next);
    };
    if (seen[i] != kStageNone) see(kStageArchived);
    for (const StageSpec& next : policy.stages) {
      if (enters(next, seen[i])) see(next.name);
    }
  }
  return false;
}

/// Since when the version has served where it was asked for, or nothing.
///
/// Of a request for all targets those count that had records when it was created, and before there
/// were any, whichever is first: a target that joins the stage later must not bring a request back
/// that has ended. Whoever wants the version there names the target.
std::optional<TimePoint> served_where_asked(const Case& facts, const VersionRef& version) {
  const PromotionRequest& request = facts.subject.request;
  std::optional<TimePoint> last;
  std::optional<TimePoint> first;
  bool everywhere = true;
  bool any_counts = false;
  for (const std::string& name : asked_targets(facts.subject)) {
    const RolloutFacts* target = find_target(facts.targets, name);
    if (target == nullptr) return std::nullopt;
    const History& ledger = target->state.ledger;
    const RecordFact* oldest = ledger.at(1);
    const bool older = oldest != nullptr && oldest->time <= request.meta.created;
    const bool counts = older || !request.targets.empty();
    const auto served = first_served(ledger, version, request.meta.created);
    any_counts = any_counts || counts;
    if (counts) everywhere = everywhere && served.has_value();
    if (counts && served) last = last ? std::max(*last, *served) : *served;
    if (served) first = first ? std::min(*first, *served) : *served;
  }
  if (!any_counts) return first;
  return everywhere ? last : std::nullopt;
}

/// When the version first was where it was asked to be, since the request was created.
std::optional<TimePoint> arrived(const Case& facts, const StageSpec& stage,
                                 const std::vector<StageEntry>& past, const VersionRef& version) {
  if (serves(stage)) return served_where_asked(facts, version);
  const auto found = std::ranges::find(past, stage.name, &StageEntry::stage);
  return found == past.end() ? std::nullopt : std::optional(found->since);
}

HistoryEnd no_change(const Case& facts, const StageSpec& stage) {
  return {EndCode::kNoChange,
          fmt::format("version {} was in {} already when this was asked, or got there without it{}",
                      facts.subject.request.version, stage.name,
                      serves(stage) ? "; to roll it out on further targets name them in "
                                      "spec.targets of a new request"
                                    : "")};
}

HistoryEnd forbidden(const Case& facts, const StageSpec& stage, const std::string& now) {
  const std::string advice = now == kStageArchived
                                 ? "An archived version comes back by action Rollback only"
                                 : "It takes a new version";
  return {EndCode::kStageOrder,
          fmt::format("version {} was in {}, from where no way leads to {}. {}",
                      facts.subject.request.version, now, stage.name, advice)};
}

Wait not_reached(const Case& facts, const StageSpec& stage, const std::string& now) {
  const PromotionRequest& request = facts.subject.request;
  const auto before = std::ranges::find_if(stage.from, [](const std::string& each) {
    return each != kStageNone && each != kStageArchived;
  });
  const std::string next = before == stage.from.end() ? stage.from.front() : *before;
  return {.code = WaitCode::kWaitingForStage,
          .about = fmt::format("version {} in {}", request.version, next),
          .what = fmt::format("version {} is in {}, and {} is entered from {} only",
                              request.version, now, stage.name, join(stage.from, ", ")),
          .who_can = "a requester",
          .command = fmt::format("create a PromotionRequest for stage {}", next)};
}

}  // namespace

StageOrder stage_order(const Case& facts, const StageSpec& stage) {
  const VersionRef version = requested(facts.subject);
  const std::string first = facts.model_ledger.digest_of_number(version.version);
  if (!version.digest.empty() && !first.empty() && first != version.digest) {
    return HistoryEnd{EndCode::kVersionReused,
                      fmt::format("number {} belongs to {} in the records, not to {}. Register "
                                  "these bytes under a number of their own",
                                  version.version, first, version.digest)};
  }
  const auto past = stages_since(facts.model_ledger, version, facts.subject.request.meta.created);
  const auto archived = std::ranges::find_if(past, [&](const StageEntry& entry) {
    return entry.stage == kStageArchived && !reaches(*facts.subject.policy, entry.stage, stage);
  });
  const auto there = arrived(facts, stage, past, version);
  if (there && (archived == past.end() || *there <= archived->since))
    return no_change(facts, stage);
  if (archived != past.end()) return forbidden(facts, stage, archived->stage);
  const std::string& now = past.back().stage;
  // In the stage, and on some of the asked targets not yet: only serving stages come here.
  if (now == stage.name || enters(stage, now)) return std::monostate();
  if (!reaches(*facts.subject.policy, now, stage)) return forbidden(facts, stage, now);
  return not_reached(facts, stage, now);
}

}  // namespace stagekeeper::promotion::intake
