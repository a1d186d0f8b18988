#include "promotion/records/records.h"

#include "fixtures.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

Bench decided() {
  Bench bench;
  bench.serve("eu", "1");
  bench.serve("us", "1");
  bench.move("2", "Staging");
  bench.pass_gates();
  bench.approve();
  return bench;
}

json body_of(const Decision& decision, RecordKind kind) {
  const RecordContent* content = appends(decision, kind);
  REQUIRE(content != nullptr);
  return json::parse(content->body);
}

}  // namespace

TEST_CASE("records: a Decided answers alone why pins changed, and by whom") {
  const Decision decision = decided().decide_now();
  const json body = body_of(decision, RecordKind::kDecided);
  const std::pair<const char*, const char*> facts[] = {
      {"/modelVersion/source/registry", "mlflow"},
      {"/modelVersion/source/registeredModel", "credit-risk"},
      {"/modelVersion/source/version", "47"},
      {"/modelVersion/source/runId", "run-9"},
      {"/modelVersion/training/datasetVersion", "2026-01"},
      {"/modelVersion/featurePipelineVersion", "features-3"},
      {"/modelVersion/registeredBy/username", "theo"},
      {"/modelVersion/artifact/uri", "s3://models/credit-risk/2/model.json"},
      {"/evaluation/dataset/version", "2026-11"},
      {"/requester/username", "priya"},
      {"/request/reason", "quarterly release"},
      {"/gates/0/threshold", "0.82"},
      {"/gates/0/champion", "0.855"},
      {"/gates/0/interval", "[-0.001, 0.013]"},
      {"/gates/0/samples", "5000"},
      {"/gates/0/servedBy", "uid-clone-pod"},
      {"/gates/0/proof/type", "Pods"},
      {"/gates/0/proof/pods/candidate", "uid-clone-pod server=img/0"},
      {"/targets/0/pins/0/value", "2"},
      {"/targets/0/fromPins/0/value", "1"},
      {"/targets/0/from/version", "1"},
      {"/targets/1/name", "us"},
      {"/approvals/0/approver/username", "mia"},
      {"/approvals/0/role", "model-risk"},
      {"/approvals/0/comment", "fine"},
      {"/smoke/carries/golden", "0=0.25"},
  };
  for (const auto& [path, value] : facts) {
    CAPTURE(path);
    const json::json_pointer at_path(path);
    REQUIRE(body.contains(at_path));
    CHECK(body[at_path] == value);
  }
  CHECK(body["policyDigest"].get<std::string>().starts_with("sha256:"));
  CHECK(body["gates"][0]["image"].get<std::string>().starts_with("registry.local/gate@sha256:"));
  CHECK(body["targets"][0]["images"][0]["image"].get<std::string>().starts_with("registry.local/"));
  // Groups that no role asks for are nobody's business.
  CHECK(body["approvals"][0]["approver"]["groups"] == json::array({"mrm"}));
}

TEST_CASE("records: what a Decided says is read back") {
  Bench bench = decided();
  bench.round();
  REQUIRE(bench.world.decided);
  const DecidedFacts& facts = *bench.world.decided;
  REQUIRE(facts.targets.size() == 2);
  const DecidedFacts::Target& target = facts.targets.front();
  CHECK(target.uid == "uid-eu");
  CHECK(target.deployment_uid == "uid-server-eu");
  CHECK(target.from == version_ref("1"));
  CHECK(target.to == version_ref("2"));
  CHECK(target.base_sequence == 2);
  CHECK(target.pins.size() == 2);
  CHECK(target.from_pins.front().value == "1");
  CHECK(facts.dataset->digest == policy().evaluation.dataset->digest);
  CHECK(facts.binary->label_column == "label");
  CHECK(facts.inputs.front().name == "balance");
  CHECK(facts.carries.at("golden") == "0=0.25");
  CHECK(facts.gates.front().judgement == passed_gate("accuracy").judgement);
  CHECK(facts.review->needed == 1);
  CHECK(facts.approvals.front().counted);
  CHECK(facts.record.targets == std::vector<std::string>{"eu", "us"});
}

TEST_CASE("records: results are read back as they were judged") {
  Bench bench(RequestAction::kPromote, "2", "Staging");
  GateState gate = passed_gate("accuracy");
  gate.spec.blocking = false;
  gate.verdict = gate.judgement.verdict = Verdict::kInconclusive;
  const std::string body = gate_result_body(
      {.subject = bench.world.subject, .model_ledger = bench.world.model_ledger}, {gate});
  const auto read = gate_results_of({}, body);
  REQUIRE(read);
  const GateState& back = read->gates.front();
  CHECK(back.judgement == gate.judgement);
  CHECK(back.verdict == Verdict::kInconclusive);
  CHECK_FALSE(back.spec.blocking);
  CHECK(back.spec.kind == "Accuracy");
  CHECK(back.carries == gate.carries);
  CHECK(back.image == gate.image);
  CHECK(back.served_by == gate.served_by);
  CHECK(back.proof == gate.proof);
  CHECK(back.pods == gate.pods);
}

