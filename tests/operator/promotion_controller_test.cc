#include "operator/promotions/promotion_controller.h"

#include "tests/operator/room.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

std::size_t writes(const Room& room) {
  return room.api.calls_with("POST ") + room.api.calls_with("PATCH ") +
         room.api.calls_with("DELETE ") - room.api.calls_with("subjectaccessreviews") -
         room.api.calls_with("dryRun=All");
}

/// To the review of version 1 for Production.
std::string to_review(Room& room) {
  room.ask("1", "Staging");
  room.settle();
  const std::string request = room.ask("1", "Production");
  room.settle();
  REQUIRE(room.phase_of(request) == "AwaitingApproval");
  return request;
}

/// The store answers, and calls something wrong that only people can mend.
void refuse(Room& room, ErrorCode code) {
  room.store.before = [code](std::string_view, std::string_view) {
    return fakes::Fault(Error{code, "403 InvalidAccessKeyId (check the credentials)"});
  };
}

void silence(Room& room) {
  room.store.before = [](std::string_view, std::string_view) {
    return fakes::Fault(Error{ErrorCode::kUnavailable, "connection refused"});
  };
}

}  // namespace

TEST_CASE("promotion: from a request to what serves, with few writes and few questions") {
  Room room;
  const std::string staging = room.ask("1", "Staging");
  room.settle();
  CHECK(room.phase_of(staging) == "Promoted");
  MESSAGE("writes of a Staging promotion with one gate, first records of the ledgers included: "
          << writes(room) << ", access reviews: " << room.api.calls_with("subjectaccessreviews"));
  const std::size_t before = writes(room);
  const std::size_t asked = room.api.calls_with("subjectaccessreviews");
  const std::string production = room.ask("1", "Production");
  room.settle();
  CHECK(room.phase_of(production) == "AwaitingApproval");
  room.answer(production, "mia");
  room.settle();
  CHECK(room.phase_of(production) == "Promoted");
  CHECK(room.pin_of(kTarget) == "1");
  MESSAGE("writes of a Production promotion with one gate: "
          << writes(room) - before
          << ", access reviews: " << room.api.calls_with("subjectaccessreviews") - asked);
  CHECK(writes(room) - before <= 38);
  CHECK(room.api.calls_with("subjectaccessreviews") - asked <= 12);
  const json left = *room.get(kube::type_of<PromotionRequest>(), production);
  CHECK(left["metadata"].value("finalizers", json::array()).empty());
  CHECK(room.api.count(kube::type_of<Job>()) == 0);
  CHECK(room.api.count(kube::type_of<Deployment>()) == 1);
}

TEST_CASE("promotion: while nothing changes, nothing is asked and nothing is written") {
  Room room;
  const std::string request = to_review(room);
  room.operator_->work();
  const std::size_t calls = room.api.calls().size();
  for (int minute = 0; minute < 9; ++minute) {
    room.clock.advance(std::chrono::seconds(60));
    CHECK(room.operator_->work() == 0);
  }
  CHECK(room.api.calls().size() == calls);
  CHECK(room.phase_of(request) == "AwaitingApproval");
}

TEST_CASE("promotion: a restart with nothing to do writes nothing") {
  Room room;
  const std::string request = to_review(room);
  room.answer(request, "mia");
  room.settle();
  const std::string before = room.api.fingerprint();
  const std::size_t written = writes(room);
  room.operator_ = room.replica();
  room.settle();
  CHECK(writes(room) == written);
  CHECK(room.api.fingerprint() == before);
}

TEST_CASE("promotion: no pin changes for an approval of something else") {
  Room room;
  const std::string request = to_review(room);
  const std::string approval = room.answer(request, "mia");
  room.edit<Approval>(approval, [](json& object) {
    object["spec"]["decisionDigest"] = "sha256:" + std::string(64, '0');
  });
  room.settle();
  CHECK(room.phase_of(request) == "AwaitingApproval");
  CHECK(room.pin_of(kTarget).empty());
  const json status = (*room.get(kube::type_of<Approval>(), approval))["status"];
  CHECK(status["conditions"][0]["status"] == "False");
}

