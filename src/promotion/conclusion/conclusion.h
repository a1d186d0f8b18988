#pragma once

#include "promotion/action.h"
#include "promotion/decide.h"
#include "promotion/world.h"

#include <optional>
#include <string>
#include <vector>

// How a request ends: exactly one Concluded record, and what is shown of it for ever after.
namespace stagekeeper::promotion::conclusion {

/// What a Concluded record says beside whose it is.
struct Ending {
  EndCode code = EndCode::kNone;
  std::string text;
  std::string decision_digest;
  VersionRef from;
  VersionRef to;
  std::vector<StageMove> moves;
  std::vector<GateState> gates;
  std::optional<ReviewView> review;
  std::vector<ApprovalView> approvals;
  std::vector<TargetEnd> targets;
  RequestRef aborts;  ///< of an Abort: what is to end by it
};

/// Where an ending is recorded.
struct Place {
  const Subject& subject;
  const History& model_ledger;
  const std::vector<ApprovalState>& approvals;
};

/// Records the ending; the next round finds it and shows it.
Decision conclude(const Place& place, const Ending& ending);

/// Why no ending without gates may be recorded now: each costs a record that stays for years, and
/// anybody who may ask could fill the ledger. Sets `until`, when the quota allows the next one.
std::optional<Wait> quota(const History& model_ledger, const Subject& subject, TimePoint now,
                          TimePoint& until);

/// The same for a GateResult that opens a review without any gate.
std::optional<Wait> review_quota(const History& model_ledger, const Subject& subject, TimePoint now,
                                 TimePoint& until);

/// The code of a request as a whole, from the ends of its targets.
EndCode overall(const std::vector<TargetEnd>& ends);

/// "version 4 serves on eu, us", "eu: …; us: …".
std::string summary(const std::vector<TargetEnd>& ends);

/// What the moves of a rollout depend on.
struct Moved {
  std::string stage;
  const History& model_ledger;
  const std::vector<TargetEnd>& ends;
  const std::vector<const History*>& ledgers;  ///< of all of the model's targets
  bool all_read = true;  ///< false: one more ledger is broken, so any version may serve there
};

/// The versions that serve now enter the stage. What a target of this request served before
/// and no target of the model serves any more is archived. Empty when no target applied anything.
std::vector<StageMove> moves(const Moved& facts);

/// Shows an end, and removes what the request still owns. Never anything else.
Decision show(const Conclusion& end, const PromotionRequest& request, const Belongings& owned);

}  // namespace stagekeeper::promotion::conclusion
