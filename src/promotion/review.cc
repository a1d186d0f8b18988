#include "promotion/review.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace stagekeeper::promotion {
namespace {

/// One place to fill: a role that wants two people has two seats.
struct Seat {
  const ApproverRole* role = nullptr;
  int taken_by = -1;  ///< index into the candidates
};

bool same_person(const Identity& a, const Identity& b) {
  return a.username == b.username || (!a.uid.empty() && a.uid == b.uid);
}

bool may_sit(const Identity& person, const ApproverRole& role) {
  return std::ranges::any_of(role.groups, [&](const std::string& group) {
    return std::ranges::find(person.groups, group) != person.groups.end();
  });
}

struct Refusal {
  std::string reason;
  std::string message;
};

/// Why an approval cannot count whatever seats are free, or nothing.
std::optional<Refusal> refuse(const World& world, const ApprovalState& state,
                              const std::string& digest, TimePoint expires_at) {
  const Approval& approval = state.approval;
  const Identity& who = approval.approver;
  if (approval.model != world.request.model || approval.stage != world.request.stage ||
      approval.request_name != world.request.meta.name) {
    return Refusal{
        "RequestMismatch",
        "model, stage or request name differ from the request's; create a new Approval from "
        "status.review.approvalManifest"};
  }
  if (who.username.empty() || who.username.starts_with("system:")) {
    return Refusal{"NotAuthorized", "a person has to approve, not a service account"};
  }
  if (state.authorised == false) {
    return Refusal{
        "NotAuthorized",
        fmt::format("{} may not approve stage {}: the verb approve on stages.{} is missing",
                    who.username, world.request.stage, kApiGroup)};
  }
  if (!approval.approve) return std::nullopt;
  if (approval.meta.deleting) {
    return Refusal{"Withdrawn", "it is being deleted; approve again if that was not meant"};
  }
  if (same_person(who, world.request.requester)) {
    return Refusal{"ApproverIsRequester",
                   "who asks for a promotion cannot approve it; somebody else has to"};
  }
  if (world.version && who.username == world.version->trained_by) {
    return Refusal{"ApproverIsTrainer",
                   "who trained a version cannot approve it; somebody else has to"};
  }
  // After what never changes, so that the reason of such an approval stays what it was.
  if (approval.decision_digest != digest) {
    return Refusal{"DigestChanged",
                   "it approves another decision than the present one; review again and approve "
                   "status.review.decisionDigest"};
  }
  if (approval.meta.created >= expires_at) {
    return Refusal{"Expired", "the review had ended; create a new PromotionRequest"};
  }
  return std::nullopt;
}

/// Augmenting-path matching of one more person to the seats; a seat's holder may be moved.
bool seat_person(const std::vector<const ApprovalState*>& people, int person,
                 std::vector<Seat>& seats, std::vector<bool>& tried) {
  for (std::size_t i = 0; i < seats.size(); ++i) {
    const Identity& who = people[static_cast<std::size_t>(person)]->approval.approver;
    if (tried[i] || !may_sit(who, *seats[i].role)) continue;
    tried[i] = true;
    if (seats[i].taken_by < 0 || seat_person(people, seats[i].taken_by, seats, tried)) {
      seats[i].taken_by = person;
      return true;
    }
  }
  return false;
}

std::vector<Seat> seats_of(const ReviewSpec& review) {
  std::vector<Seat> seats;
  for (const ApproverRole& role : review.approvers) {
    seats.insert(seats.end(), static_cast<std::size_t>(role.count), Seat{.role = &role});
  }
  return seats;
}

std::string describe_missing(const std::vector<Seat>& seats) {
  std::string out;
  for (const Seat& seat : seats) {
    if (seat.taken_by >= 0) continue;
    std::string groups;
    for (const std::string& group : seat.role->groups)
      groups += (groups.empty() ? "" : ", ") + group;
    out += fmt::format("{}{} (one of group {})", out.empty() ? "" : "; ", seat.role->role, groups);
  }
  return out;
}

ApprovalView view_of(const Approval& approval) {
  return {.name = approval.meta.name,
          .uid = approval.meta.uid,
          .approver = approval.approver.username,
          .role = "",
          .approve = approval.approve,
          .counted = false,
          .reason = "",
          .message = "",
          .created = approval.meta.created};
}

/// Approvals by time of creation; the uid settles ties, so that every replica counts alike.
std::vector<const ApprovalState*> in_order(const World& world) {
  std::vector<const ApprovalState*> out;
  for (const ApprovalState& state : world.approvals) {
    if (state.approval.request_uid == world.request.meta.uid) out.push_back(&state);
  }
  std::ranges::sort(out, {}, [](const ApprovalState* state) {
    return std::pair(state->approval.meta.created, state->approval.meta.uid);
  });
  return out;
}

}  // namespace