TEST_CASE("promotion: a Reject that comes after the decision and before the pin is honoured") {
  Room room;
  const std::string request = to_review(room);
  // The record is written, and the pin is not: the Deployment has just changed.
  bool once = true;
  room.api.on_call([&](const std::string& call) {
    const bool pin = call.find("fieldManager=stagekeeper-pin") != std::string::npos &&
                     call.find("dryRun") == std::string::npos;
    if (!pin || !once) return;
    once = false;
    room.edit<Deployment>(kTarget, [](json& object) { object["status"]["replicas"] = 1; });
  });
  room.answer(request, "mia");
  room.operator_->sync();
  CHECK_FALSE(room.operator_->run(Room::key_of(request)));
  REQUIRE(room.target_history().open_intent() != nullptr);
  room.answer(request, "nora", false);
  room.settle();
  CHECK(room.phase_of(request) == "Rejected");
  CHECK(room.pin_of(kTarget).empty());
  CHECK(room.target_history().open_intent() == nullptr);
}

TEST_CASE("promotion: a Reject is looked for just before the pin, and only then") {
  Room room;
  const std::string request = to_review(room);
  room.answer(request, "mia");
  std::vector<std::string> order;
  room.api.on_call([&](const std::string& call) {
    if (call.find("dryRun") != std::string::npos) return;
    if (call.find("/approvals?") != std::string::npos) order.emplace_back("look");
    if (call.find("fieldManager=stagekeeper-pin") != std::string::npos) order.emplace_back("pin");
  });
  room.operator_->sync();
  CHECK(room.operator_->run(Room::key_of(request)));
  // Once to decide, and once before the pin.
  CHECK(order == std::vector<std::string>{"look", "look", "pin"});
}

TEST_CASE("promotion: a namespace that goes away in the middle of a rollout is let go") {
  Room room;
  const std::string request = to_review(room);
  room.sick.insert("1");
  room.answer(request, "mia");
  room.settle();
  REQUIRE(room.phase_of(request) == "RollingOut");
  const std::string uid =
      (*room.get(kube::type_of<PromotionRequest>(), request))["metadata"]["uid"];
  room.remove_request(request);
  room.api.remove(kube::type_of<PromotionPolicy>(), {kNs, kModel});
  room.api.remove(kube::type_of<ServingTarget>(), {kNs, kTarget});
  room.api.remove(kube::type_of<Deployment>(), {kNs, kTarget});
  room.api.remove(kube::type_of<ModelVersion>(), {kNs, "credit-risk-1"});
  room.settle();
  CHECK_FALSE(room.get(kube::type_of<PromotionRequest>(), request));
  CHECK(room.target_history().open_intent() == nullptr);
  CHECK(room.model_history().last_of(RecordKind::kConcluded, uid) != nullptr);
}

TEST_CASE("promotion: what is shown outlives a store that does not answer, and says so") {
  Room room;
  const std::string request = to_review(room);
  silence(room);
  room.answer(request, "mia");
  room.operator_->work();
  CHECK(room.phase_of(request) == "AwaitingApproval");
  CHECK(room.pin_of(kTarget).empty());
  CHECK(room.status_of(request)["reason"] == "AuditStoreUnavailable");
  room.store.before = nullptr;
  room.clock.advance(std::chrono::seconds(15));
  room.settle();
  CHECK(room.phase_of(request) == "Promoted");
}

TEST_CASE("promotion: a store that will not have us is no silent one, and the cause is shown") {
  for (const ErrorCode code : {ErrorCode::kMisconfigured, ErrorCode::kDenied}) {
    Room room;
    const std::string request = to_review(room);
    refuse(room, code);
    room.answer(request, "mia");
    room.operator_->work();
    const json shown = room.status_of(request);
    CHECK(shown["phase"] == "AwaitingApproval");
    CHECK(shown["reason"] == "AuditStoreRefused");
    const std::string message = shown["message"];
    CAPTURE(message);
    CHECK(message.find("InvalidAccessKeyId (check the credentials)") != std::string::npos);
    CHECK(message.find("no action needed") == std::string::npos);
    CHECK(message.find("whoever runs the audit store") != std::string::npos);
    CHECK(room.pin_of(kTarget).empty());
    room.store.before = nullptr;
    room.clock.advance(std::chrono::seconds(15));
    room.settle();
    CHECK(room.phase_of(request) == "Promoted");
  }
}

TEST_CASE("promotion: a record that is refused says why, and goes through once that is mended") {
  Room room;
  const std::string request = to_review(room);
  room.answer(request, "mia");
  room.store.before = [](std::string_view call, std::string_view) -> fakes::Fault {
    if (call != "put") return std::nullopt;
    return Error{ErrorCode::kMisconfigured, "400 ExpiredToken (the credentials have ended)"};
  };
  room.operator_->work();
  const json shown = room.status_of(request);
  CHECK(shown["phase"] == "Recording");
  CHECK(shown["reason"] == "AuditStoreRefused");
  const std::string message = shown["message"];
  CHECK(message.find("ExpiredToken") != std::string::npos);
  CHECK(message.find("no action needed") == std::string::npos);
  CHECK(room.pin_of(kTarget).empty());
  room.store.before = nullptr;
  room.clock.advance(std::chrono::minutes(10));
  room.settle();
  CHECK(room.phase_of(request) == "Promoted");
}

