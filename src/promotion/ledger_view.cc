#include "promotion/ledger_view.h"

#include <algorithm>
#include <cctype>
#include <ranges>

namespace stagekeeper::promotion {
namespace {

bool concerns_pin(const RecordFact& record) {
  return record.kind == "Intent" || record.kind == "Applied" || record.kind == "Aborted";
}

}  // namespace

std::uint64_t LedgerView::head_sequence() const {
  return records.empty() ? 0 : records.back().sequence;
}

std::string LedgerView::head_digest() const {
  return records.empty() ? "" : records.back().digest;
}

const RecordFact* LedgerView::open_intent() const {
  const RecordFact* open = nullptr;
  for (const RecordFact& record : records) {
    if (record.kind == "Intent") open = &record;
    if (open != nullptr && record.of == open->sequence) open = nullptr;
  }
  return open;
}

const RecordFact* LedgerView::serving() const {
  const auto reversed = std::views::reverse(records);
  const auto found = std::ranges::find(reversed, "Applied", &RecordFact::kind);
  return found == reversed.end() ? nullptr : &*found;
}

const RecordFact* LedgerView::find(std::string_view kind, std::string_view request_uid) const {
  const auto reversed = std::views::reverse(records);
  const auto found = std::ranges::find_if(reversed, [&](const RecordFact& record) {
    return record.kind == kind && record.request_uid == request_uid;
  });
  return found == reversed.end() ? nullptr : &*found;
}

VersionRef serving_version(const LedgerView& ledger) {
  const RecordFact* serving = ledger.serving();
  return serving == nullptr ? VersionRef{} : serving->to;
}

VersionRef previous_version(const LedgerView& ledger) {
  std::vector<const VersionRef*> history;
  for (const RecordFact& record : ledger.records) {
    if (record.kind != "Applied") continue;
    const auto same = [&](const VersionRef* each) { return each->version == record.to.version; };
    if (record.to.version.empty()) {
      history.clear();
    } else if (record.action == "Rollback" && std::ranges::any_of(history, same)) {
      while (!same(history.back()))
        history.pop_back();
    } else if (history.empty() || !same(history.back())) {
      history.push_back(&record.to);
    }
  }
  return history.size() < 2 ? VersionRef{} : *history[history.size() - 2];
}

bool ever_applied(const LedgerView& ledger, std::string_view version) {
  return std::ranges::any_of(ledger.records, [&](const RecordFact& record) {
    return record.kind == "Applied" && record.to.version == version;
  });
}

std::string stage_of(std::string_view version, const LedgerView& model_ledger,
                     const std::vector<const LedgerView*>& targets) {
  for (const LedgerView* target : targets) {
    const VersionRef serving = serving_version(*target);
    if (!serving.version.empty() && serving.version == version) return serving.stage;
  }
  for (const RecordFact& record : std::views::reverse(model_ledger.records)) {
    const bool moved = record.kind == "Staged" || record.kind == "Archived";
    if (moved && record.to.version == version) return record.to.stage;
  }
  return kStageNone;
}

std::vector<Attempt> attempts_of(const LedgerView& ledger, std::string_view request_uid) {
  std::vector<Attempt> out;
  for (const RecordFact& record : ledger.records) {
    if (record.request_uid != request_uid) continue;
    if (record.kind == "Intent") out.push_back({.intent = &record});
    if (record.kind != "Applied" && record.kind != "Aborted") continue;
    for (Attempt& attempt : out) {
      if (attempt.intent->sequence == record.of) attempt.end = &record;
    }
  }
  return out;
}

std::string code_of(std::string_view reason) {
  const std::string_view code = reason.substr(0, reason.find(": "));
  const bool word = !code.empty() &&
                    std::ranges::all_of(code, [](unsigned char c) { return std::isalnum(c) != 0; });
  return word ? std::string(code) : std::string();
}

bool left_changed(const RecordFact& aborted) {
  if (aborted.action == "Adopt" || aborted.from.version == aborted.to.version) return false;
  return std::ranges::find(kUntouchedEnds, code_of(aborted.reason)) == std::end(kUntouchedEnds);
}

const RecordFact* owed_way_back(const LedgerView& ledger) {
  for (const RecordFact& record : std::views::reverse(ledger.records)) {
    if (!concerns_pin(record)) continue;
    if (record.kind != "Aborted" || !left_changed(record)) return nullptr;
    return attempts_of(ledger, record.request_uid).size() == 1 ? &record : nullptr;
  }
  return nullptr;
}

std::uint64_t base_sequence(const LedgerView& ledger, std::uint64_t before) {
  for (const RecordFact& record : std::views::reverse(ledger.records)) {
    if (record.sequence < before && concerns_pin(record)) return record.sequence;
  }
  return 0;
}

}  // namespace stagekeeper::promotion
