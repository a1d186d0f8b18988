#include "promotion/review/refusals.h"

#include "base/time.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

bool in_group(const Identity& person, const std::vector<std::string>& groups) {
  return std::ranges::any_of(groups, [&](const std::string& group) {
    return std::ranges::find(person.groups, group) != person.groups.end();
  });
}

/// Whose own work is decided on: the requester, the registrant, and who claims to have trained it.
std::optional<Refusal> own_work(const Subject& subject, const Identity& who) {
  if (same_person(who, subject.request.requester)) {
    return Refusal{"ApproverIsRequester",
                   "who asks for a promotion cannot approve it; somebody else has to"};
  }
  if (!subject.version) return std::nullopt;
  if (same_person(who, subject.version->registered_by)) {
    return Refusal{"ApproverIsRegistrant",
                   "who registered a version cannot approve it; somebody else has to"};
  }
  if (who.username == subject.version->source.trained_by) {
    return Refusal{"ApproverIsTrainer",
                   "who trained a version cannot approve it; somebody else has to"};
  }
  return std::nullopt;
}

std::optional<Refusal> refuse_approve(const ReviewCase& facts, const ReviewSpec& review,
                                      const Approval& approval) {
  if (approval.meta.deleting)
    return Refusal{"Withdrawn", "it is being deleted; approve again if that was not meant"};
  if (auto own = own_work(facts.subject, approval.approver)) return own;
  const bool seated = std::ranges::any_of(
      review.approvers, [&](const ApproverRole& role) { return may_sit(approval.approver, role); });
  if (!seated)
    return Refusal{"NoRoleLeft", "the review has no seat for this person, by name or by group"};
  // After what never changes, so that the reason of such an approval stays what it was.
  if (facts.decision_digest.empty() || approval.decision_digest != facts.decision_digest) {
    return Refusal{"DigestChanged",
                   "it approves another decision than the present one; review again and approve "
                   "status.review.decisionDigest"};
  }
  if (approval.meta.created <= facts.counts_from) {
    return Refusal{"PolicyNotIntact",
                   fmt::format("it was made before {}, up to when the admission policies were not "
                               "known to be in force, so that anybody may have made it in this "
                               "name; approve again",
                               format_time(facts.counts_from))};
  }
  if (approval.meta.created >= facts.expires_at)
    return Refusal{"Expired", "the review had ended; create a new PromotionRequest"};
  return std::nullopt;
}

}  // namespace

bool same_person(const Identity& a, const Identity& b) {
  const bool same_name = !a.username.empty() && a.username == b.username;
  return same_name || (!a.uid.empty() && a.uid == b.uid);
}

bool may_sit(const Identity& person, const ApproverRole& role) {
  return std::ranges::find(role.users, person.username) != role.users.end() ||
         in_group(person, role.groups);
}

std::optional<Refusal> refuse(const ReviewCase& facts, const ReviewSpec& review,
                              const Approval& approval) {
  const PromotionRequest& request = facts.subject.request;
  if (approval.model != request.model || approval.stage != request.stage ||
      approval.request_name != request.meta.name) {
    return Refusal{"RequestMismatch",
                   "model, stage or request name differ from the request's; create a new Approval "
                   "from status.review.approvalManifest"};
  }
  const std::string& who = approval.approver.username;
  if (who.empty() || who.starts_with("system:"))
    return Refusal{"NotAuthorized", "a person has to approve, not a service account"};
  if (!approval.approve) return std::nullopt;
  return refuse_approve(facts, review, approval);
}

ApprovalView view_of(const Approval& approval) {
  return {.name = approval.meta.name,
          .uid = approval.meta.uid,
          .approver = approval.approver.username,
          .approve = approval.approve,
          .created = approval.meta.created};
}

}  // namespace stagekeeper::promotion
