#pragma once

#include "promotion/world.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::promotion {

/// The verb on modelstages that approving and rejecting need.
inline constexpr const char* kApproveVerb = "approve";

/// How many Approvals of one request have their author's right asked in a round. Whoever may create
/// Approvals can create any number; only people that could fill a seat or stop the request count.
inline constexpr std::size_t kMaxJudged = 64;

/// Everything that the Approvals of one request are judged by.
struct ReviewCase {
  const Subject& subject;
  const std::vector<ApprovalState>& approvals;  ///< of this request, or more
  const Rights& rights;                         ///< answers of this round
  std::string decision_digest;                  ///< what an Approve must name; empty: none counts
  TimePoint expires_at{};                       ///< an Approve must be older
  TimePoint counts_from{};                      ///< and younger than this: see AdmissionState
};

/// What all Approvals of a request amount to.
struct ReviewOutcome {
  std::vector<ApprovalView> approvals;    ///< judged ones, of whom it asks, first; then by creation
  int needed = 0;                         ///< seats to fill
  int counted = 0;                        ///< seats filled
  std::string missing;                    ///< which seats are empty, for people
  std::optional<ApprovalView> rejection;  ///< the first valid Reject: final
  std::vector<RightsQuestion> questions;  ///< not empty: ask these, and count again
  bool reject_unknown = false;  ///< a Reject that might be valid: nothing may be decided against it
  bool ask_again = false;  ///< a right was missing or could not be asked; no event announces it

  [[nodiscard]] bool complete() const {
    return needed > 0 && counted >= needed && questions.empty() && !reject_unknown;
  }
};

/// Counts the Approvals of a request against the policy's review.
///
/// An Approve counts when it names this decision, was made while admission could be believed, its
/// author is neither the requester nor who registered or trained the version, sits in one of the
/// roles by name or group, has the right now, has not approved already, and a seat is left. Seats
/// are filled by matching, so that the order of approvals never matters: a person of two groups
/// takes the seat that nobody else can. A Reject needs the right and nothing else; it may name any
/// digest or none.
///
/// Rights are asked last and only for those whose answer can matter, at most kMaxJudged of them.
ReviewOutcome count_approvals(const ReviewCase& facts, const ReviewSpec& review);

/// What an Approval is worth that the end of its request does not mention. `end` is null for a
/// request that ended without a record.
ApprovalView late_approval(const RecordFact* end, const Approval& approval);

/// What an Approval is worth whose request does not exist.
ApprovalView orphan_approval(const Approval& approval);

/// A manifest for `kubectl create -f` that approves exactly this decision.
std::string approval_manifest(const PromotionRequest& request, const std::string& decision_digest);

/// Text as a YAML 1.1 and 1.2 double-quoted scalar: no name becomes a number, a boolean or a
/// second field.
std::string yaml_quoted(std::string_view text);

}  // namespace stagekeeper::promotion
