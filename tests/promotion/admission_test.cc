#include "fixtures.h"
#include "promotion/admission/canaries.h"
#include "promotion/views/object_views.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)
using Proof = AdmissionState::Proof;

namespace {

/// Version 1 serves, every gate of 2 has passed, and one approval is there.
Bench approved() {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.pass_gates();
  bench.approve();
  return bench;
}

void break_admission(Bench& bench) {
  bench.admission = {.proof = Proof::kBroken, .message = "a forged Approval was let through"};
}

Result<std::string> refused_by(const std::string& policy, std::string_view message) {
  return fail(ErrorCode::kDenied,
              fmt::format("create approvals in credit: approvals.stagekeeper.dev \"x\" is "
                          "forbidden: ValidatingAdmissionPolicy '{0}' with binding '{0}' denied "
                          "request: {1} (403)",
                          policy, message));
}

const admission::Canary& approver() {
  return admission::canaries().front();
}

}  // namespace

TEST_CASE("admission: a forgery proves its policy only when that policy refuses it") {
  struct Row {
    const char* what;
    Result<std::string> answer;
    Proof proof;
  };

  const std::string says = "spec.approver.username must be your own user name, x; leave it out";
  const Row rows[] = {
      {"refused", refused_by("stagekeeper-approver", says), Proof::kIntact},
      {"let through", std::string("{}"), Proof::kBroken},
      {"refused by another policy", refused_by("team-labels", says), Proof::kBroken},
      {"refused by the policy for another reason",
       refused_by("stagekeeper-approver", "service accounts cannot approve"), Proof::kBroken},
      {"no right", fail(ErrorCode::kDenied, "approvals is forbidden (403)"), Proof::kBroken},
      {"no such kind", fail(ErrorCode::kNotFound, "the server could not find it (404)"),
       Proof::kBroken},
      {"not well-formed", fail(ErrorCode::kInvalid, "is invalid (422)"), Proof::kBroken},
      {"token just replaced", fail(ErrorCode::kDenied, "Unauthorized (401)"), Proof::kUnknown},
      {"away", fail(ErrorCode::kUnavailable, "timeout"), Proof::kUnknown},
      {"busy", fail(ErrorCode::kThrottled, "try again (429)"), Proof::kUnknown},
      {"ours to stop", fail(ErrorCode::kCancelled, "does not lead"), Proof::kUnknown},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const admission::Judged judged = admission::judge(approver(), row.answer);
    CHECK(judged.proof == row.proof);
    CHECK(judged.message.empty() == (row.proof == Proof::kIntact));
  }
}

TEST_CASE("admission: each forgery is one object that only its policy can refuse") {
  for (const admission::Canary& canary : admission::canaries()) {
    CAPTURE(canary.policy);
    const auto object = nlohmann::json::parse(admission::manifest(canary, "credit"));
    CHECK(object["metadata"]["name"] == admission::kCanaryName);
    CHECK(object["metadata"]["namespace"] == "credit");
    // Verbs and aliases are no obstacle to it: see the chart's rights of the operator.
    if (!canary.pins) CHECK(object["spec"]["stage"] == admission::kCanaryStage);
  }
}

TEST_CASE("admission: a policy's last change is its creation or any later write") {
  const auto at = [](const std::string& metadata) {
    return admission::last_change(R"({"metadata":)" + metadata + "}");
  };
  CHECK(format_time(*at(R"({"creationTimestamp":"2026-03-03T09:00:00Z"})")) ==
        "2026-03-03T09:00:00Z");
  CHECK(format_time(*at(R"({"creationTimestamp":"2026-03-03T09:00:00Z","managedFields":[
            {"manager":"helm","time":"2026-03-03T09:00:00Z"},
            {"manager":"kubectl-edit","time":"2026-03-04T10:00:00Z"},{"manager":"odd"}]})")) ==
        "2026-03-04T10:00:00Z");
  CHECK_FALSE(at(R"({"name":"x"})"));
  CHECK_FALSE(admission::last_change("no JSON"));
}

