#pragma once

#include <string>
#include <string_view>

namespace stagekeeper::promotion {

/// Why nothing more happens for now. What that means is said where it is used.
enum class WaitCode {
  // the store and the ledgers
  kAuditStoreNotTrusted,
  kAuditStoreUnavailable,
  kAuditStoreRefused,
  kAuditBroken,
  kRecordQuota,
  // admission
  kPolicyNotIntact,
  // intake
  kPolicyMissing,
  kPolicyUnsafe,
  kStageUnknown,
  kModelVersionMissing,
  kRequesterUnknown,
  kRequesterNotAuthorized,
  kAuthorizationUnknown,
  kWaitingForStage,
  kTargetMissing,
  kTargetOfAnotherModel,
  kDeploymentMissing,
  kDeploymentNotClaimed,
  kDeploymentPaused,
  kContainerMissing,
  kSequenceAhead,
  kTargetBusy,
  kGateClassMissing,
  kFieldConflict,
  kDecisionTooLarge,
  // evaluation
  kCandidateBusy,
  kCandidateNameTaken,
  kCandidateWouldReceiveTraffic,
  kPreparingClones,
  kCandidateNotReady,
  kGatesRunning,
  kGateRetrySpaced,
  // review
  kAwaitingApproval,
  // recording and rollout
  kRecording,
  kPinning,
  kRolloutInProgress,
  kSmokeTest,
  kSmokeTestErrored,
  kRollingBack,
  kDeleted,
};

/// "AuditStoreNotTrusted", …: the reason in conditions.
std::string_view name(WaitCode code);

/// What a request waits for: the only source of condition messages.
struct Wait {
  WaitCode code = WaitCode::kRecording;
  std::string about;  ///< the object or fact: "Deployment credit-risk-eu", for the column
  std::string what;   ///< one sentence: what is the case
  std::string
      who_can;  ///< "a cluster admin", "one of group mrm"; empty: nobody needs to do a thing
  std::string command;  ///< what that person types, or does; empty: none
};

/// "<what>; <who_can>: <command>", or "<what>; no action needed".
std::string message_of(const Wait& wait);

}  // namespace stagekeeper::promotion
