#pragma once

#include "promotion/action.h"
#include "promotion/world.h"

#include <optional>
#include <string>
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
  kSuperseded,
  kAborted,
  kErrored,
};

/// "Pending", "AwaitingApproval", …
std::string_view name(Phase phase);

/// The phase of that name, or nothing.
std::optional<Phase> phase_of(std::string_view text);

/// Nothing more will happen to the request.
bool is_terminal(Phase phase);

/// Ended other than as asked: Ready=False and Stalled=True.
bool is_bad_end(Phase phase);

/// The next step of one promotion: what to show and what to do, in order.
struct Decision {
  Phase phase = Phase::kPending;
  std::string reason;       ///< code of the documented list
  std::string message;      ///< one sentence and the next step
  std::string waiting_for;  ///< for the column; empty when nothing is awaited
  std::vector<GateState> gates;
  std::vector<ApprovalView> approvals;
  std::optional<ReviewView> review;
  VersionRef from;
  VersionRef to;
  std::string target;               ///< ServingTarget whose pin it is about; empty: none
  std::vector<RecordFact> records;  ///< of this request, in both ledgers
  std::vector<Action> actions;
  std::optional<TimePoint> wake_at;
};

/// Chooses the next step of one promotion.
///
/// Pure: same World, same Decision. Safe to call again after a crash between any two actions,
/// because what has been done is read back from the World and never remembered. Never returns
/// PatchPin unless the World holds the open Intent that it carries out (record, then act).
Decision decide(const World& world);

}  // namespace stagekeeper::promotion
