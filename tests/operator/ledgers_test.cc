#include "operator/controllers/ledgers.h"

#include "tests/audit/fixture.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper;              // NOLINT(google-build-using-namespace)
using namespace stagekeeper::audit_test;  // NOLINT(google-build-using-namespace)
using fakes::Fault;

namespace {

/// Answers every PATCH with the object at its next version, and remembers the requests.
class OneObject final : public kube::Api {
 public:
  Result<std::string> call(const kube::Request& request) override {
    seen.push_back(request);
    return R"({"metadata":{"uid":"uid-policy","resourceVersion":")" + std::to_string(++version) +
           "\"}}";
  }

  Status watch(const kube::Request& /*request*/, const kube::LineSink& /*sink*/,
               std::stop_token /*stop*/) override {
    return fail(ErrorCode::kInvalid, "not a watch");
  }

  std::vector<kube::Request> seen;
  int version = 1;
};

const LedgerName kName{.kind = LedgerKind::kModel, .name = "credit-risk"};

struct Desk {
  Bench bench;
  OneObject api;
  Ledgers ledgers{bench.ledger, api};

  Desk() { ledgers.set_cluster_uid("c0ffee"); }

  Result<RecordFact> append(const RecordContent& content) {
    return ledgers.append("credit", kName,
                          ledger_owner({.name = "credit-risk",
                                        .uid = "uid-policy",
                                        .resource_version = std::to_string(api.version)},
                                       std::nullopt),
                          content);
  }
};

}  // namespace

TEST_CASE("ledgers: a record costs one request to the API server") {
  Desk desk;
  desk.append(gate_result("a")).value();
  desk.api.seen.clear();
  CHECK(desk.append(gate_result("b"))->sequence == 3);
  REQUIRE(desk.api.seen.size() == 1);
  CHECK(desk.api.seen[0].target.ends_with("/promotionpolicies/credit-risk/status"));
}

TEST_CASE("ledgers: nothing is decided on what memory says of a store that is down") {
  Desk desk;
  desk.append(gate_result("a")).value();
  CHECK(desk.ledgers.view("credit", kName)->head_sequence() == 2);
  desk.bench.store.before = [](std::string_view, std::string_view) -> Fault {
    return Error{ErrorCode::kUnavailable, "503"};
  };
  CHECK(desk.ledgers.view("credit", kName).error().code == ErrorCode::kUnavailable);
  CHECK(desk.ledgers.known("credit", kName)->head_sequence() == 2);  // to be shown
  CHECK_FALSE(desk.ledgers.known("elsewhere", kName));
}

TEST_CASE("ledgers: a body is read once") {
  Desk desk;
  RecordContent content = gate_result("a");
  content.body = R"({"gates":[]})";
  desk.append(content).value();
  int gets = 0;
  desk.bench.store.before = [&](std::string_view call, std::string_view) -> Fault {
    if (call == "get") ++gets;
    return std::nullopt;
  };
  CHECK(desk.ledgers.body("credit", kName, 2).value() == content.body);
  CHECK(desk.ledgers.body("credit", kName, 2).value() == content.body);
  CHECK(gets == 1);
  CHECK(desk.ledgers.body("credit", kName, 9).error().code == ErrorCode::kNotFound);
}

TEST_CASE("ledgers: another bucket than the status knows is found out") {
  Desk desk;
  const auto fact = desk.append(gate_result("a")).value();
  CHECK(desk.ledgers.check_head("credit", kName, {.sequence = 2, .digest = fact.digest}));
  CHECK(desk.ledgers.check_head("credit", kName, {.sequence = 7, .digest = fact.digest})
            .error()
            .code == ErrorCode::kCorrupt);
}

TEST_CASE("bodies: the longest unused go first, and never all at once") {
  BodyCache cache(100);
  const std::string text(30, 'x');
  for (const char* key : {"a", "b", "c"})
    cache.put(key, text);
  CHECK(cache.get("a"));
  cache.put("d", text);
  CHECK(cache.get("a"));
  CHECK_FALSE(cache.get("b"));
  CHECK(cache.get("c"));
  CHECK(cache.get("d"));
  CHECK(cache.bytes() == 90);
  cache.put("too large", std::string(101, 'x'));
  CHECK(cache.bytes() == 90);
}
