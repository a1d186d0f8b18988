#include "promotion/review/review.h"

#include "people_fixtures.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace people;                  // NOLINT(google-build-using-namespace)
using std::chrono::hours;
using std::chrono::seconds;

namespace {

const std::string kDigest = sha('a');

/// Approvals of some people, and what the API server says of their rights.
struct Review {
  Subject about = subject();
  std::vector<ApprovalState> approvals;
  Rights rights;
  ReviewSpec spec = review();
  std::string digest = kDigest;

  explicit Review(const std::vector<std::string>& people) {
    for (const std::string& who : people)
      add(approval(who, kDigest));
    answer(true);
  }

  void add(Approval each) {
    each.meta.created += seconds(approvals.size());
    each.meta.uid += "-" + std::to_string(approvals.size());
    approvals.push_back({.approval = std::move(each)});
  }

  Approval& operator[](std::size_t i) { return approvals[i].approval; }

  /// Every right that may be asked for has this answer.
  void answer(std::optional<bool> has) {
    rights.answers.clear();
    for (const ApprovalState& each : approvals)
      rights.answers.emplace_back(
          RightsQuestion{.who = each.approval.approver, .verb = kApproveVerb}, has);
  }

  [[nodiscard]] ReviewOutcome count() const {
    return count_approvals({.subject = about,
                            .approvals = approvals,
                            .rights = rights,
                            .decision_digest = digest,
                            .expires_at = at(hours(74))},
                           spec);
  }
};

const ApprovalView& row_of(const ReviewOutcome& outcome, const std::string& approver) {
  return *std::ranges::find(outcome.approvals, approver, &ApprovalView::approver);
}

}  // namespace

TEST_CASE("review: an approval that is not exactly right does not count, and says why") {
  struct Row {
    const char* spoiled;
    void (*spoil)(Review&, Approval&);
    const char* reason;
  };

  const Row rows[] = {
      {"digest", [](Review&, Approval& a) { a.decision_digest = sha('b'); }, "DigestChanged"},
      {"no digest", [](Review&, Approval& a) { a.decision_digest.clear(); }, "DigestChanged"},
      {"model", [](Review&, Approval& a) { a.model = "fraud"; }, "RequestMismatch"},
      {"stage", [](Review&, Approval& a) { a.stage = "Staging"; }, "RequestMismatch"},
      {"name", [](Review&, Approval& a) { a.request_name = "3-prod"; }, "RequestMismatch"},
      {"requester", [](Review& r, Approval&) { r.about.request.requester = person("mia"); },
       "ApproverIsRequester"},
      {"requester by uid",
       [](Review& r, Approval&) { r.about.request.requester = {.username = "x", .uid = "u-mia"}; },
       "ApproverIsRequester"},
      {"registrant", [](Review& r, Approval&) { r.about.version->registered_by = person("mia"); },
       "ApproverIsRegistrant"},
      {"registrant by uid",
       [](Review& r, Approval&) {
         r.about.version->registered_by = {.username = "x", .uid = "u-mia"};
       },
       "ApproverIsRegistrant"},
      {"trainer", [](Review& r, Approval&) { r.about.version->source.trained_by = "mia"; },
       "ApproverIsTrainer"},
      {"person", [](Review&, Approval& a) { a.approver.username = "system:serviceaccount:ci:x"; },
       "NotAuthorized"},
      {"no name", [](Review&, Approval& a) { a.approver.username.clear(); }, "NotAuthorized"},
      {"time", [](Review&, Approval& a) { a.meta.created = at(hours(74)); }, "Expired"},
      {"group", [](Review&, Approval& a) { a.approver.groups = {"everyone"}; }, "NoRoleLeft"},
      {"standing", [](Review&, Approval& a) { a.meta.deleting = true; }, "Withdrawn"},
  };
  CHECK(Review({"mia", "rex"}).count().complete());
  for (const Row& row : rows) {
    CAPTURE(row.spoiled);
    Review r({"mia", "rex"});
    row.spoil(r, r[0]);
    // No right is asked of whom the cheap checks refuse: the answers here are for rex alone.
    r.rights.answers = {{{.who = person("rex"), .verb = kApproveVerb}, true}};
    const ReviewOutcome outcome = r.count();
    CHECK(outcome.questions.empty());
    CHECK_FALSE(outcome.complete());
    CHECK(outcome.counted == 1);
    const auto it = std::ranges::find(outcome.approvals, "approval-mia", &ApprovalView::name);
    REQUIRE(it != outcome.approvals.end());
    CHECK_FALSE(it->counted);
    CHECK(it->reason == row.reason);
    CHECK_FALSE(it->message.empty());
  }
}

