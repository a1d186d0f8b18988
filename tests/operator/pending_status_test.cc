#include "operator/controllers/pending_status.h"

#include "operator/wiring/resources.h"
#include "promotion/records.h"
#include "room.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper;                 // NOLINT(google-build-using-namespace)
using namespace stagekeeper::operator_test;  // NOLINT(google-build-using-namespace)

namespace {

/// Answers every call with one body and remembers the requests.
class OneAnswer final : public kube::Api {
 public:
  explicit OneAnswer(Result<std::string> answer) : answer_(std::move(answer)) {}

  Result<std::string> call(const kube::Request& request) override {
    seen.push_back(request);
    return answer_;
  }

  Status watch(const kube::Request& /*request*/, const kube::LineSink& /*sink*/,
               std::stop_token /*stop*/) override {
    return fail(ErrorCode::kInvalid, "not a watch");
  }

  std::vector<kube::Request> seen;

 private:
  Result<std::string> answer_;
};

PendingStatus status_of(kube::Api& api) {
  return {api, resources::kTargets, {"credit", "credit-risk-eu"}};
}

}  // namespace

TEST_CASE("pending: reads what it wrote, and what is malformed counts as none") {
  OneAnswer api(
      std::string(R"({"metadata":{"uid":"u1","resourceVersion":"7"},"status":{"ledger":{"pending":
      {"sequence":"42","key":"k","retainUntil":"2036-01-01T00:00:00Z","envelope":"e"}}}})"));
  PendingStatus pending = status_of(api);
  const auto snapshot = pending.read();
  REQUIRE(snapshot);
  REQUIRE(snapshot->pending);
  CHECK(snapshot->pending->sequence == 42);
  CHECK(snapshot->pending->envelope == "e");
  CHECK(snapshot->token == "u1/7");

  for (const char* broken :
       {R"({"sequence":"x","retainUntil":"2036-01-01T00:00:00Z"})", R"({"sequence":42})", "[]"}) {
    CAPTURE(broken);
    OneAnswer other(
        R"({"metadata":{"uid":"u1","resourceVersion":"7"},"status":{"ledger":{"pending":)" +
        std::string(broken) + "}}}");
    PendingStatus none = status_of(other);
    const auto read = none.read();
    REQUIRE(read);
    CHECK_FALSE(read->pending);
  }
}

TEST_CASE("pending: writes under the uid and version that were read") {
  OneAnswer api(std::string("{}"));
  PendingStatus pending = status_of(api);
  const audit::Pending record{
      .sequence = 7, .key = "v1/k", .retain_until = {}, .envelope = "signed"};
  REQUIRE(pending.write(record, "u1/9"));
  REQUIRE(api.seen.size() == 1);
  CHECK(api.seen[0].target.ends_with("/servingtargets/credit-risk-eu/status"));
  CHECK(api.seen[0].body.find(R"("resourceVersion":"9")") != std::string::npos);
  CHECK(api.seen[0].body.find(R"("uid":"u1")") != std::string::npos);
  CHECK_FALSE(pending.write(record, "no-token"));
}

TEST_CASE("pending: a lost race stays a conflict") {
  OneAnswer api(fail(ErrorCode::kConflict, "modified"));
  PendingStatus pending = status_of(api);
  const Status written =
      pending.write({.sequence = 1, .key = "k", .retain_until = {}, .envelope = "e"}, "u/1");
  REQUIRE_FALSE(written);
  CHECK(written.error().code == ErrorCode::kConflict);
}

TEST_CASE("pending: is cleared once locked, and left alone while it is on its way") {
  promotion::LedgerView ledger;
  ledger.records.resize(3);
  ledger.records.back().sequence = 3;
  const auto pending = [](const char* sequence) {
    return std::optional(
        PendingRecord{.sequence = sequence, .key = "k", .retain_until = "", .envelope = "e"});
  };
  CHECK(ledger_status(ledger, pending("3")).find(R"("pending":null)") != std::string::npos);
  CHECK(ledger_status(ledger, pending("4")).find("pending") == std::string::npos);
  CHECK(ledger_status(ledger, std::nullopt).find("pending") == std::string::npos);
}

TEST_CASE("pending: a record is finished only for a request and approvals that still stand") {
  Room room;
  PendingStatus pending(room.api, resources::kTargets, {kNs, "credit-risk-eu"});
  audit::Record record;
  record.draft = audit_test::intent("", "2");
  record.draft.request.name = kRequest;
  const promotion::ApprovalView counted{.name = "a-1",
                                        .uid = "uid-a-1",
                                        .approver = "mia",
                                        .role = "model-risk",
                                        .approve = true,
                                        .counted = true,
                                        .reason = "Counted",
                                        .message = "",
                                        .created = audit_test::kNow};
  promotion::ApprovalView refused = counted;
  refused.name = "a-2";
  refused.counted = false;
  record.draft.body = promotion::record_body({}, {}, {counted, refused}, promotion::ReviewView{});

  CHECK_FALSE(pending.still_holds(record).value());  // nobody approves
  room.add(resources::kApprovals, "a-1", nlohmann::json::object());
  CHECK(pending.still_holds(record).value());
  room.api.remove(resources::kApprovals, {kNs, "a-1"});
  room.add(resources::kApprovals, "a-1", nlohmann::json::object(), "uid-of-another");
  CHECK_FALSE(pending.still_holds(record).value());

  room.api.inject({.pattern = "GET", .error = {ErrorCode::kUnavailable, "no answer"}});
  CHECK_FALSE(pending.still_holds(record));
  record.draft.request.uid = "uid-of-an-earlier-one";
  CHECK_FALSE(pending.still_holds(record).value());
  record.draft.request = {};  // Genesis
  CHECK(pending.still_holds(record).value());
}
