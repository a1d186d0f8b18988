#include "audit/inspect.h"
#include "operator/cli/audit_show.h"
#include "operator/cli/audit_verify.h"
#include "tests/audit/fixture.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using cli::ExitCode;

namespace {

constexpr const char* kBody = R"({
  "requester": {"username": "alice", "uid": "1001", "groups": ["ds"]},
  "request": {"reason": "lower loss"},
  "evaluation": {"dataset": {"uri": "s3://models/eval.csv", "version": "2026-11", "digest": "D"}},
  "gates": [
    {"name": "accuracy", "type": "Accuracy", "verdict": "Passed", "observed": "0.8912",
     "threshold": ">= 0.82", "champion": "0.8640", "samples": 5000, "message": "AUC 0.8912"},
    {"name": "latency", "type": "Latency", "verdict": "Passed", "observed": "4.1", "threshold": "50"}],
  "approvals": [
    {"name": "a-1", "uid": "7", "approver": {"username": "carol"}, "role": "model-risk",
     "counted": true, "verdict": "Counted", "message": "counts for role model-risk",
     "createdAt": "2026-03-03T10:00:00Z", "decision": "Approve", "comment": "fine",
     "elapsedSeconds": "2700"}],
  "modelVersion": {"featurePipelineVersion": "fp-9",
    "source": {"trainedBy": "pipeline@example", "registry": "mlflow", "registeredModel": "credit",
               "version": "12", "runId": "run-77"},
    "training": {"datasetVersion": "2026-10", "datasetDigest": "T"}}})";

/// A bucket with one model: versions 1 and 2 promoted, 3 stopped by its gates.
struct Told {
  Bench bench;
  fakes::MemoryStatus model_status;
  fakes::MemoryPending model_pending{model_status};

  Told() {
    promote("", "1", "{}");
    promote("1", "2", kBody);
    RecordContent measured = gate_result("to-3");
    measured.to = version("3");
    measured.body = R"({"gates":[{"name":"accuracy","verdict":"Failed","observed":"0.8100",
        "message":"AUC 0.8100 below minimum threshold 0.82"}]})";
    model(measured);
    RecordContent end = concluded("to-3", EndCode::kGatesFailed);
    end.to = version("3");
    model(end);
  }

  RecordFact model(const RecordContent& content) {
    return bench.ledger.append({.id = kModel, .uid = "uid-policy"}, content, model_pending).value();
  }

  /// Decided, Intent, Applied, Concluded.
  void promote(const std::string& from, const std::string& to, const char* body) {
    RecordContent decision = decided(from, to);
    decision.body = body;
    RecordContent change = intent(from, to);
    change.decided = model(decision).digest;
    const RecordFact open = bench.append(change).value();
    bench.append(applied(change, open.sequence)).value();
    RecordContent end = concluded("to-" + to, EndCode::kApplied);
    end.to = version(to);
    end.decision_digest = decision.decision_digest;
    end.moves = {{.version = version(to), .from = "Staging"}};
    model(end);
  }

  cli::AuditView view(const cli::AuditFlags& flags = {}) {
    return cli::read_view(bench.store, flags, trusted()).value();
  }

  cli::Output show(const std::string& version) {
    const auto view = cli::read_model_view(bench.store, {}, "credit-risk", trusted()).value();
    return cli::audit_show(view, "credit-risk", version, false, {});
  }
};

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("audit show: tells why a version serves") {
  Told told;
  const cli::Output out = told.show("2");
  CHECK(out.code == ExitCode::kOk);
  CHECK(out.errors.empty());
  for (const char* part : {"credit-risk version 2",
                           "serves credit/target/credit-risk-eu since 2026-03-03T09:15:00Z",
                           "Promote  1 -> 2  stage Production",
                           "requested by  alice  with request to-2",
                           "lower loss",
                           "s3://models/eval.csv  2026-11",
                           "accuracy",
                           "0.8912",
                           ">= 0.82",
                           "0.8640",
                           "5000",
                           "carol",
                           "model-risk",
                           "Approve",
                           "2700 s",
                           "fine",
                           "fp-9",
                           "trained by    pipeline@example",
                           "trained on    2026-10  T",
                           "registry      mlflow  credit  12  run-77",
                           "v1/c0ffee/credit/model/credit-risk/rec/00000000000000000004.json",
                           "targets       credit-risk-eu",
                           "ended         Applied",
                           "2: Staging -> Production",
                           "Applied",
                           "(f) this store cannot",
                           "Verified"}) {
    CAPTURE(part);
    CHECK_MESSAGE(says(out.text, part), out.text);
  }
  CHECK(says(told.show("1").text, "serves nowhere now"));
}