TEST_CASE(
    "review: rights are asked last, once a person, and nothing is decided before the answer") {
  Review r({"mia", "rex", "mia", "priya", "theo"});
  r.rights = {};
  const ReviewOutcome outcome = r.count();
  REQUIRE(outcome.questions.size() == 2);
  CHECK(outcome.questions[0].who.username == "mia");
  CHECK(outcome.questions[0].verb == "approve");
  CHECK_FALSE(outcome.complete());
  CHECK(row_of(outcome, "priya").reason == "ApproverIsRequester");
}

TEST_CASE(
    "review: a right that is missing or unknown is asked again; only a Reject holds things up") {
  Review r({"mia", "rex", "bo"});
  r.rights.answers[2].second.reset();
  ReviewOutcome outcome = r.count();
  CHECK(outcome.complete());  // one author whose right cannot be asked blocks nobody
  CHECK(outcome.ask_again);
  CHECK(row_of(outcome, "bo").reason == "AuthorizationUnknown");
  r.rights.answers[2].second = false;
  CHECK(row_of(r.count(), "bo").reason == "NotAuthorized");
  CHECK(r.count().ask_again);
  CHECK_FALSE(Review({"mia", "rex"}).count().ask_again);
  r[2].approve = false;
  CHECK(r.count().complete());
  r.rights.answers[2].second.reset();
  CHECK_FALSE(r.count().complete());  // it might be valid
  CHECK_FALSE(r.count().rejection);
}

TEST_CASE(
    "review: a flood of Approvals costs 64 questions, and hides nobody whom the review asks") {
  Review r({});
  for (int i = 0; i < 2000; ++i) {
    Approval spam = approval("spammer", kDigest);
    spam.approve = i % 2 == 0;
    spam.approver = {.username = "spammer-" + std::to_string(i), .uid = "s-" + std::to_string(i)};
    r.add(spam);
  }
  r.add(approval("mia", kDigest));
  r.add(approval("rex", kDigest));
  const ReviewOutcome outcome = r.count();
  CHECK(outcome.questions.size() == kMaxJudged);
  CHECK(outcome.questions[0].who.username == "mia");
  CHECK(outcome.questions[1].who.username == "rex");
  CHECK(outcome.approvals.size() == 2002);
  CHECK(outcome.approvals[0].approver == "mia");
  r.answer(false);
  for (auto& [question, has] : r.rights.answers)
    if (!question.who.username.starts_with("spammer")) has = true;
  CHECK(r.count().complete());
}

TEST_CASE("review: approvals of another request's uid are not looked at") {
  Review r({"mia", "rex"});
  r[0].request_uid = "uid-earlier";
  CHECK(r.count().approvals.size() == 1);
}

TEST_CASE("review: an approval that the end of the request does not mention") {
  const Approval late = approval("mia", kDigest);
  CHECK(late_approval(nullptr, late).reason == "RequestEnded");
  RecordFact end;
  end.sequence = 3;
  end.time = late.meta.created + seconds(1);
  const ApprovalView view = late_approval(&end, late);
  CHECK(view.reason == "NotCounted");
  CHECK_FALSE(view.counted);
  CHECK(view.message.find("record 3") != std::string::npos);
  end.time = late.meta.created;
  CHECK(late_approval(&end, late).reason == "RequestEnded");
  CHECK(orphan_approval(late).reason == "RequestNotFound");
}

TEST_CASE("review: seats are matched, so that the order of approvals does not matter") {
  for (const auto& people :
       {std::vector<std::string>{"bo", "mia"}, {"mia", "bo"}, {"bo", "rex"}, {"rex", "bo"}}) {
    CAPTURE(people[0] + people[1]);
    const ReviewOutcome outcome = Review(people).count();
    CHECK(outcome.complete());
    CHECK(outcome.missing.empty());
    CHECK(outcome.approvals[0].role != outcome.approvals[1].role);
  }
  const ReviewOutcome full = Review({"bo", "mia", "rex"}).count();
  CHECK(full.counted == 2);
  CHECK(std::ranges::count(full.approvals, "NoRoleLeft", &ApprovalView::reason) == 1);
  CHECK(full.complete());
}

