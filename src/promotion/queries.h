#pragma once

#include "model/history.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Questions to histories that more than one machine asks. A version is its number and its digest.
namespace stagekeeper::promotion {

/// What the target serves by record; empty version when nothing was ever applied.
VersionRef serving_version(const History& target);

/// The same as it was before that sequence.
VersionRef serving_before(const History& target, std::uint64_t before);

/// Whether no record says what serves, and nothing is about to. A ledger that went back to no
/// version does say so: whatever serves then is a difference.
bool nothing_recorded(const History& target);

/// Whether the target serves the version, or is about to: its open Intent goes there.
bool uses(const History& target, const VersionRef& version);

/// Where a rollback goes: what the target served before its present version was promoted or
/// adopted. Not simply "the one before": after a rollback from 4 to 2, the next one must not return
/// to 4. The history is a stack: promotions and adoptions push, rollbacks pop.
VersionRef previous_version(const History& target);

/// How the target last recorded a version of that number as serving, or null.
const VersionRef* last_applied(const History& target, std::string_view version);

/// When the target first served the version from `since` on, by record; nothing: it did not. A
/// version without digest stands for any bytes of its number, here and below.
std::optional<TimePoint> first_served(const History& target, const VersionRef& version,
                                      TimePoint since);

/// The one stage a version is in: where the last Concluded record moved it, else None.
std::string stage_of(const History& model, const VersionRef& version);

/// Being in a stage from a moment on.
struct StageEntry {
  TimePoint since{};
  std::string stage;
};

/// The stages a version was in from `since` on, in order: the one it was in then, and each it was
/// moved to later.
std::vector<StageEntry> stages_since(const History& model, const VersionRef& version,
                                     TimePoint since);

/// An Intent and the record that closed it; `end` is null while it is open.
struct Attempt {
  const RecordFact* intent = nullptr;
  const RecordFact* end = nullptr;
};

/// What one request did on a target, in order. The first Intent is what was asked; a second one is
/// the way back from it.
std::vector<Attempt> attempts_of(const History& target, std::string_view request_uid);

/// Whether that Intent is the way back of a request whose own change failed.
bool is_way_back(const History& target, const RecordFact& intent);

/// The Aborted record that the target's pins still suffer from: they were changed, and the Intent
/// of the way back is not written. Null: none.
const RecordFact* owed_way_back(const History& target);

/// Sequence of the last record below `before` that concerns a pin, or 0: what a decision about the
/// target rests on. Genesis and the like change nothing.
std::uint64_t base_sequence(const History& target,
                            std::uint64_t before = std::numeric_limits<std::uint64_t>::max());

}  // namespace stagekeeper::promotion
