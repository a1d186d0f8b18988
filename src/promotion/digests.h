#pragma once

#include "promotion/action.h"
#include "promotion/world.h"

#include <cstdint>
#include <limits>
#include <string>

namespace stagekeeper::promotion {

/// What the gates are about: subject, data, policy and the champion they are compared with. Results
/// of another evaluation digest are worth nothing.
std::string evaluation_digest(const World& world);

/// What an approval names: the evaluation, every result, and the state of the target it would
/// change (decisions.md §2.3). Any difference voids every approval. `before` looks at the target's
/// ledger as it was before that sequence: with an Intent's own sequence the digest is again the one
/// the Intent names, unless something changed since.
std::string decision_digest(const World& world, const GateResults& results,
                            std::uint64_t before = std::numeric_limits<std::uint64_t>::max());

/// The record whose body holds the results to show and to decide by (World::results): the one that
/// ended the request in the model's ledger; else its GateResult for the present evaluation, which
/// need not be the latest one when something was changed and changed back; else the latest. Null
/// when there is none. Looks at everything of the World but gates and results.
const RecordFact* results_record(const World& world);

/// A record and the ledger it is in: that of World::target, or the model's.
struct ReviewRecord {
  const RecordFact* record = nullptr;
  LedgerKind ledger = LedgerKind::kModel;
};

/// The record that holds the review that is over, if any does (World::past_review): the request's
/// Intent, else what ended it after people were asked. A null record when nothing ended yet.
ReviewRecord review_record(const World& world);

}  // namespace stagekeeper::promotion
