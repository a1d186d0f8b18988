#pragma once

#include "base/result.h"
#include "promotion/decide.h"

#include <string>
#include <string_view>

namespace stagekeeper::promotion {

/// Merge patch for `/status` of a PromotionRequest that shows a decision, under the object's uid
/// and resourceVersion; empty when the status shows it already. Conditions keep their transition
/// time while their status stays. `current_json` is the live object. `now` becomes startedAt,
/// finishedAt and transition times. Nothing in the patch can outgrow the CRD's limits: texts are
/// cut.
///
/// Conditions follow kstatus: Ready always; Reconciling and Stalled only while true. Beside them
/// GatesPassed, Approved, AuditRecorded and Deployed, as far as they apply.
/// Errors: Corrupt when the object is no JSON.
Result<std::string> request_status_patch(const PromotionRequest& request, const Decision& decision,
                                         std::string_view current_json, TimePoint now);

/// The same for an Approval.
Result<std::string> approval_status_patch(const Approval& approval, const ApprovalView& view,
                                          std::string_view current_json, TimePoint now);

/// Puts `fields` (a JSON object) into a status patch for the object, or returns an empty string
/// when `current_json` holds all of it. `conditions` in the fields get their transition times.
/// Errors: Corrupt.
Result<std::string> status_patch(const ObjectMeta& meta, const std::string& fields,
                                 std::string_view current_json, TimePoint now);

}  // namespace stagekeeper::promotion
