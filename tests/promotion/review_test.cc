#include "promotion/review.h"

#include "fixtures.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)
using std::chrono::hours;

namespace {

const std::string kDigest = digest_of('a');

ReviewSpec two_roles() {
  return *policy().stages[1].review;
}

World asked(const std::vector<std::string>& people) {
  World world = ready_to_promote();
  world.approvals.clear();
  for (const std::string& who : people) {
    world.approvals.push_back(approval(world.request, who, kDigest));
    world.approvals.back().approval.meta.created += std::chrono::seconds(world.approvals.size());
  }
  return world;
}

ReviewOutcome count(const World& world, const ReviewSpec& review = two_roles()) {
  return count_approvals(world, review, kDigest, at(hours(74)));
}

}  // namespace

TEST_CASE("review: an approval that is not exactly right does not count, and says why") {
  struct Row {
    std::string spoiled;
    void (*spoil)(World&, Approval&);
    std::string reason;
  };

  const Row rows[] = {
      {"digest", [](World&, Approval& a) { a.decision_digest = digest_of('0'); }, "DigestChanged"},
      {"model", [](World&, Approval& a) { a.model = "other"; }, "RequestMismatch"},
      {"stage", [](World&, Approval& a) { a.stage = "Staging"; }, "RequestMismatch"},
      {"request's name", [](World&, Approval& a) { a.request_name = "other"; }, "RequestMismatch"},
      {"own request", [](World& w, Approval& a) { w.request.requester = a.approver; },
       "ApproverIsRequester"},
      {"requester's other name",
       [](World& w, Approval& a) { w.request.requester = {"m", a.approver.uid, {}}; },
       "ApproverIsRequester"},
      {"trainer", [](World& w, Approval&) { w.version->trained_by = "mia"; }, "ApproverIsTrainer"},
      {"service account",
       [](World&, Approval& a) { a.approver.username = "system:serviceaccount:x:y"; },
       "NotAuthorized"},
      {"no name", [](World&, Approval& a) { a.approver.username.clear(); }, "NotAuthorized"},
      {"right", [](World& w, Approval&) { w.approvals[0].authorised = false; }, "NotAuthorized"},
      {"answer about the right", [](World& w, Approval&) { w.approvals[0].authorised.reset(); },
       "AuthorizationUnknown"},
      {"time", [](World&, Approval& a) { a.meta.created = at(hours(74)); }, "Expired"},
      {"group", [](World&, Approval& a) { a.approver.groups = {"everyone"}; }, "NoRoleLeft"},
      {"standing", [](World&, Approval& a) { a.meta.deleting = true; }, "Withdrawn"},
  };
  CHECK(count(asked({"mia", "rex"})).complete());
  for (const Row& row : rows) {
    CAPTURE(row.spoiled);
    World w = asked({"mia", "rex"});
    row.spoil(w, w.approvals[0].approval);
    const ReviewOutcome outcome = count(w);
    CHECK_FALSE(outcome.complete());
    CHECK(outcome.counted == 1);
    const auto it = std::ranges::find(outcome.approvals, "approval-mia", &ApprovalView::name);
    REQUIRE(it != outcome.approvals.end());
    CHECK_FALSE(it->counted);
    CHECK(it->reason == row.reason);
    CHECK_FALSE(it->message.empty());
  }
}

TEST_CASE("review: approvals of another request's uid are not looked at") {
  World w = asked({"mia", "rex"});
  w.approvals[0].approval.request_uid = "uid-earlier";
  CHECK(count(w).approvals.size() == 1);
}

TEST_CASE("review: an approval that the record of the decision does not mention") {
  World w = ready_to_promote();
  Approval late = w.approvals[0].approval;
  CHECK(late_approval(w, late).reason == "RequestEnded");
  RecordFact intent;
  intent.sequence = 3;
  intent.time = late.meta.created + std::chrono::seconds(1);
  w.past_review = PastReview{.record = intent, .review = {}, .approvals = {}};
  const ApprovalView view = late_approval(w, late);
  CHECK(view.reason == "NotCounted");
  CHECK_FALSE(view.counted);
  CHECK(view.message.find("record 3") != std::string::npos);
  late.meta.created = intent.time;
  CHECK(late_approval(w, late).reason == "RequestEnded");
}

