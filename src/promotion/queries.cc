#include "promotion/queries.h"

#include "model/objects.h"

#include <algorithm>
#include <ranges>

namespace stagekeeper::promotion {
namespace {

/// A version without digest stands for any bytes of its number.
bool is_of(const VersionRef& one, const VersionRef& asked) {
  return one.version == asked.version && (asked.digest.empty() || one.digest == asked.digest);
}

/// Where a Concluded record moved the version to, or null.
const StageMove* move_of(const RecordFact& concluded, const VersionRef& version) {
  const auto found = std::ranges::find_if(
      concluded.moves, [&](const StageMove& move) { return is_of(move.version, version); });
  return found == concluded.moves.end() ? nullptr : &*found;
}

}  // namespace

VersionRef serving_version(const History& target) {
  const RecordFact* serving = target.serving();
  return serving == nullptr ? VersionRef{} : serving->to;
}

VersionRef serving_before(const History& target, std::uint64_t before) {
  const RecordFact* latest = target.serving();
  if (latest == nullptr || latest->sequence < before) return serving_version(target);
  VersionRef out;
  for (const RecordFact* applied : target.applied()) {
    if (applied->sequence < before) out = applied->to;
  }
  return out;
}

bool nothing_recorded(const History& target) {
  return target.serving() == nullptr && target.open_intent() == nullptr;
}

bool uses(const History& target, const VersionRef& version) {
  const RecordFact* open = target.open_intent();
  return same_version(serving_version(target), version) ||
         (open != nullptr && same_version(open->to, version));
}

VersionRef previous_version(const History& target) {
  std::vector<const VersionRef*> stack;
  for (const RecordFact* applied : target.applied()) {
    const VersionRef& to = applied->to;
    const auto same = [&](const VersionRef* each) { return same_version(*each, to); };
    if (to.version.empty()) {
      stack.clear();
    } else if (applied->action == name(RequestAction::kRollback) &&
               std::ranges::any_of(stack, same)) {
      while (!same(stack.back()))
        stack.pop_back();
    } else if (stack.empty() || !same(stack.back())) {
      stack.push_back(&to);
    }
  }
  return stack.size() < 2 ? VersionRef{} : *stack[stack.size() - 2];
}

const VersionRef* last_applied(const History& target, std::string_view version) {
  for (const RecordFact* applied : std::views::reverse(target.applied())) {
    if (applied->to.version == version) return &applied->to;
  }
  return nullptr;
}

std::optional<TimePoint> first_served(const History& target, const VersionRef& version,
                                      TimePoint since) {
  bool before = false;
  for (const RecordFact* applied : target.applied()) {
    const bool same = is_of(applied->to, version);
    if (applied->time < since) {
      before = same;
    } else if (before) {
      return since;
    } else if (same) {
      return applied->time;
    }
  }
  return before ? std::optional(since) : std::nullopt;
}

std::string stage_of(const History& model, const VersionRef& version) {
  const auto moves = model.moves_of(version.version, version.digest);
  if (moves.empty()) return kStageNone;
  const StageMove* move = move_of(*moves.back(), version);
  return move == nullptr ? kStageNone : move->version.stage;
}

std::vector<StageEntry> stages_since(const History& model, const VersionRef& version,
                                     TimePoint since) {
  std::vector<StageEntry> out = {{.since = since, .stage = kStageNone}};
  for (const RecordFact* record : model.moves_of(version.version, version.digest)) {
    const StageMove* move = move_of(*record, version);
    if (move == nullptr) continue;
    if (record->time < since) {
      out.front().stage = move->version.stage;
    } else {
      out.push_back({.since = record->time, .stage = move->version.stage});
    }
  }
  return out;
}

std::vector<Attempt> attempts_of(const History& target, std::string_view request_uid) {
  std::vector<Attempt> out;
  for (const RecordFact* record : target.of_request(request_uid)) {
    if (record->kind != RecordKind::kIntent) continue;
    // Not looked for among the request's own: a Rollback that supersedes it closes it, too.
    out.push_back({.intent = record, .end = target.end_of(record->sequence)});
  }
  return out;
}

bool is_way_back(const History& target, const RecordFact& intent) {
  const std::vector<Attempt> attempts = attempts_of(target, intent.request.uid);
  return !attempts.empty() && attempts.front().intent != &intent;
}

const RecordFact* owed_way_back(const History& target) {
  const RecordFact* last = target.last_pin();
  if (!left_pins_changed(last)) return nullptr;
  if (last->code == EndCode::kSuperseded) return last;
  const RecordFact* intent = target.at(last->of);
  return intent != nullptr && is_way_back(target, *intent) ? nullptr : last;
}

std::uint64_t base_sequence(const History& target, std::uint64_t before) {
  const RecordFact* last = target.last_pin(before);
  return last == nullptr ? 0 : last->sequence;
}

}  // namespace stagekeeper::promotion