TEST_CASE("audit show: tells what kept a version from serving") {
  Told told;
  const cli::Output out = told.show("3");
  CHECK(out.code == ExitCode::kOk);
  CHECK(says(out.text, "GatesFailed"));
  CHECK(says(out.text, "AUC 0.8100 below minimum threshold 0.82"));
  CHECK(says(out.text, "serves nowhere now"));
}

TEST_CASE("audit show: an unknown version or model is incomplete, not ok") {
  Told told;
  CHECK(told.show("4").code == ExitCode::kIncomplete);
  CHECK(cli::audit_show(told.view(), "other", "2", false, {}).code == ExitCode::kIncomplete);
  const cli::Output out = cli::audit_show(told.view(), "other", "2", true, {});
  CHECK(out.code == ExitCode::kIncomplete);
  CHECK(nlohmann::json::parse(out.text)["records"].empty());
}

TEST_CASE("audit show: says the same in JSON") {
  Told told;
  const auto out =
      nlohmann::json::parse(cli::audit_show(told.view(), "credit-risk", "2", true, {}).text);
  CHECK(out["verified"] == true);
  CHECK(out["serving"][0]["target"] == "credit/target/credit-risk-eu");
  REQUIRE(out["records"].size() == 4);
  std::map<std::string, nlohmann::json> by_kind;
  for (const auto& record : out["records"])
    by_kind[record["kind"]] = record;
  CHECK(by_kind["Decided"]["body"]["gates"][0]["observed"] == "0.8912");
  CHECK(by_kind["Decided"]["targets"][0] == "credit-risk-eu");
  CHECK(by_kind["Intent"]["decided"] == by_kind["Decided"]["digest"]);
  CHECK(by_kind["Applied"]["of"] == 4);
  CHECK(by_kind["Concluded"]["code"] == "Applied");
  CHECK(by_kind["Concluded"]["moves"][0]["to"] == "Production");
}

TEST_CASE("audit show: bodies of any shape are told as far as they go") {
  for (
      const char* body :
      {"{}", R"({"gates":{},"approvals":"x","evaluation":[]})", R"({"gates":[1,null,"x",{}]})",
       R"({"evaluation":{"dataset":7},"request":{"reason":{"a":1}},"approvals":[{"approver":"carol"}]})"}) {
    CAPTURE(body);
    Bench bench;
    bench.target.id = kModel;
    RecordContent content = decided("", "1");
    content.body = body;
    bench.append(content).value();
    const auto view = cli::read_view(bench.store, {}, trusted()).value();
    CHECK(cli::audit_show(view, "credit-risk", "1", false, {}).code == ExitCode::kOk);
  }
}

TEST_CASE("audit show: names cannot move the cursor or forge lines") {
  Bench bench;
  bench.target.id = kModel;
  RecordContent content = decided("", "1");
  content.requester.username = "eve\x1b[2J\r\nserves everything\u202e";
  content.body = R"({"request":{"reason":"a\nb\u0007"}})";
  bench.append(content).value();
  const auto view = cli::read_view(bench.store, {}, trusted()).value();
  const std::string text = cli::audit_show(view, "credit-risk", "1", false, {}).text;
  CHECK(says(text, "eve\\x1b[2J\\x0d\\x0aserves everything\\u{202e}"));
  CHECK(says(text, "a\\x0ab\\x07"));
  CHECK_FALSE(says(text, "\x1b"));
}

