#pragma once

#include "promotion/world.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::promotion {

/// What the target serves; empty version when nothing was ever applied.
VersionRef serving_version(const LedgerView& ledger);

/// Where a rollback goes: what the target served before its present version was promoted or
/// adopted. Not simply "the one before": after a rollback from 4 to 2, the next one must not return
/// to 4. The history is a stack: promotions and adoptions push, rollbacks pop.
VersionRef previous_version(const LedgerView& ledger);

/// Whether the target ever served that version by our record.
bool ever_applied(const LedgerView& ledger, std::string_view version);

/// The one stage a version is in (R1): the stage of a target that serves it, else the last one the
/// model's ledger moved it to, else None.
std::string stage_of(std::string_view version, const LedgerView& model_ledger,
                     const std::vector<const LedgerView*>& targets);

/// An Intent and the record that closed it; `end` is null while it is open.
struct Attempt {
  const RecordFact* intent = nullptr;
  const RecordFact* end = nullptr;
};

/// What one request did on a target, in order. The first Intent is what was asked; a second one is
/// the way back from it.
std::vector<Attempt> attempts_of(const LedgerView& ledger, std::string_view request_uid);

/// Codes of Aborted records after which the Deployment is as it was, or no longer ours to change.
inline constexpr std::string_view kUntouchedEnds[] = {"DeploymentGone", "Overtaken",
                                                      "SubjectChanged", "NotRunning"};

/// The code of a reason "Code: text", or an empty string for free text.
std::string code_of(std::string_view reason);

/// Whether an Aborted record leaves pins that must be put back. An adoption changed no value, and a
/// rollback to what serves by record (the pin had been changed by hand) has no other way to go.
bool left_changed(const RecordFact& aborted);

/// The Aborted record that the target's pins still suffer from: its request has to go back, and has
/// not written the Intent for it. Null: none.
const RecordFact* owed_way_back(const LedgerView& ledger);

/// Sequence of the last record below `before` that concerns a pin (Intent, Applied, Aborted), or 0:
/// what a decision about the target rests on. Genesis and the like change nothing.
std::uint64_t base_sequence(const LedgerView& ledger,
                            std::uint64_t before = std::numeric_limits<std::uint64_t>::max());

}  // namespace stagekeeper::promotion