TEST_CASE("review: seats are matched, so that the order of approvals does not matter") {
  for (const auto& people :
       {std::vector<std::string>{"bo", "mia"}, {"mia", "bo"}, {"bo", "rex"}, {"rex", "bo"}}) {
    CAPTURE(people[0] + people[1]);
    const ReviewOutcome outcome = count(asked(people));
    CHECK(outcome.complete());
    CHECK(outcome.missing.empty());
    CHECK(outcome.approvals[0].role != outcome.approvals[1].role);
  }
  const ReviewOutcome full = count(asked({"bo", "mia", "rex"}));
  CHECK(full.counted == 2);
  CHECK(std::ranges::count(full.approvals, "NoRoleLeft", &ApprovalView::reason) == 1);
  CHECK(full.complete());
}

TEST_CASE("review: three seats that only one assignment fills, in every order") {
  ReviewSpec review;
  review.approvers = {{.role = "a", .groups = {"x", "y", "z"}},
                      {.role = "b", .groups = {"x", "y"}},
                      {.role = "c", .groups = {"x"}}};
  std::vector<std::pair<std::string, std::string>> people = {{"p1", "x"}, {"p2", "y"}, {"p3", "z"}};
  do {
    World w = asked({people[0].first, people[1].first, people[2].first});
    for (std::size_t i = 0; i < people.size(); ++i)
      w.approvals[i].approval.approver.groups = {people[i].second};
    CHECK(count(w, review).complete());
  } while (std::ranges::next_permutation(people).found);
}

TEST_CASE("review: one person is one seat, by name and by uid") {
  ReviewSpec review;
  review.approvers = {{.role = "model-risk", .groups = {"mrm"}, .count = 2}};
  World w = asked({"mia", "mia"});
  w.approvals[1].approval.meta.uid = "uid-second";
  CHECK(count(w, review).counted == 1);
  CHECK(count(w, review).approvals[1].reason == "Duplicate");
  w.approvals[1].approval.approver.username = "mia-admin";
  CHECK(count(w, review).counted == 1);
  w.approvals[1].approval.approver.uid = "u-other";
  CHECK(count(w, review).complete());
  w.approvals[0].approval.approver.uid.clear();  // two people without uid are not one
  w.approvals[1].approval.approver.uid.clear();
  CHECK(count(w, review).complete());
}

TEST_CASE("review: whom to ask is said, and nobody to ask never completes") {
  CHECK(count(asked({"rex"})).missing == "model-risk (one of group mrm)");
  CHECK_FALSE(count(asked({"mia", "rex"}), ReviewSpec{}).complete());
}

TEST_CASE("review: a rejection needs the right and nothing else") {
  World w = asked({"mia", "rex", "priya"});
  Approval& reject = w.approvals[2].approval;
  reject.approve = false;
  reject.decision_digest = digest_of('0');
  REQUIRE(count(w).rejection);
  CHECK(count(w).rejection->approver == "priya");
  w.approvals[2].authorised = false;
  CHECK_FALSE(count(w).rejection);
  CHECK(count(w).complete());
  w.approvals[2].authorised.reset();  // it might be one: wait
  CHECK_FALSE(count(w).rejection);
  CHECK_FALSE(count(w).complete());
}

TEST_CASE("review: the manifest approves exactly this decision, whatever the names look like") {
  PromotionRequest r = request("2", "Production");
  r.meta.name = "1e3";
  r.model = "47";
  CHECK(approval_manifest(r, kDigest) ==
        "apiVersion: stagekeeper.dev/v1alpha1\n"
        "kind: Approval\n"
        "metadata:\n"
        "  generateName: \"1e3-\"\n"
        "  namespace: \"credit\"\n"
        "spec:\n"
        "  request: {name: \"1e3\", uid: \"uid-2-prod\"}\n"
        "  model: \"47\"\n"
        "  stage: Production\n"
        "  decision: Approve\n"
        "  decisionDigest: " +
            kDigest + "\n");
}