TEST_CASE("promotion: a silent store is said where nothing is shown yet, and nothing is made") {
  Room room;
  silence(room);
  const std::string request = room.ask("1", "Staging");
  room.operator_->work();
  CHECK(room.phase_of(request) == "Pending");
  CHECK(room.status_of(request)["reason"] == "AuditStoreUnavailable");
  CHECK(room.api.calls_with("POST /apis/apps") ==
        room.api.calls_with("deployments?fieldValidation=Strict&dryRun=All"));
}

TEST_CASE("promotion: an end stays as shown while the store does not answer") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.settle();
  const json shown = room.status_of(request);
  room.operator_ = room.replica();
  silence(room);
  room.edit<PromotionRequest>(request, [](json& object) { object["metadata"]["generation"] = 2; });
  room.operator_->sync();
  room.operator_->queue.insert(Room::key_of(request));
  room.operator_->work();
  CHECK(room.status_of(request) == shown);
}

TEST_CASE("promotion: a wiped status is shown again, with its times") {
  Room room;
  const std::string request = to_review(room);
  room.answer(request, "mia");
  room.settle();
  const json shown = room.status_of(request);
  room.clock.advance(std::chrono::hours(1));
  room.edit<PromotionRequest>(request, [](json& object) { object["status"] = json::object(); });
  room.settle();
  const json again = room.status_of(request);
  CHECK(again["phase"] == shown["phase"]);
  CHECK(again["startedAt"] == shown["startedAt"]);
  CHECK(again["finishedAt"] == shown["finishedAt"]);
}

TEST_CASE("promotion: rounds that cannot begin are said, but never of a request that has ended") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.edit<PromotionPolicy>(kModel, [](json& object) { object["spec"]["riskTier"] = "Unheard"; });
  room.operator_->sync();
  CHECK_FALSE(room.operator_->run(Room::key_of(request)));
  CHECK(room.phase_of(request) == "Pending");
  CHECK(room.status_of(request)["reason"] == "ObservationFailed");
}

TEST_CASE("promotion: a round that cannot begin takes nothing away that people are looking at") {
  Room room;
  const std::string request = to_review(room);
  const json before = room.status_of(request);
  room.edit<PromotionPolicy>(kModel, [](json& object) { object["spec"]["riskTier"] = "Unheard"; });
  room.operator_->sync();
  CHECK_FALSE(room.operator_->run(Room::key_of(request)));
  const json shown = room.status_of(request);
  CHECK(shown["reason"] == "ObservationFailed");
  for (const char* kept : {"review", "gates", "records"})
    CHECK(shown[kept] == before[kept]);
}

TEST_CASE("promotion: a bug is shown with what to do") {
  Room room;
  const std::string request = room.ask("1", "Staging");
  room.operator_->work();
  room.operator_->promotions.broken(Room::key_of(request), "bug: exception escaped: boom");
  CHECK(room.status_of(request)["reason"] == "InternalError");
  CHECK(room.status_of(request)["message"].get<std::string>().find("boom") != std::string::npos);
}

TEST_CASE("promotion: two targets go their own ways, and one that fails leaves the other") {
  Room room({.two_targets = true});
  room.promote("1", "Staging");
  const std::string request = room.ask("1", "Production");
  room.settle();
  room.answer(request, "mia");
  // The second target's pods never get ready with that version.
  bool us = true;
  for (int turn = 0; turn < 30; ++turn) {
    room.operator_->work();
    room.settle_workloads();
    if (us && room.pin_of(kOtherTarget) == "1") {
      room.edit<Deployment>(kOtherTarget, [&](json& object) {
        object["status"]["availableReplicas"] = 0;
        object["status"]["updatedReplicas"] = 0;
        object["status"]["conditions"][0]["reason"] = "ProgressDeadlineExceeded";
        object["status"]["conditions"][0]["status"] = "False";
        object["status"]["conditions"][0]["lastUpdateTime"] =
            format_time(room.clock.now() + std::chrono::seconds(700));
      });
      room.clock.advance(std::chrono::seconds(701));
      us = false;
    }
    room.finish_jobs();
    room.collect_garbage();
  }
  CHECK(room.pin_of(kTarget) == "1");
  CHECK(room.pin_of(kOtherTarget).empty());
  CHECK(room.phase_of(request) == "PartlyPromoted");
}
