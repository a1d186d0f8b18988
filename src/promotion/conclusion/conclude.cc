#include "promotion/conclusion/conclusion.h"
#include "promotion/contents.h"
#include "promotion/records/records.h"

#include <fmt/format.h>

namespace stagekeeper::promotion::conclusion {
namespace {

/// Endings without gates, and reviews, of one requester that a model's ledger takes in an hour.
constexpr std::size_t kQuota = 20;
constexpr std::chrono::hours kQuotaTime{1};

bool ends_unmeasured(const History& model_ledger, const RecordFact& record) {
  return record.kind == RecordKind::kConcluded && record.effect == Effect::kNone &&
         model_ledger.last_of(RecordKind::kGateResult, record.request.uid) == nullptr;
}

bool opens_review(const History& /*model_ledger*/, const RecordFact& record) {
  return record.kind == RecordKind::kGateResult;
}

/// When the next such record of this requester may be written. Nothing: now. Records of a ledger
/// never go back in time: from the end, as far as they are young.
std::optional<TimePoint> used_up(const History& model_ledger, const std::string& requester,
                                 TimePoint now, bool (*counts)(const History&, const RecordFact&)) {
  std::size_t found = 0;
  for (std::uint64_t sequence = model_ledger.head_sequence(); sequence > 0; --sequence) {
    const RecordFact* record = model_ledger.at(sequence);
    if (record == nullptr || record->time <= now - kQuotaTime) break;
    if (record->requester.username != requester) continue;
    if (counts(model_ledger, *record) && ++found == kQuota) return record->time + kQuotaTime;
  }
  return std::nullopt;
}

Wait full(std::string_view what, TimePoint until) {
  return {.code = WaitCode::kRecordQuota,
          .about = "ledger of the model",
          .what = fmt::format("{} {}; this one is recorded after {}", kQuota, what,
                              format_time(until))};
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
  content.aborts = {.name = ending.aborts.name, .uid = ending.aborts.uid};
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

std::optional<Wait> quota(const History& model_ledger, const Subject& subject, TimePoint now,
                          TimePoint& until) {
  const auto next = used_up(model_ledger, subject.request.requester.username, now, ends_unmeasured);
  if (!next) return std::nullopt;
  until = *next;
  return full(
      "requests of this person about this model have ended within the hour without changing "
      "anything",
      until);
}

std::optional<Wait> review_quota(const History& model_ledger, const Subject& subject, TimePoint now,
                                 TimePoint& until) {
  const auto next = used_up(model_ledger, subject.request.requester.username, now, opens_review);
  if (!next) return std::nullopt;
  until = *next;
  return full(
      "evaluations of this model were recorded for this person within the hour, and this stage has "
      "no gate "
      "whose time would limit them",
      until);
}

}  // namespace stagekeeper::promotion::conclusion
