#include "promotion/review/review.h"

#include "base/text.h"
#include "promotion/review/refusals.h"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace stagekeeper::promotion {
namespace {

constexpr std::size_t kMaxComment = 1000;

/// One place to fill: a role that wants two people has two seats.
struct Seat {
  const ApproverRole* role = nullptr;
  int taken_by = -1;  ///< index into the people
};

/// Who passed every check that costs nothing, with the row that shows him.
struct Candidate {
  const Approval* approval = nullptr;
  ApprovalView row;
};

/// Augmenting-path matching of one more person to the seats; a seat's holder may be moved.
bool seat_person(const std::vector<const Candidate*>& people, int person, std::vector<Seat>& seats,
                 std::vector<bool>& tried) {
  const Identity& who = people[static_cast<std::size_t>(person)]->approval->approver;
  for (std::size_t i = 0; i < seats.size(); ++i) {
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
  for (const ApproverRole& role : review.approvers)
    seats.insert(seats.end(), static_cast<std::size_t>(role.count), Seat{.role = &role});
  return seats;
}

/// "model-risk (one of group mrm, or mia)".
std::string who_fills(const ApproverRole& role) {
  const std::string groups = role.groups.empty() ? "" : "one of group " + join(role.groups, ", ");
  return fmt::format("{} ({})", role.role, join_filled({groups, join(role.users, ", ")}, ", or "));
}

std::string describe_missing(const std::vector<Seat>& seats) {
  std::vector<std::string> out;
  for (const Seat& seat : seats)
    if (seat.taken_by < 0) out.push_back(who_fills(*seat.role));
  return join(out, "; ");
}

bool may_sit_somewhere(const Identity& person, const ReviewSpec& review) {
  return std::ranges::any_of(review.approvers,
                             [&](const ApproverRole& role) { return may_sit(person, role); });
}

/// Approvals of those whom the review asks, then others', each by time of creation: nobody whom the
/// review does not ask can crowd out who it does. The uid settles ties, so that every replica
/// counts alike.
std::vector<const Approval*> in_order(const ReviewCase& facts, const ReviewSpec& review) {
  std::vector<const Approval*> out;
  for (const ApprovalState& state : facts.approvals) {
    if (state.approval.request_uid == facts.subject.request.meta.uid)
      out.push_back(&state.approval);
  }
  std::ranges::sort(out, {}, [&](const Approval* approval) {
    return std::tuple(!may_sit_somewhere(approval->approver, review), approval->meta.created,
                      approval->meta.uid);
  });
  return out;
}

void refuse_row(ApprovalView& row, const char* reason, std::string message) {
  row.reason = reason;
  row.message = std::move(message);
}

/// The same person, saying the same again.
bool repeats(const std::vector<Candidate>& candidates, const Approval& approval) {
  return std::ranges::any_of(candidates, [&](const Candidate& other) {
    return other.approval->approve == approval.approve &&
           same_person(other.approval->approver, approval.approver);
  });
}

/// Splits the Approvals into those that are worth a question and the rows of the others.
struct Sorted {
  std::vector<Candidate> candidates;
  std::vector<ApprovalView> refused;
};

Sorted sort_out(const ReviewCase& facts, const ReviewSpec& review) {
  Sorted out;
  for (const Approval* approval : in_order(facts, review)) {
    ApprovalView row = view_of(*approval);
    if (const auto refusal = refuse(facts, review, *approval)) {
      row.reason = refusal->reason;
      row.message = refusal->message;
    } else if (repeats(out.candidates, *approval)) {
      refuse_row(row, "Duplicate", "the same person has answered already");
    } else if (out.candidates.size() == kMaxJudged) {
      refuse_row(row, "NotJudged",
                 fmt::format("only the first {} answers of a request are judged", kMaxJudged));
    } else {
      out.candidates.push_back({approval, std::move(row)});
      continue;
    }
    out.refused.push_back(std::move(row));
  }
  return out;
}

/// Judges one candidate by his right. Returns whether he has it.
bool has_right(const ReviewCase& facts, Candidate& candidate, ReviewOutcome& out) {
  const RightsQuestion question{.who = candidate.approval->approver, .verb = kApproveVerb};
  const std::optional<bool>* answer = facts.rights.find(question);
  if (answer == nullptr) {
    out.questions.push_back(question);
    return false;
  }
  if (answer->has_value() && **answer) return true;
  out.ask_again = true;
  if (!answer->has_value()) {
    out.reject_unknown = out.reject_unknown || !candidate.approval->approve;
    refuse_row(candidate.row, "AuthorizationUnknown",
               "the API server could not be asked whether the author may approve; asking again");
  } else {
    refuse_row(
        candidate.row, "NotAuthorized",
        fmt::format("{} may not approve stage {}: the verb {} on modelstages.{} is missing",
                    question.who.username, facts.subject.request.stage, kApproveVerb, kApiGroup));
  }
  return false;
}

void accept_rejection(Candidate& candidate, ReviewOutcome& out) {
  candidate.row.counted = true;
  refuse_row(candidate.row, "Rejected", printable(candidate.approval->comment, kMaxComment));
  if (!out.rejection) out.rejection = candidate.row;
}

void fill_seats(const ReviewSpec& review, std::vector<Candidate>& candidates,
                std::vector<std::size_t> seated, ReviewOutcome& out) {
  std::vector<Seat> seats = seats_of(review);
  std::vector<const Candidate*> people;
  for (const std::size_t each : seated) {
    refuse_row(candidates[each].row, "NoRoleLeft",
               "no seat is left for this approver, by name or by group");
    people.push_back(&candidates[each]);
    std::vector<bool> tried(seats.size(), false);
    seat_person(people, static_cast<int>(people.size()) - 1, seats, tried);
  }
  for (const Seat& seat : seats) {
    if (seat.taken_by < 0) continue;
    ApprovalView& row = candidates[seated[static_cast<std::size_t>(seat.taken_by)]].row;
    row.role = seat.role->role;
    row.counted = true;
    refuse_row(row, "Counted", "counts for role " + seat.role->role);
    ++out.counted;
  }
  out.needed = static_cast<int>(seats.size());
  out.missing = describe_missing(seats);
}

}  // namespace

ReviewOutcome count_approvals(const ReviewCase& facts, const ReviewSpec& review) {
  ReviewOutcome out;
  Sorted sorted = sort_out(facts, review);
  std::vector<std::size_t> seated;
  for (std::size_t i = 0; i < sorted.candidates.size(); ++i) {
    Candidate& candidate = sorted.candidates[i];
    if (!has_right(facts, candidate, out)) continue;
    if (candidate.approval->approve) {
      seated.push_back(i);
    } else {
      accept_rejection(candidate, out);
    }
  }
  fill_seats(review, sorted.candidates, std::move(seated), out);
  for (Candidate& candidate : sorted.candidates)
    out.approvals.push_back(std::move(candidate.row));
  std::ranges::move(sorted.refused, std::back_inserter(out.approvals));
  return out;
}

ApprovalView late_approval(const RecordFact* end, const Approval& approval) {
  ApprovalView out = view_of(approval);
  if (end != nullptr && approval.meta.created < end->time) {
    refuse_row(
        out, "NotCounted",
        fmt::format("it did not count when the request ended; record {} names those that did",
                    end->sequence));
  } else {
    refuse_row(out, "RequestEnded",
               "the request has ended; create a new PromotionRequest if one is needed");
  }
  return out;
}

ApprovalView orphan_approval(const Approval& approval) {
  ApprovalView out = view_of(approval);
  refuse_row(out, "RequestNotFound",
             fmt::format("no PromotionRequest {} with uid {} in this namespace; create a new "
                         "Approval from status.review.approvalManifest of the request that you "
                         "mean",
                         approval.request_name, approval.request_uid));
  return out;
}

}  // namespace stagekeeper::promotion
