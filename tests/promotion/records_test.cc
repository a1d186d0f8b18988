#include "promotion/records.h"

#include "fixtures.h"
#include "promotion/digests.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <set>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

std::vector<ApprovalView> counted(const World& world) {
  std::vector<ApprovalView> out;
  for (const ApprovalState& state : world.approvals) {
    out.push_back({.name = state.approval.meta.name,
                   .uid = state.approval.meta.uid,
                   .approver = state.approval.approver.username,
                   .role = "model-risk",
                   .approve = true,
                   .counted = true,
                   .reason = "Counted",
                   .message = "",
                   .created = state.approval.meta.created});
  }
  return out;
}

}  // namespace

TEST_CASE("record: says by itself what was measured on what, who approved and when") {
  const World w = ready_to_promote();
  const json body = json::parse(record_body(w, w.gates, counted(w)));
  CHECK(body["evaluation"]["dataset"]["version"] == "2026-11");
  CHECK(body["requester"]["username"] == "priya");
  CHECK(body["policyDigest"] == digest_of('c'));
  CHECK(body["modelVersion"]["artifactDigest"] == digest_of('2'));
  CHECK(body["target"]["deploymentUid"] == "uid-deployment");
  CHECK(body["gates"][0]["observed"] == "0.8903");
  CHECK(body["gates"][0]["threshold"] == "0.82");
  CHECK(body["gates"][0]["champion"] == "0.8601");
  CHECK(body["gates"][0]["jobUid"] == "uid-job-accuracy");
  REQUIRE(body["approvals"].size() == 2);
  CHECK(body["approvals"][0]["approver"]["username"] == "mia");
  CHECK(body["approvals"][0]["approver"]["groups"] == json::array({"mrm"}));
  CHECK(body["approvals"][0]["elapsedSeconds"] == "4200");
}

TEST_CASE("record: all approvals that counted are in it, and the first sixteen that did not") {
  const World w = ready_to_promote();
  auto views = counted(w);
  ApprovalView refused = views[0];
  refused.counted = false;
  refused.reason = "NotAuthorized";
  views.insert(views.begin(), 40, refused);
  const json body = json::parse(record_body(w, {}, views));
  CHECK(body["approvals"].size() == 18);
  CHECK(body["approvals"][0]["verdict"] == "NotAuthorized");
  CHECK(body["approvals"][17]["counted"] == true);
}

TEST_CASE("record: the review comes back as it was") {
  const World w = ready_to_promote();
  const ReviewView review{.decision_digest = digest_of('d'),
                          .opened_at = at(std::chrono::hours(1)),
                          .expires_at = at(std::chrono::hours(9)),
                          .needed = 2,
                          .counted = 2,
                          .missing = ""};
  auto views = counted(w);
  views[1].counted = false;
  views[1].reason = "ApproverIsRequester";
  views[1].message = "who asks for a promotion cannot approve it";
  RecordFact intent;
  intent.sequence = 7;
  intent.decision_digest = digest_of('d');
  const auto past = review_of_body(record_body(w, {}, views, review), intent).value();
  REQUIRE(past);
  CHECK(past->record.sequence == 7);
  CHECK(past->review.decision_digest == review.decision_digest);
  CHECK(past->review.opened_at == review.opened_at);
  CHECK(past->review.expires_at == review.expires_at);
  CHECK(past->review.needed == 2);
  CHECK(past->review.counted == 2);
  REQUIRE(past->approvals.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const ApprovalView& now = past->approvals[i];
    CHECK(now.name == views[i].name);
    CHECK(now.uid == views[i].uid);
    CHECK(now.approver == views[i].approver);
    CHECK(now.role == views[i].role);
    CHECK(now.approve == views[i].approve);
    CHECK(now.counted == views[i].counted);
    CHECK(now.reason == views[i].reason);
    CHECK(now.message == views[i].message);
    CHECK(now.created == views[i].created);
  }
}

TEST_CASE("record: a body without a review says so, a malformed one is corrupt") {
  const World w = ready_to_promote();
  CHECK_FALSE(review_of_body(record_body(w, {}, {}), {}).value());
  for (const char* body : {"", "[]", R"({"review":1})", R"({"review":{},"approvals":[]})",
                           R"({"review":{"openedAt":"x","expiresAt":"y","needed":"2","counted":"2",
                               "missing":""}})"}) {
    CAPTURE(body);
    const auto read = review_of_body(body, {});
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("record: fits a ledger record whatever outsiders write") {
  World w = ready_to_promote();
  Identity& who = w.approvals[0].approval.approver;
  who.groups.insert(who.groups.end(), 512, std::string(512, 'g'));
  w.request.requester.groups = who.groups;
  while (w.approvals.size() < 16) {
    w.approvals.push_back(w.approvals[0]);
    w.approvals.back().approval.meta.uid += std::to_string(w.approvals.size());
  }
  for (ApprovalState& state : w.approvals)
    state.approval.comment = std::string(4000, 'c');
  std::vector<GateState> gates(16, w.gates[0]);
  for (GateState& gate : gates)
    gate.message = std::string(4000, 'm');
  const std::string body = record_body(w, gates, counted(w));
  CHECK(body.size() <= 48U << 10U);
  CHECK(gates_of_body(body, {}).value().size() == 16);
}

