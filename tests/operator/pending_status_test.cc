#include "operator/controllers/pending_status.h"

#include "operator/controllers/ledgers.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

namespace {

const kube::ResourceType kTargets{"stagekeeper.dev", "v1alpha1", "servingtargets", "ServingTarget",
                                  true};

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
  return {api, kTargets, {"credit", "credit-risk-eu"}};
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
  OneAnswer api(std::string(R"({"metadata":{"uid":"u1","resourceVersion":"10"}})"));
  PendingStatus pending = status_of(api);
  const audit::Pending record{
      .sequence = 7, .key = "v1/k", .retain_until = {}, .envelope = "signed"};
  CHECK(pending.write(record, "u1/9").value() == "u1/10");
  REQUIRE(api.seen.size() == 1);
  CHECK(api.seen[0].target.ends_with("/servingtargets/credit-risk-eu/status"));
  CHECK(api.seen[0].body.find(R"("resourceVersion":"9")") != std::string::npos);
  CHECK(api.seen[0].body.find(R"("uid":"u1")") != std::string::npos);
  CHECK_FALSE(pending.write(record, "no-token"));
  OneAnswer mute(std::string("{}"));
  PendingStatus other = status_of(mute);
  CHECK(other.write(record, "u1/9").value().empty());  // the next write reads anew
}

TEST_CASE("pending: a lost race stays a conflict") {
  OneAnswer api(fail(ErrorCode::kConflict, "modified"));
  PendingStatus pending = status_of(api);
  const auto written =
      pending.write({.sequence = 1, .key = "k", .retain_until = {}, .envelope = "e"}, "u/1");
  REQUIRE_FALSE(written);
  CHECK(written.error().code == ErrorCode::kConflict);
}

TEST_CASE("pending: is cleared once locked, and left alone while it is on its way") {
  const auto log = HistoryLog::create();
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    RecordFact fact;
    fact.sequence = sequence;
    log->append(fact);
  }
  const History ledger = log->snapshot();
  const auto pending = [](const char* sequence) {
    return std::optional(
        PendingRecord{.sequence = sequence, .key = "k", .retain_until = "", .envelope = "e"});
  };
  CHECK(ledger_status(ledger, pending("3")).find(R"("pending":null)") != std::string::npos);
  CHECK(ledger_status(ledger, pending("4")).find("pending") == std::string::npos);
  CHECK(ledger_status(ledger, pending("03")).find("pending") == std::string::npos);
  CHECK(ledger_status(ledger, std::nullopt).find("pending") == std::string::npos);
}

TEST_CASE("pending: what a round has read of the object is what the next write must find") {
  const PendingRecord decoded{
      .sequence = "42", .key = "k", .retain_until = "2036-01-01T00:00:00Z", .envelope = "e"};
  const LedgerOwner owner = ledger_owner(
      {.ns = "credit", .name = "credit-risk-eu", .uid = "u1", .resource_version = "7"}, decoded);
  CHECK(owner.name == "credit-risk-eu");
  REQUIRE(owner.seen);
  CHECK(owner.seen->token == "u1/7");
  REQUIRE(owner.seen->pending);
  CHECK(owner.seen->pending->sequence == 42);
  CHECK(owner.seen->pending->envelope == "e");
  CHECK_FALSE(ledger_owner({.uid = "u1"}, std::nullopt).seen->pending);
}
