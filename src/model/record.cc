#include "model/record.h"

#include "base/enum_names.h"

namespace stagekeeper {
namespace {

constexpr EnumName<LedgerKind> kLedgerKinds[] = {{LedgerKind::kTarget, "target"},
                                                 {LedgerKind::kModel, "model"}};
static_assert(names_all(kLedgerKinds, LedgerKind::kModel));

constexpr EnumName<RecordKind> kRecordKinds[] = {
    {RecordKind::kGenesis, "Genesis"},
    {RecordKind::kObjectAdopted, "ObjectAdopted"},
    {RecordKind::kKeyRotation, "KeyRotation"},
    {RecordKind::kGateResult, "GateResult"},
    {RecordKind::kDecided, "Decided"},
    {RecordKind::kConcluded, "Concluded"},
    {RecordKind::kIntent, "Intent"},
    {RecordKind::kApplied, "Applied"},
    {RecordKind::kAborted, "Aborted"},
    {RecordKind::kAbandoned, "Abandoned"},
    {RecordKind::kDrift, "Drift"},
    {RecordKind::kDriftEnded, "DriftEnded"},
    {RecordKind::kTemplateChanged, "TemplateChanged"},
    {RecordKind::kRestored, "Restored"},
    {RecordKind::kUnknown, "Unknown"},
};
static_assert(names_all(kRecordKinds, RecordKind::kUnknown));

constexpr EnumName<Effect> kEffects[] = {
    {Effect::kNone, "none"}, {Effect::kStage, "stage"}, {Effect::kPin, "pin"}};
static_assert(names_all(kEffects, Effect::kPin));

constexpr EnumName<EndCode> kEndCodes[] = {
    {EndCode::kNone, "None"},
    {EndCode::kDeploymentGone, "DeploymentGone"},
    {EndCode::kTargetGone, "TargetGone"},
    {EndCode::kOvertaken, "Overtaken"},
    {EndCode::kSubjectChanged, "SubjectChanged"},
    {EndCode::kNotRunning, "NotRunning"},
    {EndCode::kRolloutFailed, "RolloutFailed"},
    {EndCode::kSmokeTestFailed, "SmokeTestFailed"},
    {EndCode::kSuperseded, "Superseded"},
    {EndCode::kRequestGone, "RequestGone"},
    {EndCode::kAborted, "Aborted"},
    {EndCode::kApplied, "Applied"},
    {EndCode::kPartlyApplied, "PartlyApplied"},
    {EndCode::kRolledBack, "RolledBack"},
    {EndCode::kRollbackFailed, "RollbackFailed"},
    {EndCode::kStaged, "Staged"},
    {EndCode::kArchived, "Archived"},
    {EndCode::kNoChange, "NoChange"},
    {EndCode::kGatesFailed, "GatesFailed"},
    {EndCode::kRejected, "Rejected"},
    {EndCode::kReviewExpired, "ReviewExpired"},
    {EndCode::kStageOrder, "StageOrder"},
    {EndCode::kVersionReused, "VersionReused"},
    {EndCode::kNotServing, "NotServing"},
    {EndCode::kNeverServed, "NeverServed"},
    {EndCode::kNothingToRollBackTo, "NothingToRollBackTo"},
    {EndCode::kAlreadyManaged, "AlreadyManaged"},
    {EndCode::kStillServing, "StillServing"},
    {EndCode::kStopped, "Stopped"},
    {EndCode::kNotAborted, "NotAborted"},
    {EndCode::kOther, "Other"},
};
static_assert(names_all(kEndCodes, EndCode::kOther));

}  // namespace

std::string_view name(LedgerKind kind) {
  return enum_name(kLedgerKinds, kind);
}

std::optional<LedgerKind> ledger_kind(std::string_view text) {
  return enum_value(kLedgerKinds, text);
}

std::string_view name(RecordKind kind) {
  return enum_name(kRecordKinds, kind);
}

RecordKind record_kind(std::string_view text) {
  return enum_value(kRecordKinds, text).value_or(RecordKind::kUnknown);
}

std::string_view name(Effect effect) {
  return enum_name(kEffects, effect);
}

std::optional<Effect> effect(std::string_view text) {
  return enum_value(kEffects, text);
}

std::string_view name(EndCode code) {
  return enum_name(kEndCodes, code);
}

EndCode end_code(std::string_view text) {
  return enum_value(kEndCodes, text).value_or(EndCode::kOther);
}

bool same_version(const VersionRef& a, const VersionRef& b) {
  return a.version == b.version && a.digest == b.digest;
}

Effect effect_of(const RecordContent& content) {
  switch (content.kind) {
    case RecordKind::kIntent:
    case RecordKind::kApplied:
    case RecordKind::kAborted:
    case RecordKind::kAbandoned:
      return Effect::kPin;
    case RecordKind::kConcluded:
      return content.moves.empty() ? Effect::kNone : Effect::kStage;
    case RecordKind::kUnknown:
      return content.effect;
    case RecordKind::kGenesis:
    case RecordKind::kObjectAdopted:
    case RecordKind::kKeyRotation:
    case RecordKind::kGateResult:
    case RecordKind::kDecided:
    case RecordKind::kDrift:
    case RecordKind::kDriftEnded:
    case RecordKind::kTemplateChanged:
    case RecordKind::kRestored:
      break;
  }
  return Effect::kNone;
}

}  // namespace stagekeeper
