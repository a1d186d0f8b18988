#include "promotion/conclusion/conclusion.h"
#include "promotion/contents.h"
#include "promotion/records/records.h"

#include <fmt/format.h>

namespace stagekeeper::promotion::conclusion {
namespace {

/// Endings without gates that one model's ledger takes in an hour.
constexpr std::size_t kQuota = 20;
constexpr std::chrono::hours kQuotaTime{1};

bool counts(const History& model_ledger, const RecordFact& record) {
  return record.kind == RecordKind::kConcluded && record.effect == Effect::kNone &&
         model_ledger.last_of(RecordKind::kGateResult, record.request.uid) == nullptr;
}

}  // namespace

Decision conclude(const Place& place, const Ending& ending) {
  Decision out =
      waiting(Phase::kRecording,
              {.code = WaitCode::kRecording, .about = "audit record", .what = ending.text});
  out.gates = ending.gates;
  out.review = ending.review;
  out.approvals = ending.approvals;
  out.to = ending.to;
  RecordContent content = content_of(place.subject, RecordKind::kConcluded);
  content.decision_digest = ending.decision_digest;
  content.from = ending.from;
  content.to = ending.to;
  content.code = ending.code;
  content.text = ending.text;
  content.moves = ending.moves;
  content.body = concluded_body({.subject = place.subject, .model_ledger = place.model_ledger},
                                {.gates = ending.gates,
                                 .review = ending.review,
                                 .approvals = ending.approvals,
                                 .targets = ending.targets},
                                place.approvals);
  content.effect = effect_of(content);
  out.actions.emplace_back(
      AppendRecord{.ledger = {.kind = LedgerKind::kModel, .name = place.subject.request.model},
                   .content = std::move(content)});
  return out;
}

std::optional<Wait> quota(const History& model_ledger, TimePoint now, TimePoint& until) {
  if (model_ledger.concluded_since(Effect::kNone, now - kQuotaTime) < kQuota) return std::nullopt;
  std::size_t found = 0;
  for (std::uint64_t sequence = model_ledger.head_sequence(); sequence > 0; --sequence) {
    const RecordFact* record = model_ledger.at(sequence);
    if (record == nullptr || !counts(model_ledger, *record)) continue;
    until = record->time + kQuotaTime;
    if (++found == kQuota) break;
  }
  return Wait{.code = WaitCode::kRecordQuota,
              .about = "ledger of the model",
              .what = fmt::format("{} requests of this model have ended within the hour without "
                                  "changing anything; this end is recorded after {}",
                                  kQuota, format_time(until))};
}

}  // namespace stagekeeper::promotion::conclusion