TEST_CASE("audit verify: every tamper changes the exit code and is named") {
  struct Row {
    const char* what;
    void (*spoil)(fakes::MemoryStore&);
    ExitCode code;
    const char* says;
  };

  const Row rows[] = {
      {"nothing", [](fakes::MemoryStore&) {}, ExitCode::kOk, "ok: 12 record(s) in 2 ledger(s)"},
      {"changed byte", [](auto& s) { s.objects[kTarget.key(3)][0].bytes[90] ^= 1; },
       ExitCode::kTampered, "record 3"},
      {"not judged", [](auto& s) { s.objects[kTarget.key(2)][0].bytes[90] ^= 1; },
       ExitCode::kTampered, "4 record(s) from here on were not judged"},
      {"gap", [](auto& s) { s.objects.erase(kTarget.key(3)); }, ExitCode::kIncomplete,
       "record 3 is missing"},
      {"cut head", [](auto& s) { s.objects.erase(kTarget.key(1)); }, ExitCode::kIncomplete,
       "record 1 is missing"},
      {"extra version", [](auto& s) { s.add_version(kTarget.key(3), "x"); }, ExitCode::kTampered,
       "more version"},
      {"delete marker", [](auto& s) { s.add_version(kTarget.key(5), "", true); },
       ExitCode::kTampered, "delete marker"},
      {"short lock",
       [](auto& s) { s.objects[kTarget.key(3)][0].lock.retain_until -= std::chrono::hours(1); },
       ExitCode::kTampered, "locked until"},
      {"no lock", [](auto& s) { s.objects[kTarget.key(3)][0].lock = {}; }, ExitCode::kTampered,
       "no lock instead of COMPLIANCE"},
      {"governance",
       [](auto& s) { s.objects[kTarget.key(3)][0].lock.mode = audit::LockMode::kGovernance; },
       ExitCode::kTampered, "GOVERNANCE instead of COMPLIANCE"},
      {"stranger", [](auto& s) { s.add_version("v1/c0ffee/credit/note", "x"); },
       ExitCode::kTampered, "a strange object: v1/c0ffee/credit/note"},
      {"stranger in a ledger", [](auto& s) { s.add_version(kTarget.prefix() + "n", "x"); },
       ExitCode::kTampered, "a strange object"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Told told;
    row.spoil(told.bench.store);
    const cli::AuditView view = told.view();
    const cli::Output out = cli::audit_verify(view, false, {});
    CHECK(out.code == row.code);
    CHECK_MESSAGE(says(out.text, row.says), out.text);
    const cli::Output as_json = cli::audit_verify(view, true, {});
    CHECK(as_json.code == row.code);
    CHECK(nlohmann::json::accept(as_json.text));
    if (row.code != ExitCode::kOk) {
      CHECK(says(cli::audit_show(view, "credit-risk", "1", false, {}).errors, row.says));
      CHECK(cli::audit_show(view, "credit-risk", "1", false, {}).code == row.code);
    }
  }
}

TEST_CASE("audit verify: garbage behind the last record is told and hides nothing") {
  Told told;
  told.bench.store.add_version(kTarget.key(9), "x");
  const cli::AuditView view = told.view();
  CHECK(says(cli::audit_verify(view, false, {}).text, "an object that is no record lies here"));
  CHECK(view.ledgers[1].records.size() == 5);
  CHECK(cli::worst(view) == ExitCode::kTampered);
}

TEST_CASE("audit verify: ledgers that contradict each other are found, though each is whole") {
  struct Row {
    const char* what;
    void (*change)(Told&);
    ExitCode code;
    const char* says;
  };

  const Row rows[] = {
      {"an Intent without Decided", [](Told& t) { t.bench.append(intent("2", "3")).value(); },
       ExitCode::kIncomplete, "carries out a decision that no Decided record holds"},
      {"an Intent of another decision",
       [](Told& t) {
         RecordContent change = intent("2", "4");
         change.decided = t.model(decided("2", "4")).digest;
         change.decision_digest = digest_of("another");
         t.bench.append(change).value();
       },
       ExitCode::kTampered, "of another decision"},
      {"an Intent of another request",
       [](Told& t) {
         RecordContent change = intent("2", "4");
         change.decided = t.model(decided("2", "4")).digest;
         change.request = request("other");
         t.bench.append(change).value();
       },
       ExitCode::kTampered, "of another request"},
      {"an Intent to another version",
       [](Told& t) {
         RecordContent change = intent("2", "4");
         change.decided = t.model(decided("2", "4")).digest;
         change.to = version("5");
         t.bench.append(change).value();
       },
       ExitCode::kTampered, "goes to another version than was decided"},
      {"an Intent on a target that was not decided on",
       [](Told& t) {
         RecordContent decision = decided("2", "4");
         decision.targets = {"credit-risk-us"};
         RecordContent change = intent("2", "4");
         change.decided = t.model(decision).digest;
         t.bench.append(change).value();
       },
       ExitCode::kTampered, "a target that was not decided on"},
      {"applied without having been",
       [](Told& t) {
         t.model(decided("2", "4"));
         t.model(concluded("to-4", EndCode::kApplied));
       },
       ExitCode::kTampered, "says that 1 target(s) serve the version, and 0 of them have a record"},
      {"applied without a decision", [](Told& t) { t.model(concluded("x", EndCode::kApplied)); },
       ExitCode::kTampered, "ends what was never decided"},
      {"concluded about another version",
       [](Told& t) {
         t.model(decided("2", "4"));
         RecordContent end = concluded("to-4", EndCode::kRolledBack);
         end.to = version("5");
         t.model(end);
       },
       ExitCode::kTampered, "about another version than was decided"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Told told;
    row.change(told);
    const cli::Output out = cli::audit_verify(told.view(), false, {});
    CHECK(out.code == row.code);
    CHECK_MESSAGE(says(out.text, row.says), out.text);
  }
}

TEST_CASE("audit verify: a way back is no contradiction") {
  Told told;
  RecordContent change = intent("2", "4");
  change.decided = told.model(decided("2", "4")).digest;
  const auto open = told.bench.append(change).value();
  told.bench.append(aborted(change, open.sequence, true)).value();
  RecordContent back = change;
  back.action = "Rollback";
  back.from = version("4");
  back.to = version("2");
  const auto second = told.bench.append(back).value();
  told.bench.append(applied(back, second.sequence)).value();
  told.model(concluded("to-4", EndCode::kRolledBack));
  const cli::Output out = cli::audit_verify(told.view(), false, {});
  CHECK_MESSAGE(out.code == ExitCode::kOk, out.text);
}

TEST_CASE("audit verify: records before and after a change of keys need both keys") {
  Told told;
  audit::LedgerOptions chosen = options();
  chosen.trusted_keys = trusted();
  audit::Ledger rotated(told.bench.store, other_key(), told.bench.clock, chosen);
  rotated.append({.id = kModel, .uid = "uid-policy"}, gate_result("r"), told.model_pending).value();
  CHECK(cli::worst(told.view()) == ExitCode::kTampered);
  std::vector<audit::TrustedKey> both = trusted();
  both.push_back(audit::trusted_key(other_key().public_pem()).value());
  const auto view = cli::read_view(told.bench.store, {}, both).value();
  CHECK(cli::worst(view) == ExitCode::kOk);
}

TEST_CASE("audit show: reads the ledgers of the model that is asked about, and no other") {
  Told told;
  audit::LedgerId other = kModel;
  other.name = "churn";
  fakes::MemoryStatus status;
  fakes::MemoryPending pending(status);
  for (const char* ns : {"credit", "marketing"}) {
    other.ns = ns;
    status.pending.reset();
    told.bench.ledger.append({.id = other, .uid = "u"}, gate_result("r"), pending).value();
  }
  std::vector<std::string> read;
  told.bench.store.before = [&](std::string_view call, std::string_view object) -> fakes::Fault {
    if (call == "get") read.emplace_back(object);
    return std::nullopt;
  };
  told.bench.store.page_size = 2;  // clusters and namespaces are found without reading all keys
  CHECK(told.show("2").code == ExitCode::kOk);
  CHECK(read.size() == 12);
  for (const std::string& object : read)
    CHECK_FALSE(says(object, "churn"));
  told.bench.store.before = nullptr;
  const auto none = cli::read_model_view(told.bench.store, {}, "nothing", trusted()).value();
  CHECK(none.ledgers.empty());
  CHECK(cli::read_model_view(told.bench.store, {}, "../x", trusted())->ledgers.empty());
  fakes::MemoryStore empty(told.bench.clock);
  CHECK(cli::read_model_view(empty, {}, "x", trusted()).error().code == ErrorCode::kNotFound);
}

TEST_CASE("audit verify: another key trusts nothing") {
  Told told;
  const std::vector<audit::TrustedKey> other = {
      audit::trusted_key(other_key().public_pem()).value()};
  const auto view = cli::read_view(told.bench.store, {}, other).value();
  CHECK(cli::worst(view) == ExitCode::kTampered);
  CHECK(says(cli::findings_text(view, {}), "not trusted"));
}

TEST_CASE("audit view: one cluster, chosen when there are several") {
  Told told;
  told.bench.store.add_version("v1/c0ffee/probe/0123.json", "{}");
  CHECK(cli::read_view(told.bench.store, {}, trusted())->strangers.empty());
  CHECK(cli::read_view(told.bench.store, {.ns = "none"}, trusted()).error().code ==
        ErrorCode::kNotFound);
  audit::LedgerId elsewhere = kTarget;
  elsewhere.cluster = "beef";
  told.bench.store.add_version(elsewhere.key(1), "x");
  CHECK(cli::read_view(told.bench.store, {}, trusted()).error().code == ErrorCode::kInvalid);
  CHECK(cli::read_view(told.bench.store, {.cluster = "c0ffee"}, trusted())->ledgers.size() == 2);
  CHECK(cli::read_view(told.bench.store, {.ns = "credit", .cluster = "c0ffee"}, trusted())
            ->ledgers.size() == 2);
}

TEST_CASE("audit view: errors end with the exit code of their kind") {
  CHECK(cli::failed({ErrorCode::kUnavailable, "x"}).code == ExitCode::kUnreachable);
  CHECK(cli::failed({ErrorCode::kDenied, "x"}).code == ExitCode::kUnreachable);
  CHECK(cli::failed({ErrorCode::kCorrupt, "x"}).code == ExitCode::kTampered);
  CHECK(cli::failed({ErrorCode::kInvalid, "x"}).code == ExitCode::kUsage);
  CHECK(cli::failed({ErrorCode::kNotFound, "x"}).code == ExitCode::kIncomplete);
  const SystemClock clock;
  CHECK(cli::OpenedStore::open({}, clock).error().code == ErrorCode::kInvalid);
  CHECK(cli::read_public_keys({}).error().code == ErrorCode::kInvalid);
  CHECK(cli::read_public_keys({.public_key_files = {"/nonexistent"}}).error().code ==
        ErrorCode::kInvalid);
}
