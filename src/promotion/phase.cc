#include "base/enum_names.h"
#include "promotion/decide.h"

namespace stagekeeper::promotion {
namespace {

constexpr EnumName<Phase> kPhases[] = {
    {Phase::kPending, "Pending"},
    {Phase::kEvaluating, "Evaluating"},
    {Phase::kBlocked, "Blocked"},
    {Phase::kAwaitingApproval, "AwaitingApproval"},
    {Phase::kRejected, "Rejected"},
    {Phase::kExpired, "Expired"},
    {Phase::kRecording, "Recording"},
    {Phase::kRollingOut, "RollingOut"},
    {Phase::kPromoted, "Promoted"},
    {Phase::kRolledBack, "RolledBack"},
    {Phase::kPartlyPromoted, "PartlyPromoted"},
    {Phase::kSuperseded, "Superseded"},
    {Phase::kAborted, "Aborted"},
    {Phase::kErrored, "Errored"},
};
static_assert(names_all(kPhases, Phase::kErrored));

}  // namespace

std::string_view name(Phase phase) {
  return enum_name(kPhases, phase);
}

std::optional<Phase> phase_of(std::string_view text) {
  return enum_value(kPhases, text);
}

Phase phase_of(EndCode code) {
  switch (code) {
    case EndCode::kApplied:
    case EndCode::kStaged:
    case EndCode::kArchived:
    case EndCode::kNoChange:
    case EndCode::kStopped:
      return Phase::kPromoted;
    case EndCode::kPartlyApplied:
      return Phase::kPartlyPromoted;
    case EndCode::kRolledBack:
      return Phase::kRolledBack;
    case EndCode::kGatesFailed:
    case EndCode::kStageOrder:
    case EndCode::kVersionReused:
    case EndCode::kNotServing:
    case EndCode::kNeverServed:
    case EndCode::kNothingToRollBackTo:
    case EndCode::kAlreadyManaged:
    case EndCode::kNotRunning:
    case EndCode::kStillServing:
    case EndCode::kNotAborted:
      return Phase::kBlocked;
    case EndCode::kRejected:
      return Phase::kRejected;
    case EndCode::kReviewExpired:
      return Phase::kExpired;
    case EndCode::kSuperseded:
      return Phase::kSuperseded;
    case EndCode::kDeploymentGone:
    case EndCode::kTargetGone:
    case EndCode::kOvertaken:
    case EndCode::kSubjectChanged:
    case EndCode::kRolloutFailed:
    case EndCode::kSmokeTestFailed:
    case EndCode::kRequestGone:
    case EndCode::kAborted:
      return Phase::kAborted;
    case EndCode::kRollbackFailed:
    case EndCode::kNone:
    case EndCode::kOther:
      return Phase::kErrored;
  }
  return Phase::kErrored;
}

std::optional<Phase> shown_end(const PromotionRequest& request) {
  const std::optional<Phase> shown = phase_of(request.phase);
  return shown && is_terminal(*shown) ? shown : std::nullopt;
}

bool is_terminal(Phase phase) {
  switch (phase) {
    case Phase::kBlocked:
    case Phase::kRejected:
    case Phase::kExpired:
    case Phase::kPromoted:
    case Phase::kRolledBack:
    case Phase::kPartlyPromoted:
    case Phase::kSuperseded:
    case Phase::kAborted:
    case Phase::kErrored:
      return true;
    case Phase::kPending:
    case Phase::kEvaluating:
    case Phase::kAwaitingApproval:
    case Phase::kRecording:
    case Phase::kRollingOut:
      return false;
  }
  return false;
}

bool is_bad_end(Phase phase) {
  return is_terminal(phase) && phase != Phase::kPromoted;
}

}  // namespace stagekeeper::promotion
