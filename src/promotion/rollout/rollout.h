#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <optional>
#include <vector>

// One machine per target:
//
//   (nothing) ──Intent──► open ──pin──► watch ──smoke──► Applied
//                          │              │        │
//                          └── Aborted ◄──┴────────┘   pins changed? ──Intent (way back)──► open …
namespace stagekeeper::promotion::rollout {

/// Everything that the rollout on one target may depend on.
struct Case {
  TimePoint now{};
  const Subject& subject;
  const DecidedFacts& decided;
  const DecidedFacts::Target& target;  ///< of `decided`
  const RolloutFacts& facts;
  std::string stage;                      ///< that the version is in now, by the model's ledger
  std::optional<ApprovalView> rejection;  ///< a valid Reject: honoured until the pin is patched
  const RecordFact* stop = nullptr;       ///< the Abort that names this request; null: none
  std::optional<Wait> hold;               ///< why no change may begin now, though it may go on
};

/// Who has asked that a request ends, by which request and why, for its record.
std::string abort_text(const RecordFact& stop);

/// What becomes of one target.
struct Step {
  TargetView view;
  std::optional<TargetEnd> end;  ///< it has ended, and why; nothing else is set then
  std::optional<Wait> wait;
  std::vector<Action> actions;
  std::optional<TimePoint> wake_at;
};

/// The next step on one target. Never returns PatchPin unless the target's ledger holds the open
/// Intent of this request that it carries out.
Step step(const Case& facts);

/// Whether a Reject would still be honoured somewhere: a target of the decision whose pin is not
/// yet patched.
bool can_be_stopped(const std::string& request_uid, const DecidedFacts& decided,
                    const std::vector<RolloutFacts>& targets);

}  // namespace stagekeeper::promotion::rollout
