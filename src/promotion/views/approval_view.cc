#include "promotion/views/approval_view.h"

#include "promotion/views/json.h"
#include "promotion/views/status_patch.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::promotion {

Result<std::string> approval_status_patch(const Approval& approval, const ApprovalView& view,
                                          Mention mention, std::string_view current_json,
                                          TimePoint now) {
  if (mention == Mention::kLate && approval.counted_known) return std::string();
  nlohmann::json status = {{"observedGeneration", approval.meta.generation}, {"role", nullptr}};
  view::put(status, "role", view.role);
  Conditions conditions(approval.meta.generation);
  const bool unknown = view.reason == "AuthorizationUnknown";
  const bool counts = view.counted && view.approve;
  conditions.add("Counted", unknown ? Truth::kUnknown : (counts ? Truth::kTrue : Truth::kFalse),
                 view.reason, view.message);
  return status_patch(approval.meta, view::text_of(status), conditions, current_json, now);
}

}  // namespace stagekeeper::promotion
