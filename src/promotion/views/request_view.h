#pragma once

#include "base/result.h"
#include "promotion/decide.h"

#include <string>
#include <string_view>

namespace stagekeeper::promotion {

/// Merge patch for `/status` of a PromotionRequest that shows a decision, or an empty string when
/// the status shows it already: see status_patch(). Nothing in it can outgrow the CRD's limits.
///
/// Conditions follow kstatus: Ready always; Reconciling and Stalled only while true. Beside them
/// GatesPassed, Approved, AuditRecorded (once the decision or the end is locked) and Deployed, as
/// far as they apply. Times come from records where there are any, so that a status that was lost
/// is the same again. What is no longer so is taken away, but for a decision that knows nothing
/// because the audit store does not answer.
/// Errors: Corrupt when the object is no JSON.
Result<std::string> request_status_patch(const PromotionRequest& request, const Decision& decision,
                                         std::string_view current_json, TimePoint now);

}  // namespace stagekeeper::promotion
