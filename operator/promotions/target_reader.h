#pragma once

#include "model/managed_fields.h"
#include "operator/cluster/environment.h"
#include "operator/promotions/observation.h"

#include <map>
#include <string>
#include <vector>

namespace stagekeeper {

/// One ServingTarget as it is now, whether or not its object exists.
struct TargetSight {
  promotion::TargetState state;
  std::optional<LedgerOwner> owner;
  std::string target_json;
  std::string deployment_json;
  std::vector<FieldOwner> template_owners;  ///< of the Deployment's template, us left out
  std::vector<FieldOwner> pin_owners;       ///< of the values of its pins, us left out
};

/// Reads a ServingTarget, its Deployment (both live) and its ledger, in this order, so that what
/// the objects carry of a record is never news to the ledger. Errors: those of the API and the
/// ledger, Corrupt.
Result<TargetSight> read_target(const Environment& environment, const std::string& ns,
                                const std::string& name);

/// The parts of it: the objects alone, the Deployment to a target that was read.
Result<TargetSight> read_target_objects(const Environment& environment, const std::string& ns,
                                        const std::string& name);

/// A ledger, which must hold at least the head that a status shows of it: a status may stop, never
/// allow. Errors: those of the ledger; Corrupt when the bucket is behind.
Result<History> read_ledger(const Environment& environment, const std::string& ns,
                            const LedgerName& ledger, const std::optional<LedgerHead>& shown);

/// What bears all these labels.
kube::Selection selected_by(const std::map<std::string, std::string>& labels);

inline LedgerName target_ledger(const std::string& target) {
  return {.kind = LedgerKind::kTarget, .name = target};
}

inline LedgerName model_ledger(const std::string& model) {
  return {.kind = LedgerKind::kModel, .name = model};
}

}  // namespace stagekeeper
