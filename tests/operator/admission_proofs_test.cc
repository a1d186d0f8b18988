#include "operator/controllers/admission_proofs.h"

#include "kube/objects.h"
#include "promotion/admission/canaries.h"
#include "tests/operator/room.h"

#include <doctest/doctest.h>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using Proof = promotion::AdmissionState::Proof;

namespace {

constexpr const char* kApprover = "stagekeeper-approver";

nlohmann::json policy_status(Room& room) {
  return (*room.get(kube::type_of<PromotionPolicy>(), kModel))["status"];
}

std::string intact_condition(Room& room) {
  const nlohmann::json status = policy_status(room);
  for (const auto& condition : status["conditions"])
    if (condition["type"] == "PolicyIntact") return condition["status"];
  return "";
}

std::string wait_for_review(Room& room) {
  room.promote("1", "Staging");
  std::string request = room.ask("1", "Production");
  room.settle();
  return request;
}

void let_time_pass(Room& room) {
  room.clock.advance(std::chrono::seconds(20));
  room.settle();
}

}  // namespace

TEST_CASE("admission proofs: every forgery is a dry run, and none is left behind") {
  Room room;
  room.promote("1", "Staging");
  CHECK(room.promote("1", "Production") != "");
  CHECK(room.pin_of(kTarget) == "1");
  for (const std::string& call : room.api.calls()) {
    if (call.starts_with("POST") && call.find("/approvals") != std::string::npos)
      CHECK(call.find("dryRun=All") != std::string::npos);
  }
  CHECK(intact_condition(room) == "True");
  CHECK(room.api.count(kube::type_of<Approval>()) == 1);  // mia's
  CHECK_FALSE(room.get(kube::type_of<Deployment>(), promotion::admission::kCanaryName));
}

TEST_CASE("admission proofs: many questions within seconds cost one try") {
  Room room;
  room.operator_->sync();
  AdmissionProofs& proofs = room.operator_->admission;
  for (int i = 0; i < 20; ++i)
    CHECK(proofs.prove(kNs, true).proof == Proof::kIntact);
  CHECK(room.api.calls_with("POST /apis/stagekeeper.dev/v1alpha1/namespaces/credit/approvals") ==
        1);
  CHECK(proofs.prove(kNs, false).proof == Proof::kIntact);  // the same answer covers it
  CHECK(room.api.calls_with("dryRun=All") == 3);
  room.clock.advance(std::chrono::seconds(3));
  room.open_policies = {kApprover};
  CHECK(proofs.prove(kNs, true).proof == Proof::kBroken);
}

TEST_CASE("admission proofs: no answer is older than what it lets count") {
  Room room;
  AdmissionProofs& proofs = room.operator_->admission;
  CHECK(proofs.prove(kNs, true).proof == Proof::kIntact);
  room.open_policies = {kApprover};
  CHECK(proofs.prove(kNs, true).proof == Proof::kIntact);  // remembered
  const std::uint64_t read = proofs.ticket();
  CHECK(proofs.prove(kNs, true, read).proof == Proof::kBroken);
  const std::size_t tries = room.api.calls_with("dryRun=All");
  CHECK(proofs.prove(kNs, true, read).proof == Proof::kBroken);
  CHECK(room.api.calls_with("dryRun=All") == tries);
}

TEST_CASE("admission proofs: an Approval forged within a second of the last try does not count") {
  Room room;
  const std::string request = wait_for_review(room);
  room.open_policies = {kApprover};
  room.answer(request, "mia");  // no time has passed
  room.settle();
  CHECK(room.status_of(request)["reason"] == "PolicyNotIntact");
  CHECK(room.pin_of(kTarget).empty());
}