ReviewOutcome count_approvals(const World& world, const ReviewSpec& review,
                              const std::string& decision_digest, TimePoint expires_at) {
  ReviewOutcome out;
  std::vector<Seat> seats = seats_of(review);
  std::vector<const ApprovalState*> people;
  std::vector<std::size_t> rows;  // which row of out.approvals a person has
  for (const ApprovalState* state : in_order(world)) {
    ApprovalView row = view_of(state->approval);
    const auto refusal = refuse(world, *state, decision_digest, expires_at);
    const bool twice = std::ranges::any_of(people, [&](const ApprovalState* other) {
      return same_person(other->approval.approver, state->approval.approver);
    });
    if (refusal) {
      row.reason = refusal->reason;
      row.message = refusal->message;
    } else if (!state->authorised) {
      out.unanswered = true;
      row.reason = "AuthorizationUnknown";
      row.message =
          "the API server could not be asked whether the author may approve; asking again";
    } else if (!row.approve) {
      row.counted = true;
      row.reason = "Rejected";
      row.message = state->approval.comment;
      if (!out.rejection) out.rejection = row;
    } else if (twice) {
      row.reason = "Duplicate";
      row.message = "the same person has approved already";
    } else {
      row.reason = "NoRoleLeft";
      row.message = "no seat is left for the groups of this approver";
      people.push_back(state);
      rows.push_back(out.approvals.size());
      std::vector<bool> tried(seats.size(), false);
      seat_person(people, static_cast<int>(people.size()) - 1, seats, tried);
    }
    out.approvals.push_back(std::move(row));
  }
  for (const Seat& seat : seats) {
    if (seat.taken_by < 0) continue;
    ApprovalView& row = out.approvals[rows[static_cast<std::size_t>(seat.taken_by)]];
    row.role = seat.role->role;
    row.counted = true;
    row.reason = "Counted";
    row.message = "counts for role " + seat.role->role;
    ++out.counted;
  }
  out.needed = static_cast<int>(seats.size());
  out.missing = describe_missing(seats);
  return out;
}

ApprovalView late_approval(const World& world, const Approval& approval) {
  ApprovalView out = view_of(approval);
  const auto& past = world.past_review;
  if (past && approval.meta.created < past->record.time) {
    out.reason = "NotCounted";
    out.message =
        fmt::format("record {}, which ended the review, does not count it", past->record.sequence);
  } else {
    out.reason = "RequestEnded";
    out.message = "the request had ended; create a new PromotionRequest";
  }
  return out;
}

ApprovalView orphan_approval(const Approval& approval) {
  ApprovalView out = view_of(approval);
  out.reason = "RequestNotFound";
  out.message = fmt::format(
      "no PromotionRequest {} with uid {} in this namespace; create a new Approval from "
      "status.review.approvalManifest of the request that you mean",
      approval.request_name, approval.request_uid);
  return out;
}

std::string approval_manifest(const PromotionRequest& request, const std::string& decision_digest) {
  // Quoted, because a name such as 47 or 1e3 would be a number otherwise.
  return fmt::format(
      "apiVersion: {}\n"
      "kind: Approval\n"
      "metadata:\n"
      "  generateName: \"{}-\"\n"
      "  namespace: \"{}\"\n"
      "spec:\n"
      "  request: {{name: \"{}\", uid: \"{}\"}}\n"
      "  model: \"{}\"\n"
      "  stage: {}\n"
      "  decision: Approve\n"
      "  decisionDigest: {}\n",
      kGroupVersion, request.meta.name, request.meta.ns, request.meta.name, request.meta.uid,
      request.model, request.stage, decision_digest);
}

}  // namespace stagekeeper::promotion
