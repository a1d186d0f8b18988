#pragma once

#include "promotion/review/review.h"

#include <optional>
#include <string>

// Why an Approval cannot count, apart from rights and seats. Internal to this folder.
namespace stagekeeper::promotion {

struct Refusal {
  std::string reason;
  std::string message;
};

bool same_person(const Identity& a, const Identity& b);

/// The person may take a seat of that role.
bool may_sit(const Identity& person, const ApproverRole& role);

/// What costs nothing to see. Nothing: only the author's right and the seats are left to look at.
std::optional<Refusal> refuse(const ReviewCase& facts, const ReviewSpec& review,
                              const Approval& approval);

ApprovalView view_of(const Approval& approval);

}  // namespace stagekeeper::promotion
