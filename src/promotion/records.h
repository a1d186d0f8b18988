#pragma once

#include "base/result.h"
#include "promotion/decide.h"
#include "promotion/world.h"

#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::promotion {

/// The body of a record: what is needed to answer later, from the bucket alone, why this happened
/// (R63, R64): request, requester, evaluation data, every gate's observed value, threshold and
/// champion, policy digest; where people were asked, approvers with their elapsed times and the
/// first of those whose approval did not count, with the reason. JSON object; long texts are cut so
/// that it fits a record.
std::string record_body(const World& world, const std::vector<GateState>& gates,
                        const std::vector<ApprovalView>& approvals,
                        const std::optional<ReviewView>& review = std::nullopt);

/// Reads the review back from the body of the record that ended it, or nothing when the body holds
/// none: a rollback, an adoption, a stage without review. Errors: Corrupt.
Result<std::optional<PastReview>> review_of_body(const std::string& body, const RecordFact& record);

/// Reads the gates back from the body of a GateResult record. Thresholds and settings of each gate
/// come from `policy_gates` (matched by name); a gate that the policy no longer has keeps its name.
/// Errors: Corrupt.
Result<std::vector<GateState>> gates_of_body(const std::string& body,
                                             const std::vector<GateSpec>& policy_gates);

}  // namespace stagekeeper::promotion
