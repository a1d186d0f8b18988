#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::promotion {

/// What all Approvals of a request amount to.
struct ReviewOutcome {
  std::vector<ApprovalView> approvals;    ///< in the order they were created
  int needed = 0;                         ///< seats to fill
  int counted = 0;                        ///< seats filled
  std::string missing;                    ///< which seats are empty, for people
  std::optional<ApprovalView> rejection;  ///< the first valid Reject: final
  bool unanswered = false;                ///< an author's right could not be asked: ask again

  [[nodiscard]] bool complete() const { return needed > 0 && counted >= needed && !unanswered; }
};

/// Counts the Approvals of a World against the policy's review.
///
/// An approval counts when it names this decision, its author is neither the requester nor who
/// trained the version, has the right now, has not approved already, and a seat is left for one of
/// his groups. Seats are filled by matching, so that the order of approvals never matters: a person
/// of two groups takes the seat that nobody else can.
ReviewOutcome count_approvals(const World& world, const ReviewSpec& review,
                              const std::string& decision_digest, TimePoint expires_at);

/// What an Approval is worth that the decision does not mention, once the request has ended.
ApprovalView late_approval(const World& world, const Approval& approval);

/// What an Approval is worth whose request does not exist.
ApprovalView orphan_approval(const Approval& approval);

/// A manifest for `kubectl create -f -` that approves exactly this decision.
std::string approval_manifest(const PromotionRequest& request, const std::string& decision_digest);

}  // namespace stagekeeper::promotion
