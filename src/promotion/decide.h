#pragma once

#include "promotion/action.h"
#include "promotion/wait.h"
#include "promotion/world.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace stagekeeper::promotion {

enum class Phase {
  kPending,
  kEvaluating,
  kBlocked,
  kAwaitingApproval,
  kRejected,
  kExpired,
  kRecording,
  kRollingOut,
  kPromoted,
  kRolledBack,
  kPartlyPromoted,
  kSuperseded,
  kAborted,
  kErrored,
};

/// "Pending", "AwaitingApproval", …
std::string_view name(Phase phase);

/// The phase of that name, or nothing.
std::optional<Phase> phase_of(std::string_view text);

/// The phase that a Concluded record's code shows as.
Phase phase_of(EndCode code);

/// Nothing more will happen to the request.
bool is_terminal(Phase phase);

/// The end that the request's status shows, or nothing. A view, which may be wiped or forged.
std::optional<Phase> shown_end(const PromotionRequest& request);

/// Ended other than as asked: Ready=False and Stalled=True.
bool is_bad_end(Phase phase);

/// One target of the request, as the status shows it.
struct TargetView {
  std::string name;
  VersionRef from;
  VersionRef to;
  std::string phase;  ///< Pending, RollingOut, RollingBack, or the name of its EndCode
  std::string message;
  std::uint64_t record = 0;  ///< of the last record of this request in the target's ledger; 0: none
};

/// A fact that the decision needs and the World lacks.
using Question = std::variant<RightsQuestion, PinQuestion, AdmissionQuestion>;

/// The next step of one promotion: what to show and what to do, in order.
struct Decision {
  Phase phase = Phase::kPending;
  std::string reason;  ///< code of the documented list
  std::string message;
  std::optional<Wait> wait;  ///< set: what the request waits for; `reason` and `message` are its
  std::vector<GateState> gates;
  std::vector<ApprovalView> approvals;
  std::optional<ReviewView> review;
  std::vector<TargetView> targets;
  VersionRef to;
  bool blind = false;  ///< only the request was read: what its status tells of the rest stays
  std::vector<RecordFact> records;  ///< of this request, in the model's ledger
  std::vector<Action> actions;
  std::optional<TimePoint> wake_at;  ///< look again then even if no event comes
  /// Not empty: nothing else of this decision is valid. Answer these, add them to the World
  /// (rights, admission, RolloutFacts::trial) and decide again.
  std::vector<Question> questions;
};

/// A decision that only waits. decide() fills `reason` and `message` from the wait.
Decision waiting(Phase phase, Wait wait);

/// Chooses the next step of one promotion: conclusion? → open rollouts (one per target) → intake →
/// evaluation → review → Decided and Intents.
///
/// Pure: same World, same Decision. Safe to call again after a crash between any two actions,
/// because what has been done is read back from the World and never remembered. Never returns
/// PatchPin unless the World holds the open Intent that it carries out (record, then act).
Decision decide(const World& world);

/// Facts about an open Intent whose request does not exist any more (live GET), for one target.
struct OrphanFacts {
  TimePoint now{};
  StoreState store;
  TargetState state;
  RecordFact intent;
  std::optional<DecidedFacts> decided;
};

/// Closes such an Intent: puts the pins back to what was before it where they were changed, then
/// Abandoned. Pure. `phase` of the result is not used.
Decision decide_orphan(const OrphanFacts& facts);

}  // namespace stagekeeper::promotion