TEST_CASE("records: a body that lacks what is needed is corrupt, one with more is not") {
  Bench bench = decided();
  const json good = body_of(bench.decide_now(), RecordKind::kDecided);
  const RecordFact record;
  CHECK(decided_facts_of(record, good.dump()));
  json more = good;
  more["later"] = {{"version", 2}};
  more["targets"][0]["canary"] = true;
  CHECK(decided_facts_of(record, more.dump()));
  for (const char* member : {"basisDigest", "targets"}) {
    CAPTURE(member);
    json less = good;
    less.erase(member);
    const auto read = decided_facts_of(record, less.dump());
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kCorrupt);
    CHECK(read.error().message.find(member) != std::string::npos);
  }
  for (const char* member : {"uid", "specDigest", "deploymentUid", "templateDigest"}) {
    CAPTURE(member);
    json less = good;
    less["targets"][0].erase(member);
    CHECK_FALSE(decided_facts_of(record, less.dump()));
  }
  for (const char* text : {"", "[]", "{", "null", R"({"targets":7})"}) {
    CAPTURE(text);
    CHECK_FALSE(decided_facts_of(record, text));
    CHECK_FALSE(gate_results_of(record, text));
  }
  json odd = good;
  odd["gates"] = {7, "text", nullptr};
  CHECK_FALSE(decided_facts_of(record, odd.dump()));
}

TEST_CASE("records: what can be written can be read, however much people wrote") {
  Bench bench = decided();
  Subject& subject = bench.world.subject;
  subject.request.reason = std::string(4000, 'r');
  subject.version->claims.clear();
  for (int i = 0; i < 64; ++i)
    subject.version->claims.emplace_back(fmt::format("metric_{}", i), std::string(64, '9'));
  DecidedFacts facts = *[&] {
    Bench other = decided();
    other.round();
    return other.world.decided;
  }();
  facts.gates.clear();
  for (int i = 0; i < 16; ++i) {
    GateState gate = passed_gate(fmt::format("gate_{}", i));
    // A cut must never fall into a character.
    for (int k = 0; k < 500; ++k)
      gate.judgement.message += "é—";
    facts.gates.push_back(gate);
  }
  std::vector<ApprovalState> states;
  facts.approvals.clear();
  for (int i = 0; i < 64; ++i) {
    Approval each = approval(subject.request, true, "sha256:x");
    each.meta.uid = fmt::format("uid-{:032}", i);
    each.comment = std::string(1000, 'c');
    states.push_back({.approval = each});
    facts.approvals.push_back({.name = "approval",
                               .uid = each.meta.uid,
                               .approver = std::string(60, 'u'),
                               .role = "model-risk",
                               .approve = true,
                               .counted = true,
                               .reason = "Counted",
                               .message = std::string(500, 'm')});
  }
  const std::string body =
      decided_body({.subject = subject, .model_ledger = bench.world.model_ledger}, facts, states,
                   bench.world.targets);
  CHECK(body.size() <= kMaxBodyBytes);
  const auto read = decided_facts_of({}, body);
  REQUIRE(read);
  CHECK(read->approvals.size() == 64);
  CHECK(read->gates.size() == 16);
}

TEST_CASE("records: of approvals that did not count the first 16 are named") {
  Bench bench = decided();
  std::vector<ApprovalView> views;
  for (int i = 0; i < 40; ++i)
    views.push_back({.name = "a", .uid = fmt::format("uid-{}", i), .counted = i == 39});
  const json body = json::parse(
      concluded_body({.subject = bench.world.subject, .model_ledger = bench.world.model_ledger},
                     {.approvals = views}, {}));
  CHECK(body["approvals"].size() == 17);
  CHECK(body["approvals"].back()["uid"] == "uid-39");
}

TEST_CASE("records: an Intent says which values it replaces by which") {
  Bench bench = decided();
  bench.round();
  const json body = body_of(bench.decide_now(), RecordKind::kIntent);
  CHECK(body["pins"][0]["value"] == "2");
  CHECK(body["replaces"][0]["value"] == "1");
  CHECK(body["target"]["specDigest"] == bench.facts("eu").state.spec_digest);
  CHECK(body["wayBack"] == false);
  CHECK(appends(bench.decide_now(), RecordKind::kIntent)->decided ==
        bench.world.decided->record.digest);
}
