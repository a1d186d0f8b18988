#include "audit/consistency.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace stagekeeper::audit {
namespace {

/// The reports of a cluster by what their ledgers are called.
class Together {
 public:
  explicit Together(std::vector<LedgerReport>& reports) {
    for (LedgerReport& report : reports) {
      by_path_[report.id.path()] = &report;
      for (std::uint64_t n = 1; n <= report.history.head_sequence(); ++n) {
        const RecordFact* fact = report.history.at(n);
        if (fact->kind == RecordKind::kDecided) decided_[fact->digest] = fact;
      }
    }
  }

  [[nodiscard]] const LedgerReport* find(const std::string& ns, LedgerKind kind,
                                         const std::string& name) const {
    const auto found = by_path_.find(LedgerId{.ns = ns, .kind = kind, .name = name}.path());
    return found == by_path_.end() ? nullptr : found->second;
  }

  [[nodiscard]] const RecordFact* decided(const std::string& digest) const {
    const auto found = decided_.find(digest);
    return found == decided_.end() ? nullptr : found->second;
  }

 private:
  std::map<std::string, LedgerReport*> by_path_;
  std::map<std::string, const RecordFact*> decided_;
};

void contradiction(LedgerReport& report, const RecordFact& fact, std::string what) {
  report.findings.push_back(
      {.kind = Finding::Kind::kTampered, .sequence = fact.sequence, .what = std::move(what)});
}

void judge_intent(const Together& all, LedgerReport& report, const RecordFact& intent) {
  const RecordFact* decided = all.decided(intent.decided);
  if (decided == nullptr) {
    report.findings.push_back(
        {.kind = Finding::Kind::kIncomplete,
         .sequence = intent.sequence,
         .what = "carries out a decision that no Decided record holds: " + intent.decided});
    return;
  }
  if (decided->decision_digest != intent.decision_digest)
    contradiction(report, intent, "is of another decision than the Decided record it names");
  if (decided->request.uid != intent.request.uid)
    contradiction(report, intent, "is of another request than the Decided record it names");
  const bool named = std::find(decided->targets.begin(), decided->targets.end(), report.id.name) !=
                     decided->targets.end();
  if (!named) contradiction(report, intent, "changes a target that was not decided on");
  // The second Intent of a request is its way back, to what was before.
  const std::vector<const RecordFact*> of_it = report.history.of_request(intent.request.uid);
  const auto first = std::find_if(of_it.begin(), of_it.end(), [](const RecordFact* fact) {
    return fact->kind == RecordKind::kIntent;
  });
  const bool forward = first != of_it.end() && *first == &intent;
  if (forward && !decided->to.version.empty() && !same_version(decided->to, intent.to))
    contradiction(report, intent, "goes to another version than was decided");
}

/// Whether a ledger could be read whole. What a broken one lacks contradicts nobody.
bool is_broken(const LedgerReport* target) {
  return target != nullptr && !target->findings.empty();
}

bool has_applied(const LedgerReport* target, const RecordFact& decided) {
  if (target == nullptr) return false;
  const std::vector<const RecordFact*> of_it = target->history.of_request(decided.request.uid);
  return std::any_of(of_it.begin(), of_it.end(), [&](const RecordFact* fact) {
    return fact->kind == RecordKind::kApplied &&
           (decided.to.version.empty() || same_version(fact->to, decided.to));
  });
}

void judge_concluded(const Together& all, LedgerReport& report, const RecordFact& end) {
  const RecordFact* decided = report.history.last_of(RecordKind::kDecided, end.request.uid);
  if (decided == nullptr) {
    const bool needs_one = end.code == EndCode::kApplied || end.code == EndCode::kPartlyApplied ||
                           end.code == EndCode::kRolledBack || end.code == EndCode::kRollbackFailed;
    if (needs_one) contradiction(report, end, "ends what was never decided");
    return;
  }
  if (decided->sequence > end.sequence) contradiction(report, end, "comes before its Decided");
  if (!end.decision_digest.empty() && end.decision_digest != decided->decision_digest)
    contradiction(report, end, "is of another decision than the Decided record of its request");
  if (!end.to.version.empty() && !decided->to.version.empty() &&
      !same_version(end.to, decided->to)) {
    contradiction(report, end, "is about another version than was decided");
  }
  const bool unknown =
      std::any_of(decided->targets.begin(), decided->targets.end(), [&](const std::string& target) {
        return is_broken(all.find(report.id.ns, LedgerKind::kTarget, target));
      });
  if (unknown) return;
  const auto applied = std::count_if(
      decided->targets.begin(), decided->targets.end(), [&](const std::string& target) {
        return has_applied(all.find(report.id.ns, LedgerKind::kTarget, target), *decided);
      });
  const auto wanted = static_cast<std::ptrdiff_t>(decided->targets.size());
  if (end.code == EndCode::kApplied && applied < wanted) {
    contradiction(report, end,
                  fmt::format("says that {} target(s) serve the version, and {} of them have a "
                              "record of it",
                              wanted, applied));
  }
  if (end.code == EndCode::kPartlyApplied && applied == 0)
    contradiction(report, end, "says that some target serves the version, and none has a record");
}

}  // namespace

void judge_together(std::vector<LedgerReport>& reports) {
  const Together all(reports);
  for (LedgerReport& report : reports) {
    for (std::uint64_t n = 1; n <= report.history.head_sequence(); ++n) {
      const RecordFact& fact = *report.history.at(n);
      if (fact.kind == RecordKind::kIntent) judge_intent(all, report, fact);
      if (fact.kind == RecordKind::kConcluded) judge_concluded(all, report, fact);
    }
  }
}

}  // namespace stagekeeper::audit