TEST_CASE("admission proofs: a binding that was removed holds the decision and voids approvals") {
  Room room;
  const std::string request = wait_for_review(room);
  room.clock.advance(std::chrono::seconds(20));
  room.open_policies = {kApprover};
  room.answer(request, "mia");  // by whomever
  room.settle();
  CHECK(room.status_of(request)["reason"] == "PolicyNotIntact");
  CHECK(intact_condition(room) == "False");
  CHECK(policy_status(room)["admission"]["intact"] == false);
  CHECK(room.pin_of(kTarget).empty());

  SUBCASE("by the process that saw it") {}
  SUBCASE("by one that begins before it is restored") {
    room.operator_ = room.replica();
  }
  room.open_policies.clear();
  let_time_pass(room);
  SUBCASE("by one that begins after it was restored") {
    room.operator_ = room.replica();
  }
  let_time_pass(room);
  CHECK(intact_condition(room) == "True");
  CHECK(room.phase_of(request) == "AwaitingApproval");
  CHECK(room.status_of(request)["reason"] == "AwaitingApproval");
  CHECK(room.status_of(request)["approvals"][0]["reason"] == "PolicyNotIntact");
  CHECK(room.pin_of(kTarget).empty());

  room.answer(request, "mia");
  let_time_pass(room);
  CHECK(room.pin_of(kTarget) == "1");
}

TEST_CASE("admission proofs: policies that were exchanged while nobody looked void approvals") {
  Room room;
  const std::string request = wait_for_review(room);
  room.clock.advance(std::chrono::seconds(20));
  // No operator runs: the policy goes, somebody approves, the policy comes back.
  room.answer(request, "mia");
  room.change_policies(room.clock.now());
  room.clock.advance(std::chrono::seconds(20));
  room.operator_ = room.replica();
  room.settle();
  CHECK(room.status_of(request)["reason"] == "AwaitingApproval");
  CHECK(room.status_of(request)["approvals"][0]["reason"] == "PolicyNotIntact");
  CHECK(room.pin_of(kTarget).empty());
  // A request of that time is nobody's, too.
  room.change_policies(room.clock.now());
  const std::string forged = room.ask("2", "Staging");
  room.clock.advance(std::chrono::seconds(20));
  room.settle();
  CHECK(room.status_of(forged)["reason"] == "PolicyNotIntact");
}

TEST_CASE("admission proofs: an API server that does not answer is no fault of the policies") {
  Room room;
  const std::string request = wait_for_review(room);
  room.clock.advance(std::chrono::seconds(20));
  room.answer(request, "mia");
  room.api.inject(
      {.pattern = "dryRun=All", .error = {ErrorCode::kUnavailable, "timeout"}, .times = 1});
  room.operator_->sync();
  static_cast<void>(room.operator_->run(Room::key_of(request)));
  CHECK(room.status_of(request)["reason"] == "PolicyNotIntact");
  let_time_pass(room);
  CHECK(room.pin_of(kTarget) == "1");  // the approval counts
  CHECK(policy_status(room)["admission"]["intact"] == true);
}

TEST_CASE("admission proofs: what was answered before a restoration was proven is void") {
  Room room;
  AdmissionProofs& proofs = room.operator_->admission;
  const TimePoint before = proofs.prove(kNs, true).counts_from;
  room.clock.advance(std::chrono::seconds(10));
  room.open_policies = {kApprover};
  CHECK(proofs.prove(kNs, true).counts_from == before);
  room.clock.advance(std::chrono::seconds(10));
  room.open_policies.clear();
  const TimePoint restored = proofs.prove(kNs, true).counts_from;
  CHECK(restored == promotion::admission::counts_from(room.clock.now()));
  room.clock.advance(std::chrono::hours(1));
  CHECK(proofs.prove(kNs, true).counts_from == restored);
  CHECK(proofs.prove("another", true).counts_from == before);
}

TEST_CASE("admission proofs: policies that cannot be dated are not proven") {
  Room room;
  room.api.remove(kube::type_of<ValidatingAdmissionPolicyBinding>(), {"", kApprover});
  const auto state = room.operator_->admission.prove(kNs, true);
  CHECK(state.proof == Proof::kBroken);
  CHECK(state.message.find("does not exist") != std::string::npos);
}
