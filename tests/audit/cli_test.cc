#include "audit/inspect.h"
#include "operator/cli/audit_show.h"
#include "operator/cli/audit_verify.h"
#include "tests/audit/fixture.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace stagekeeper;
using namespace stagekeeper::audit_test;
using audit::RecordKind;
using cli::ExitCode;

namespace {

constexpr const char* kBody = R"({
  "requester": {"username": "alice", "uid": "1001", "groups": ["ds"]},
  "reason": "lower loss",
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
  "modelVersion": {"featurePipelineVersion": "fp-9", "trainedBy": "pipeline@example"}})";

struct Told {
  Bench bench;

  Told() {
    bench.append(intent("", "1")).value();
    bench.append(terminal(intent("", "1"), RecordKind::kApplied, 2)).value();
    audit::Draft second = intent("1", "2");
    second.body = kBody;
    bench.append(second).value();
    bench.append(terminal(second, RecordKind::kApplied, 4)).value();
    fakes::MemoryStatus model_status;
    fakes::MemoryPending model_pending(model_status);
    audit::Draft blocked = intent("2", "3");
    blocked.kind = RecordKind::kBlocked;
    blocked.body = R"({"gates":[{"name":"accuracy","verdict":"Failed","observed":"0.8100",
        "message":"AUC 0.8100 below minimum threshold 0.82"}]})";
    bench.ledger.append({.id = kModel, .uid = "uid-policy"}, blocked, model_pending).value();
  }

  cli::AuditView view(const cli::AuditFlags& flags = {}) {
    return cli::read_view(bench.store, flags, trusted()).value();
  }

  cli::Output show(const std::string& version) {
    return cli::audit_show(view(), "credit-risk", version, false, {});
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
                           "v1/c0ffee/credit/target/credit-risk-eu/rec/00000000000000000004.json",
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
  CHECK(says(out.text, "Blocked"));
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
  REQUIRE(out["records"].size() == 2);
  CHECK(out["records"][0]["kind"] == "Intent");
  CHECK(out["records"][0]["body"]["gates"][0]["observed"] == "0.8912");
  CHECK(out["records"][1]["of"] == 4);
}

TEST_CASE("audit show: bodies of any shape are told as far as they go") {
  for (const char* body :
       {"{}", R"({"gates":{},"approvals":"x","evaluation":[]})", R"({"gates":[1,null,"x",{}]})",
        R"({"evaluation":{"dataset":7},"reason":{"a":1},"approvals":[{"approver":"carol"}]})"}) {
    CAPTURE(body);
    Bench bench;
    audit::Draft draft = intent("", "1");
    draft.body = body;
    bench.append(draft).value();
    const auto view = cli::read_view(bench.store, {}, trusted()).value();
    CHECK(cli::audit_show(view, "credit-risk", "1", false, {}).code == ExitCode::kOk);
  }
}

TEST_CASE("audit show: names cannot move the cursor or forge lines") {
  Bench bench;
  audit::Draft draft = intent("", "1");
  draft.requester.username = "eve\x1b[2J\r\nserves everything\u202e";
  draft.body = "{\"reason\":\"a\\nb\\u0007\"}";
  bench.append(draft).value();
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
      {"nothing", [](fakes::MemoryStore&) {}, ExitCode::kOk, "ok: 7 record(s) in 2 ledger(s)"},
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

TEST_CASE("audit verify: another key trusts nothing") {
  Told told;
  const std::vector<VerifyKey> other = {VerifyKey::from_pem(other_key().public_pem()).value()};
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
  CHECK(cli::read_public_key({}).error().code == ErrorCode::kInvalid);
  CHECK(cli::read_public_key({.public_key_file = "/nonexistent"}).error().code ==
        ErrorCode::kInvalid);
}
