#include "promotion/action.h"
#include "promotion/decide.h"
#include "promotion/world.h"

#include <fmt/format.h>

namespace stagekeeper::promotion {

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPending:
      return "Pending";
    case Verdict::kRunning:
      return "Running";
    case Verdict::kPassed:
      return "Passed";
    case Verdict::kFailed:
      return "Failed";
    case Verdict::kInconclusive:
      return "Inconclusive";
    case Verdict::kErrored:
      return "Errored";
  }
  return "Errored";
}

std::string_view name(Phase phase) {
  switch (phase) {
    case Phase::kPending:
      return "Pending";
    case Phase::kEvaluating:
      return "Evaluating";
    case Phase::kBlocked:
      return "Blocked";
    case Phase::kAwaitingApproval:
      return "AwaitingApproval";
    case Phase::kRejected:
      return "Rejected";
    case Phase::kExpired:
      return "Expired";
    case Phase::kRecording:
      return "Recording";
    case Phase::kRollingOut:
      return "RollingOut";
    case Phase::kPromoted:
      return "Promoted";
    case Phase::kRolledBack:
      return "RolledBack";
    case Phase::kSuperseded:
      return "Superseded";
    case Phase::kAborted:
      return "Aborted";
    case Phase::kErrored:
      return "Errored";
  }
  return "Errored";
}

std::optional<Phase> phase_of(std::string_view text) {
  for (int i = 0; i <= static_cast<int>(Phase::kErrored); ++i) {
    const auto phase = static_cast<Phase>(i);
    if (name(phase) == text) return phase;
  }
  return std::nullopt;
}

bool is_bad_end(Phase phase) {
  switch (phase) {
    case Phase::kBlocked:
    case Phase::kRejected:
    case Phase::kExpired:
    case Phase::kRolledBack:
    case Phase::kAborted:
    case Phase::kErrored:
      return true;
    default:
      return false;
  }
}

bool is_terminal(Phase phase) {
  return is_bad_end(phase) || phase == Phase::kPromoted || phase == Phase::kSuperseded;
}

std::string describe(const Action& action) {
  struct Describe {
    std::string operator()(const SetFinalizer& a) const {
      return a.present ? "AddFinalizer" : "RemoveFinalizer";
    }

    std::string operator()(const EnsureClone& a) const {
      return fmt::format("EnsureClone {} version {}", a.role, a.version.version);
    }

    std::string operator()(const DeleteClones&) const { return "DeleteClones"; }

    std::string operator()(const CreateGateJob& a) const {
      return fmt::format("CreateGateJob {} attempt {}", a.gate.name, a.attempt);
    }

    std::string operator()(const DeleteJobs&) const { return "DeleteJobs"; }

    std::string operator()(const AppendRecord& a) const {
      return fmt::format("AppendRecord {} {}", a.ledger == LedgerKind::kTarget ? "target" : "model",
                         a.kind);
    }

    std::string operator()(const PatchPin& a) const {
      return fmt::format("PatchPin version {} sequence {}", a.version.version, a.sequence);
    }
  };

  return std::visit(Describe{}, action);
}

}  // namespace stagekeeper::promotion
