#include "promotion/conclusion/conclusion.h"
#include "promotion/queries.h"

#include <algorithm>

namespace stagekeeper::promotion::conclusion {
namespace {

/// Served now, or about to be: neither may be archived.
bool in_use(const Moved& facts, const VersionRef& version) {
  return !facts.all_read || std::ranges::any_of(facts.ledgers, [&](const History* ledger) {
    return uses(*ledger, version);
  });
}

void move(const Moved& facts, const VersionRef& version, const std::string& to,
          std::vector<StageMove>& out) {
  const bool listed = std::ranges::any_of(
      out, [&](const StageMove& each) { return same_version(each.version, version); });
  const std::string from = stage_of(facts.model_ledger, version);
  if (version.version.empty() || listed || from == to) return;
  StageMove added{.version = version, .from = from};
  added.version.stage = to;
  out.push_back(std::move(added));
}

}  // namespace

std::vector<StageMove> moves(const Moved& facts) {
  std::vector<StageMove> out;
  const auto applied = [](const TargetEnd& end) { return end.code == EndCode::kApplied; };
  if (std::ranges::none_of(facts.ends, applied)) return out;
  for (const TargetEnd& end : facts.ends) {
    if (applied(end)) move(facts, end.to, facts.stage, out);
  }
  for (const TargetEnd& end : facts.ends) {
    if (applied(end) && !in_use(facts, end.from)) move(facts, end.from, kStageArchived, out);
  }
  // Whatever a request left behind that vanished before it could say so.
  for (const History* ledger : facts.ledgers) {
    for (const RecordFact* record : ledger->applied()) {
      const bool left = stage_of(facts.model_ledger, record->to) == facts.stage;
      if (left && !in_use(facts, record->to)) move(facts, record->to, kStageArchived, out);
    }
  }
  return out;
}

}  // namespace stagekeeper::promotion::conclusion
