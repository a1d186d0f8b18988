#include "promotion/wait.h"

#include "base/enum_names.h"
#include "base/text.h"

#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

constexpr EnumName<WaitCode> kWaits[] = {
    {WaitCode::kAuditStoreNotTrusted, "AuditStoreNotTrusted"},
    {WaitCode::kAuditStoreUnavailable, "AuditStoreUnavailable"},
    {WaitCode::kAuditStoreRefused, "AuditStoreRefused"},
    {WaitCode::kAuditBroken, "AuditBroken"},
    {WaitCode::kRecordQuota, "RecordQuota"},
    {WaitCode::kPolicyNotIntact, "PolicyNotIntact"},
    {WaitCode::kPolicyMissing, "PolicyMissing"},
    {WaitCode::kPolicyUnsafe, "PolicyUnsafe"},
    {WaitCode::kStageUnknown, "StageUnknown"},
    {WaitCode::kModelVersionMissing, "ModelVersionMissing"},
    {WaitCode::kRequesterUnknown, "RequesterUnknown"},
    {WaitCode::kRequesterNotAuthorized, "RequesterNotAuthorized"},
    {WaitCode::kAuthorizationUnknown, "AuthorizationUnknown"},
    {WaitCode::kWaitingForStage, "WaitingForStage"},
    {WaitCode::kTargetMissing, "TargetMissing"},
    {WaitCode::kTargetOfAnotherModel, "TargetOfAnotherModel"},
    {WaitCode::kDeploymentMissing, "DeploymentMissing"},
    {WaitCode::kDeploymentNotClaimed, "DeploymentNotClaimed"},
    {WaitCode::kDeploymentPaused, "DeploymentPaused"},
    {WaitCode::kContainerMissing, "ContainerMissing"},
    {WaitCode::kSequenceAhead, "SequenceAhead"},
    {WaitCode::kTargetBusy, "TargetBusy"},
    {WaitCode::kGateClassMissing, "GateClassMissing"},
    {WaitCode::kFieldConflict, "FieldConflict"},
    {WaitCode::kDecisionTooLarge, "DecisionTooLarge"},
    {WaitCode::kCandidateBusy, "CandidateBusy"},
    {WaitCode::kCandidateNameTaken, "CandidateNameTaken"},
    {WaitCode::kCandidateWouldReceiveTraffic, "CandidateWouldReceiveTraffic"},
    {WaitCode::kPreparingClones, "PreparingClones"},
    {WaitCode::kCandidateNotReady, "CandidateNotReady"},
    {WaitCode::kGatesRunning, "GatesRunning"},
    {WaitCode::kGateRetrySpaced, "GateRetrySpaced"},
    {WaitCode::kAwaitingApproval, "AwaitingApproval"},
    {WaitCode::kRecording, "Recording"},
    {WaitCode::kPinning, "Pinning"},
    {WaitCode::kRolloutInProgress, "RolloutInProgress"},
    {WaitCode::kSmokeTest, "SmokeTest"},
    {WaitCode::kSmokeTestErrored, "SmokeTestErrored"},
    {WaitCode::kRollingBack, "RollingBack"},
    {WaitCode::kDeleted, "Deleted"},
};
static_assert(names_all(kWaits, WaitCode::kDeleted));

}  // namespace

std::string_view name(WaitCode code) {
  return enum_name(kWaits, code);
}

std::string message_of(const Wait& wait) {
  if (wait.who_can.empty() && wait.command.empty()) return wait.what + "; no action needed";
  return wait.what + "; " + join_filled({wait.who_can, wait.command}, ": ");
}

}  // namespace stagekeeper::promotion
