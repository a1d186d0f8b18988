#include "promotion/commit.h"

#include "promotion/belongings.h"
#include "promotion/contents.h"
#include "promotion/records/records.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

/// Who is in the way is told by an answer of the API server alone; no event tells when it changes.
constexpr std::chrono::seconds kTryAgain{60};

/// Whether the answer is about the Deployment as it is, and about this version.
bool answers(const RolloutFacts& facts, const VersionRef& to) {
  return facts.trial && same_version(facts.trial->version, to) && facts.state.deployment &&
         facts.trial->resource_version == facts.state.deployment->meta.resource_version;
}

Decision conflict(const CommitCase& place, const RolloutFacts& facts) {
  const std::string deployment = "Deployment " + facts.state.deployment->meta.name;
  Decision out = waiting(Phase::kPending, {.code = WaitCode::kFieldConflict,
                                           .about = deployment,
                                           .what = facts.trial->conflict,
                                           .who_can = "whoever writes that Deployment"});
  out.wake_at = place.now + kTryAgain;
  return out;
}

/// The version of all targets, or none where they differ.
VersionRef common(const std::vector<DecidedFacts::Target>& targets,
                  VersionRef DecidedFacts::Target::* which) {
  const VersionRef& first = targets.front().*which;
  const bool same = std::ranges::all_of(
      targets, [&](const auto& target) { return same_version(target.*which, first); });
  return same ? first : VersionRef{};
}

AppendRecord decided_record(const CommitCase& place, const DecidedFacts& facts) {
  RecordContent content = content_of(place.subject, RecordKind::kDecided);
  content.decision_digest = place.decision_digest;
  content.from = common(facts.targets, &DecidedFacts::Target::from);
  content.to = common(facts.targets, &DecidedFacts::Target::to);
  for (const DecidedFacts::Target& target : facts.targets)
    content.targets.push_back(target.name);
  std::ranges::sort(content.targets);
  content.body = decided_body({.subject = place.subject, .model_ledger = place.model_ledger}, facts,
                              place.approvals, place.targets);
  return {.ledger = {.kind = LedgerKind::kModel, .name = place.subject.request.model},
          .content = std::move(content)};
}

}  // namespace

Decision commit(const CommitCase& place, const DecidedFacts& facts) {
  Decision asking;
  for (const DecidedFacts::Target& target : facts.targets) {
    const RolloutFacts* state = find_target(place.targets, target.name);
    if (state == nullptr || !answers(*state, target.to)) {
      asking.questions.emplace_back(PinQuestion{.target = target.name, .version = target.to});
    } else if (!state->trial->conflict.empty()) {
      return conflict(place, *state);
    }
  }
  if (!asking.questions.empty()) return asking;
  AppendRecord record = decided_record(place, facts);
  Decision out =
      waiting(Phase::kRecording,
              {.code = WaitCode::kRecording,
               .about = "audit record",
               .what = fmt::format("recording the decision about {} before anything changes",
                                   record.content.to.version.empty()
                                       ? std::string("the pins of every target")
                                       : version_text(record.content.to))});
  out.gates = facts.gates;
  out.approvals = facts.approvals;
  out.review = facts.review;
  out.to = record.content.to;
  hold_finalizer(place.subject.request, out.actions);
  out.actions.emplace_back(std::move(record));
  return out;
}

std::optional<Wait> too_large(const CommitCase& place, const DecidedFacts& facts) {
  const std::size_t size = decided_record(place, facts).content.body.size();
  if (size <= kMaxBodyBytes) return std::nullopt;
  return Wait{.code = WaitCode::kDecisionTooLarge,
              .about = "audit record",
              .what = fmt::format("the record of this decision would have {} bytes, and {} are "
                                  "the most: {} targets with their pins and {} inputs",
                                  size, kMaxBodyBytes, facts.targets.size(), facts.inputs.size()),
              .who_can = "whoever asks",
              .command = "ask for fewer targets at once"};
}

}  // namespace stagekeeper::promotion