TEST_CASE("admission: nothing is decided while a policy is not in force, and it is said") {
  Bench bench = approved();
  break_admission(bench);
  const std::size_t before = bench.world.model_ledger.head_sequence();
  const Decision decision = bench.run();
  REQUIRE(decision.wait);
  CHECK(decision.wait->code == WaitCode::kPolicyNotIntact);
  CHECK(decision.reason == "PolicyNotIntact");
  CHECK(decision.message.find("a forged Approval was let through") != std::string::npos);
  CHECK(decision.phase == Phase::kAwaitingApproval);
  CHECK(decision.wake_at);
  CHECK(bench.world.model_ledger.head_sequence() == before);
  CHECK(bench.pinned("eu") == "1");
  SUBCASE("not knowing is no better") {
    bench.admission.proof = Proof::kUnknown;
    CHECK(bench.run().reason == "PolicyNotIntact");
  }
  SUBCASE("what stays in the policy's status holds it, too, until that is written down") {
    bench.admission = {.proof = Proof::kIntact};
    bench.world.subject.policy->admission.intact = false;
    CHECK(bench.decide_now().reason == "PolicyNotIntact");
  }
  SUBCASE("it goes on by itself") {
    bench.admission = {.proof = Proof::kIntact};
    CHECK(bench.run().phase == Phase::kPromoted);
  }
}

TEST_CASE("admission: an approval made before the policies were restored does not count") {
  bool remembered = false;
  SUBCASE("by what this process has seen") {}
  SUBCASE("by what the status remembers") {
    remembered = true;
  }
  Bench bench = approved();
  const TimePoint given = bench.world.approvals.front().approval.meta.created;
  if (remembered) {
    bench.world.subject.policy->admission.counts_from = format_time(given);
  } else {
    bench.admission.counts_from = given;
  }
  // That of the request is certain since its gates have passed.
  const Decision decision = bench.run();
  CHECK(decision.reason == "AwaitingApproval");
  REQUIRE(decision.approvals.size() == 1);
  CHECK_FALSE(decision.approvals.front().counted);
  CHECK(decision.approvals.front().reason == "PolicyNotIntact");
  bench.world.approvals.front().approval.meta.created = given + std::chrono::seconds(1);
  CHECK(bench.run().phase == Phase::kPromoted);
}

TEST_CASE("admission: a Reject counts whenever it was made") {
  Bench bench = approved();
  bench.reject();
  const TimePoint given = bench.world.approvals.back().approval.meta.created;
  bench.admission.counts_from = given;
  CHECK(bench.run().phase == Phase::kRejected);
}

TEST_CASE("admission: a request made while policies were not in force is nobody's") {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.admission.counts_from = bench.world.subject.request.meta.created;
  const std::size_t before = bench.world.model_ledger.head_sequence();
  const Decision decision = bench.run();
  CHECK(bench.world.model_ledger.head_sequence() == before);
  CHECK(decision.reason == "PolicyNotIntact");
  CHECK(decision.message.find("create it again") != std::string::npos);
  CHECK(bench.pinned("eu") == "1");
}

TEST_CASE("admission: a rollback waits for no policy, and its record tells") {
  Bench bench(RequestAction::kRollback, "");
  for (const char* each : {"1", "2"}) {
    bench.serve("eu", each);
    bench.serve("us", each);
  }
  break_admission(bench);
  const Decision first = bench.round();
  const RecordContent* decided = appends(first, RecordKind::kDecided);
  REQUIRE(decided != nullptr);
  CHECK(nlohmann::json::parse(decided->body)["admissionDoubt"] ==
        "a forged Approval was let through");
  CHECK(bench.run().phase == Phase::kPromoted);
  CHECK(bench.pinned("eu") == "1");
}

TEST_CASE("admission: an Adopt and an Archive wait as a Promote does") {
  Bench adopt(RequestAction::kAdopt, "2");
  break_admission(adopt);
  CHECK(adopt.run().reason == "PolicyNotIntact");
  Bench archive(RequestAction::kArchive, "2", "Archived");
  archive.move("2", "Staging");
  break_admission(archive);
  CHECK(archive.run().reason == "PolicyNotIntact");
}

TEST_CASE("admission: what a policy's status remembers only ever holds back more") {
  const TimePoint now = at(std::chrono::hours(3));
  const TimePoint change = at(std::chrono::hours(1));
  const auto state = [&](Proof proof) {
    return AdmissionState{.proof = proof, .at = now, .counts_from = change};
  };
  const PolicyAdmission fresh = remembered({}, state(Proof::kIntact));
  CHECK(fresh.intact);
  CHECK(fresh.counts_from == format_time(change));
  const PolicyAdmission broken = remembered(fresh, state(Proof::kBroken));
  CHECK_FALSE(broken.intact);
  CHECK(broken.counts_from == format_time(change));
  CHECK_FALSE(remembered(broken, state(Proof::kUnknown)).intact);
  const PolicyAdmission restored = remembered(broken, state(Proof::kIntact));
  CHECK(restored.intact);
  CHECK(restored.counts_from == format_time(admission::counts_from(now)));
  // Somebody with a fresh memory, later: the restoration is not forgotten.
  CHECK(remembered(restored, state(Proof::kIntact)).counts_from == restored.counts_from);
}
