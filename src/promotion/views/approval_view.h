#pragma once

#include "base/result.h"
#include "promotion/world.h"

#include <string>
#include <string_view>

namespace stagekeeper::promotion {

/// Whether a decision mentions an Approval, or only comes after it.
enum class Mention {
  kByDecision,
  kLate,  ///< what was said of it while it mattered stays
};

/// Merge patch for `/status` of an Approval, or an empty string when there is nothing to say: see
/// status_patch(). Condition Counted says whether it counts for its request: False also for a
/// valid Reject, which ends the request. Errors: Corrupt when the object is no JSON.
Result<std::string> approval_status_patch(const Approval& approval, const ApprovalView& view,
                                          Mention mention, std::string_view current_json,
                                          TimePoint now);

}  // namespace stagekeeper::promotion