TEST_CASE("record: gates come back as they were, with the policy's settings") {
  World w = ready_to_promote();
  w.gates[1].verdict = Verdict::kInconclusive;
  w.gates[1].spec.blocking = false;
  w.gates[0].spec.samples = 7;
  const auto gates = gates_of_body(record_body(w, w.gates, {}), {w.gates[0].spec}).value();
  REQUIRE(gates.size() == 3);
  CHECK(gates[0].spec.samples == 7);
  CHECK(gates[0].golden_score == "0.0123");
  CHECK(gates[0].nonce == w.gates[0].nonce);
  CHECK(gates[0].verdict == Verdict::kPassed);
  CHECK(gates[1].verdict == Verdict::kInconclusive);
  CHECK_FALSE(gates[1].spec.blocking);
  CHECK(gates[2].spec.name == "fairness");
}

TEST_CASE("record: a body that is not ours gives an error, and never a pass") {
  for (const char* bad : {"", "[]", "{}", "{\"gates\":1}", "{\"gates\":[1]}", "{\"gates\":[[]]}",
                          "{\"gates\":[{\"name\":1}]}", "{\"gates\":{}", "{\"gates\":\"x\"}"}) {
    CAPTURE(std::string(bad));
    CHECK_FALSE(gates_of_body(bad, {}));
  }
  const auto odd = gates_of_body(R"({"gates":[{"name":"a","verdict":"passed"}]})", {});
  REQUIRE(odd);
  CHECK(odd->at(0).verdict == Verdict::kErrored);
}

TEST_CASE("digest: an evaluation is about exactly this") {
  struct Row {
    std::string what;
    void (*change)(World&);
  };

  const Row rows[] = {
      {"request", [](World& w) { w.request.meta.uid = "x"; }},
      {"version object", [](World& w) { w.version->meta.uid = "x"; }},
      {"version's spec", [](World& w) { w.version_digest = "x"; }},
      {"artifact", [](World& w) { w.version->artifact_digest = "x"; }},
      {"dataset", [](World& w) { w.policy->evaluation.dataset_digest = "x"; }},
      {"policy", [](World& w) { w.policy_digest = "x"; }},
      {"stage", [](World& w) { w.request.stage = "x"; }},
      {"template", [](World& w) { w.evaluated_on->template_digest = "x"; }},
      {"champion", [](World& w) { w.evaluated_on->ledger.records.clear(); }},
  };
  std::set<std::string> seen = {evaluation_digest(ready_to_promote())};
  CHECK(is_digest(*seen.begin()));
  for (const Row& row : rows) {
    CAPTURE(row.what);
    World w = ready_to_promote();
    row.change(w);
    CHECK(seen.insert(evaluation_digest(w)).second);
    CHECK(decision_digest(w, *w.results) !=
          decision_digest(ready_to_promote(), *ready_to_promote().results));
  }
  World later = ready_to_promote();
  later.now += std::chrono::hours(1);
  later.request.meta.resource_version = "99";
  later.request.reason = "typo";
  CHECK(seen.contains(evaluation_digest(later)));
}

TEST_CASE("digest: a decision covers results and target") {
  struct Row {
    std::string what;
    void (*change)(World&);
  };

  const Row rows[] = {
      {"verdict", [](World& w) { w.results->gates[0].verdict = Verdict::kFailed; }},
      {"observed", [](World& w) { w.results->gates[0].observed = "1"; }},
      {"threshold", [](World& w) { w.results->gates[0].threshold = "0"; }},
      {"champion", [](World& w) { w.results->gates[0].champion = "0"; }},
      {"samples", [](World& w) { w.results->gates[0].samples = "1"; }},
      {"job", [](World& w) { w.results->gates[0].job_uid = "x"; }},
      {"pod", [](World& w) { w.results->gates[0].pod_uid = "x"; }},
      {"nonce", [](World& w) { w.results->gates[0].nonce = "x"; }},
      {"image", [](World& w) { w.results->gates[0].image = "x"; }},
      {"a gate", [](World& w) { w.results->gates.pop_back(); }},
      {"evidence", [](World& w) { w.results->record.digest = "x"; }},
      {"cluster", [](World& w) { w.cluster_uid = "x"; }},
      {"target", [](World& w) { w.target->target.meta.uid = "x"; }},
      {"deployment", [](World& w) { w.target->deployment->meta.uid = "x"; }},
      {"pod template", [](World& w) { w.target->template_digest = "x"; }},
      {"ledger", [](World& w) { append(w.target->ledger, {.kind = "Intent"}); }},
  };
  std::set<std::string> seen = {decision_digest(ready_to_promote(), *ready_to_promote().results)};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    World w = ready_to_promote();
    row.change(w);
    CHECK(seen.insert(decision_digest(w, *w.results)).second);
  }
  World other = ready_to_promote();
  append(other.target->ledger, {.kind = "TargetAdopted"});
  CHECK(seen.contains(decision_digest(other, *other.results)));
  append(other.target->ledger, {.kind = "Intent"});  // as before that Intent, it is the same again
  CHECK(seen.contains(decision_digest(other, *other.results, 5)));
}

TEST_CASE("digest: which record holds the results") {
  World w = ready_to_promote();
  const RecordFact mine = w.results->record;
  CHECK(results_record(w)->sequence == mine.sequence);
  RecordFact newer = mine;  // of an evaluation that has come and gone
  newer.decision_digest = digest_of('9');
  append(w.model_ledger, newer);
  CHECK(results_record(w)->sequence == mine.sequence);
  w.policy_digest = digest_of('7');
  CHECK(results_record(w)->sequence == mine.sequence + 1);
  append(w.model_ledger, {.kind = "Blocked", .request_uid = "uid-other"});
  CHECK(results_record(w)->kind == "GateResult");
  append(w.model_ledger, {.kind = "Rejected", .request_uid = kUid});
  CHECK(results_record(w)->kind == "Rejected");
  w.request.meta.uid = "uid-none";
  CHECK(results_record(w) == nullptr);
}
