#include "promotion/ledger_view.h"
#include "promotion/records.h"
#include "promotion/steps.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::steps {
namespace {

Decision shown(const World& world, Phase phase, std::string reason, std::string message) {
  Decision out = waiting(world, phase, std::move(reason), std::move(message));
  out.gates = world.results ? world.results->gates : world.gates;
  out.actions = clean_up(world);
  return out;
}

std::string version_text(const VersionRef& version) {
  return version.version.empty() ? "no version" : "version " + version.version;
}

/// A change that failed goes back by itself: the Intent of the way back follows the Aborted record.
Decision go_back(const World& world, const RecordFact& aborted) {
  Decision out =
      waiting(world, Phase::kRollingOut, "RollingBack",
              fmt::format("{}; going back to {}", aborted.reason, version_text(aborted.from)),
              "audit record");
  out.from = aborted.to;
  out.to = aborted.from;
  hold_finalizer(world, out.actions);
  AppendRecord record =
      intent_record(world, aborted.from, aborted.decision_digest, record_body(world, {}, {}));
  record.action = name(RequestAction::kRollback);
  record.from = aborted.to;
  record.reason = aborted.reason;
  out.actions.emplace_back(std::move(record));
  return out;
}

/// R1, T7: what the target no longer serves is archived, unless another target still serves it.
std::optional<AppendRecord> archive_replaced(const World& world, const RecordFact& applied) {
  const VersionRef& old = applied.from;
  if (old.version.empty() || old.version == applied.to.version) return std::nullopt;
  const std::vector<const LedgerView*> targets = all_targets(world);
  // By whomever: a version that was archived since and staged again later is no longer ours to
  // move.
  const bool archived =
      std::ranges::any_of(world.model_ledger.records, [&](const RecordFact& record) {
        return record.kind == "Archived" && record.to.version == old.version &&
               record.time >= applied.time;
      });
  const bool serving = std::ranges::any_of(targets, [&](const LedgerView* ledger) {
    return serving_version(*ledger).version == old.version;
  });
  if (archived || serving || stage_of(old.version, world.model_ledger, targets) == kStageArchived)
    return std::nullopt;
  VersionRef to = old;
  to.stage = kStageArchived;
  return AppendRecord{.ledger = LedgerKind::kModel,
                      .kind = "Archived",
                      .decision_digest = applied.decision_digest,
                      .action = applied.action,
                      .from = old,
                      .to = to,
                      .of = 0,
                      .reason = fmt::format("replaced by version {}", applied.to.version),
                      .body = record_body(world, {}, {})};
}

Decision promoted(const World& world, const RecordFact& applied) {
  Decision out = shown(world, Phase::kPromoted, "Applied",
                       fmt::format("version {} serves since {} by record {}", applied.to.version,
                                   format_time(applied.time), applied.sequence));
  out.from = applied.from;
  out.to = applied.to;
  if (auto record = archive_replaced(world, applied)) {
    out.reason = "ArchivingPrevious";
    out.actions.insert(out.actions.begin(), std::move(*record));
  }
  return out;
}

Decision rolled_back(const World& world, const RecordFact& failed, const RecordFact& applied) {
  Decision out = shown(
      world, Phase::kRolledBack, code_of(failed.reason),
      fmt::format("{}. Version {} was taken back; {} is pinned again by record {}. Find out "
                  "why, then create a new PromotionRequest",
                  failed.reason, failed.to.version, version_text(applied.to), applied.sequence));
  out.from = failed.to;
  out.to = applied.to;
  return out;
}

/// The request has records of a target that the policy's stage no longer names, and is not done.
Decision elsewhere(const World& world, const RecordFact& intent) {
  return waiting(world, Phase::kRollingOut, "TargetMissing",
                 fmt::format("Intent {} of this request is open on a ServingTarget that the policy "
                             "does not name (any more); name it again so that it can be finished",
                             intent.sequence),
                 "ServingTarget");
}

std::optional<Decision> ended_on(const World& world, const LedgerView& ledger) {
  const std::vector<Attempt> attempts = attempts_of(ledger, world.request.meta.uid);
  if (attempts.empty()) return std::nullopt;
  const bool here = world.target && &world.target->ledger == &ledger;
  const Attempt& first = attempts.front();
  const Attempt& last = attempts.back();
  if (last.end == nullptr) return elsewhere(world, *last.intent);  // here: see roll_out
  if (first.end->kind == "Applied") return promoted(world, *first.end);
  if (attempts.size() == 1) {
    if (owed_way_back(ledger) == first.end) {
      return here ? go_back(world, *first.end) : elsewhere(world, *first.intent);
    }
    return shown(
        world, Phase::kAborted, code_of(first.end->reason),
        fmt::format("{}. Create a new PromotionRequest when the cause is gone", first.end->reason));
  }
  if (last.end->kind == "Applied") return rolled_back(world, *first.end, *last.end);
  return shown(world, Phase::kErrored, "RollbackFailed",
               fmt::format("{}, and the way back failed as well: {}. Create a request with action "
                           "Rollback once the Deployment is healthy",
                           first.end->reason, last.end->reason));
}

/// R4, in the article's words as far as they are true: what was passed, and who asks people next.
std::string staged_text(const World& world) {
  const StageSpec* stage = world.policy ? world.policy->stage(world.request.stage) : nullptr;
  std::string out;
  if (stage != nullptr && world.results && !stage->gates.empty())
    out = passed_text(*stage, world.results->gates) + " ";
  if (world.past_review) out += "Approved by people. ";
  if (world.policy) {
    for (const StageSpec& next : world.policy->stages) {
      const bool follows = std::ranges::find(next.from, world.request.stage) != next.from.end();
      if (follows && next.review)
        return out + fmt::format("Awaiting human review for {} promotion.", next.name);
    }
  }
  return out + fmt::format("The version is in {}.", world.request.stage);
}

std::optional<Decision> ended_on_model(const World& world) {
  const std::string& uid = world.request.meta.uid;
  const LedgerView& ledger = world.model_ledger;

  struct End {
    const char* kind;
    Phase phase;
    const char* reason;
  };

  constexpr End kEnds[] = {{"Blocked", Phase::kBlocked, "GatesFailed"},
                           {"Rejected", Phase::kRejected, "Rejected"},
                           {"Expired", Phase::kExpired, "ReviewExpired"},
                           {"NoChange", Phase::kPromoted, "NoChange"},
                           {"Staged", Phase::kPromoted, "Staged"}};
  for (const End& end : kEnds) {
    const RecordFact* record = ledger.find(end.kind, uid);
    if (record == nullptr) continue;
    const std::string code = end.phase == Phase::kBlocked ? code_of(record->reason) : "";
    Decision out = shown(world, end.phase, code.empty() ? end.reason : code,
                         record->reason.empty() ? staged_text(world) : record->reason);
    out.from = record->from;
    out.to = record->to;
    return out;
  }
  if (world.request.action == RequestAction::kArchive && ledger.find("Archived", uid) != nullptr) {
    return shown(world, Phase::kPromoted, "Archived", "the version is archived");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Decision> ended(const World& world) {
  for (const LedgerView* ledger : all_targets(world)) {
    if (auto end = ended_on(world, *ledger)) return end;
  }
  return ended_on_model(world);
}

}  // namespace stagekeeper::promotion::steps