TEST_CASE("review: three seats that only one assignment fills, in every order") {
  ReviewSpec seats;
  seats.approvers = {{.role = "a", .groups = {"x", "y", "z"}},
                     {.role = "b", .groups = {"x", "y"}},
                     {.role = "c", .groups = {"x"}}};
  std::vector<std::pair<std::string, std::string>> people = {{"p1", "x"}, {"p2", "y"}, {"p3", "z"}};
  do {
    Review r({people[0].first, people[1].first, people[2].first});
    r.spec = seats;
    for (std::size_t i = 0; i < people.size(); ++i)
      r[i].approver.groups = {people[i].second};
    r.answer(true);
    CHECK(r.count().complete());
  } while (std::ranges::next_permutation(people).found);
}

TEST_CASE("review: a seat by name needs no group, and says whom it waits for") {
  Review r({"zoe", "rex"});
  r.spec.approvers[0] = {.role = "model-risk", .users = {"zoe"}};
  CHECK(r.count().complete());
  CHECK(row_of(r.count(), "zoe").role == "model-risk");
  Review missing({"rex"});
  CHECK(missing.count().missing == "model-risk (one of group mrm)");
  missing.spec.approvers[0].users = {"zoe", "ann"};
  CHECK(missing.count().missing == "model-risk (one of group mrm, or zoe, ann)");
  missing.spec.approvers[0].groups.clear();
  CHECK(missing.count().missing == "model-risk (zoe, ann)");
  missing.spec = {};
  CHECK_FALSE(missing.count().complete());  // nobody to ask never completes
}

TEST_CASE("review: one person is one seat, by name and by uid") {
  Review r({"mia", "mia"});
  r.spec.approvers = {{.role = "model-risk", .groups = {"mrm"}, .count = 2}};
  CHECK(r.count().counted == 1);
  CHECK(r.count().approvals[1].reason == "Duplicate");
  r[1].approver.username = "mia-admin";
  r.answer(true);
  CHECK(r.count().counted == 1);
  r[1].approver.uid = "u-other";
  r.answer(true);
  CHECK(r.count().complete());
  r[0].approver.uid.clear();  // two people without uid are not one
  r[1].approver.uid.clear();
  r.answer(true);
  CHECK(r.count().complete());
}

TEST_CASE("review: a rejection needs the right and nothing else, not even a digest") {
  Review r({"mia", "rex", "priya"});
  r[2].approve = false;
  r[2].comment = "no\x1b[2J\nway";
  for (const std::string& digest : {std::string(), sha('0')}) {
    r[2].decision_digest = digest;
    REQUIRE(r.count().rejection);
    CHECK(r.count().rejection->approver == "priya");
  }
  CHECK(r.count().rejection->message == "no?[2J way");
  r.digest.clear();  // after the decision: no Approve counts, and a Reject still does
  CHECK(r.count().counted == 0);
  CHECK(r.count().rejection);
  r.digest = kDigest;
  r.rights.answers[2].second = false;
  CHECK_FALSE(r.count().rejection);
  CHECK(r.count().complete());
}

TEST_CASE("review: the manifest answers exactly this request, whatever the names look like") {
  PromotionRequest r = request();
  r.meta.name = "1e3";
  r.model = "47";
  r.stage = "On";  // YAML 1.1 would make it true
  const std::string head =
      "apiVersion: stagekeeper.dev/v1alpha1\n"
      "kind: Approval\n"
      "metadata:\n"
      "  generateName: \"1e3-\"\n"
      "  namespace: \"credit\"\n"
      "spec:\n"
      "  request: {name: \"1e3\", uid: \"uid-2-prod\"}\n"
      "  model: \"47\"\n"
      "  stage: \"On\"\n";
  CHECK(approval_manifest(r, kDigest) ==
        head + "  decision: Approve\n  decisionDigest: \"" + kDigest + "\"\n");
  CHECK(yaml_quoted("a\"b\\c\n") == R"("a\"b\\c\x0a")");
}
