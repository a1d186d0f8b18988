#include "people_fixtures.h"
#include "promotion/pins.h"
#include "promotion/review/review.h"
#include "promotion/views/approval_view.h"
#include "promotion/views/object_views.h"
#include "promotion/views/request_view.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace people;                  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using std::chrono::hours;

namespace {

std::string object_with(const json& status) {
  return json{{"metadata", {{"name", "r"}}}, {"status", status}}.dump();
}

/// The patch that shows a decision on a request with that status; null when none is needed.
json patch_of(const Decision& decision, const json& status = json::object(),
              TimePoint now = at(hours(1))) {
  const std::string text =
      request_status_patch(request(), decision, object_with(status), now).value();
  return text.empty() ? json() : json::parse(text);
}

/// The status after the patch.
json shown(const Decision& decision, json status = json::object(), TimePoint now = at(hours(1))) {
  const json patch = patch_of(decision, status, now);
  if (!patch.is_null()) status.merge_patch(patch["status"]);
  return status;
}

json condition_of(const json& status, const std::string& type) {
  for (const json& each : status["conditions"])
    if (each["type"] == type) return each;
  return {};
}

RecordFact record(RecordKind kind, TimePoint time,
                  const std::string& ledger = "model/credit-risk") {
  RecordFact out;
  out.kind = kind;
  out.time = time;
  out.sequence = 4;
  out.digest = sha('6');
  out.key = "v1/uid/target/" + ledger + "/rec/00000000000000000004.json";
  return out;
}

/// People are asked, and one has approved.
Decision under_review() {
  Decision d = waiting(Phase::kAwaitingApproval, {.code = WaitCode::kAwaitingApproval,
                                                  .about = "business",
                                                  .what = "one approval is missing"});
  d.reason = "AwaitingApproval";
  d.message = "one approval is missing";
  const Subject about = subject();
  for (const GateSpec& spec : about.policy->stages[0].gates) {
    GateState gate{.spec = spec, .attempt = 1, .verdict = Verdict::kPassed};
    gate.job_uid = "uid-job";
    gate.nonce = "secret";
    gate.judgement = {.verdict = Verdict::kPassed,
                      .reason = "Passed",
                      .observed = "0.89",
                      .samples = "5000",
                      .interval = "[+0.0043, +0.0353]"};
    d.gates.push_back(gate);
  }
  d.review = ReviewView{.decision_digest = sha('a'),
                        .opened_at = at(hours(2)),
                        .expires_at = at(hours(74)),
                        .needed = 2,
                        .counted = 1,
                        .missing = "business (one of group retail-credit)"};
  d.approvals = {{.name = "approval-mia",
                  .uid = "u",
                  .approver = "mia",
                  .role = "model-risk",
                  .approve = true,
                  .counted = true,
                  .reason = "Counted",
                  .created = at(hours(3))}};
  d.targets = {
      {.name = "eu", .from = version_ref("1"), .to = version_ref("2"), .phase = "Pending"},
      {.name = "us", .from = version_ref("1"), .to = version_ref("2"), .phase = "Pending"}};
  d.records = {record(RecordKind::kGateResult, at(hours(2)))};
  return d;
}

}  // namespace

TEST_CASE("status: a patch names the object it was computed for, down to its version") {
  const json patch = patch_of(under_review());
  CHECK(patch["metadata"]["uid"] == kUid);
  CHECK(patch["metadata"]["resourceVersion"] == "5");
}

TEST_CASE("status: what is shown already needs no patch, however much later") {
  const Decision d = under_review();
  const json status = shown(d);
  CHECK(status["phase"] == "AwaitingApproval");
  CHECK(patch_of(d, status, at(hours(9))).is_null());
  for (const char* field : {"phase", "gates", "approvals", "review", "conditions", "targets",
                            "observedGeneration", "summary", "records"}) {
    CAPTURE(field);
    json wiped = status;
    wiped.erase(field);
    CHECK(shown(d, wiped, at(hours(1))) == status);
  }
  json of_others = status;
  of_others["theirs"] = 1;
  CHECK(patch_of(d, of_others).is_null());
}

TEST_CASE("status: shows each target, one digest, and nothing that only records need") {
  const json status = shown(under_review());
  REQUIRE(status["targets"].size() == 2);
  CHECK(status["targets"][1]["name"] == "us");
  CHECK(status["targets"][1]["from"]["version"] == "1");
  CHECK(status["targets"][1]["phase"] == "Pending");
  CHECK(status["summary"] == json{{"gates", "3/3"},
                                  {"approvals", "1/2"},
                                  {"waitingFor", "business"},
                                  {"targets", "eu, us"},
                                  {"from", "1"}});
  CHECK(status["review"]["decisionDigest"] == sha('a'));
  CHECK_FALSE(status.contains("decisionDigest"));
  CHECK(status["review"]["approvalManifest"] == approval_manifest(request(), sha('a')));
  const json& gate = status["gates"][0];
  CHECK(gate["interval"] == "[+0.0043, +0.0353]");
  CHECK(gate["samples"] == 5000);
  for (const char* internal : {"nonce", "jobUid", "podUid"})
    CHECK_FALSE(gate.contains(internal));
}

TEST_CASE("status: which ledger a record is in is told by its place, not by a word in its key") {
  Decision d = under_review();
  d.records.push_back(record(RecordKind::kIntent, at(hours(3)), "target/eu"));
  const json status = shown(d);
  CHECK(status["records"][0]["ledger"] == "model/credit-risk");  // in a namespace called target
  CHECK(status["records"][1]["ledger"] == "target/eu");
  CHECK(status["records"][1]["kind"] == "Intent");
}

TEST_CASE("status: a condition keeps its time until its status changes") {
  const Decision d = under_review();
  const json before = shown(d, json::object(), at(hours(1)));
  Decision other = d;
  other.message = "something else";
  json after = shown(other, before, at(hours(2)));
  CHECK(condition_of(after, "Ready")["message"] == "something else");
  CHECK(condition_of(after, "Ready")["lastTransitionTime"] == format_time(at(hours(1))));
  other.phase = Phase::kPromoted;
  after = shown(other, before, at(hours(2)));
  CHECK(condition_of(after, "Ready")["status"] == "True");
  CHECK(condition_of(after, "Ready")["lastTransitionTime"] == format_time(at(hours(2))));
  CHECK(condition_of(after, "GatesPassed")["lastTransitionTime"] == format_time(at(hours(1))));
}

TEST_CASE("status: each way a request can stand, in the conditions that tools look at") {
  struct Row {
    Phase phase;
    const char* ready;
    bool reconciling;
    bool stalled;
  };

  const Row rows[] = {
      {Phase::kPending, "Unknown", true, false},
      {Phase::kEvaluating, "Unknown", true, false},
      {Phase::kAwaitingApproval, "False", true, false},
      {Phase::kRecording, "Unknown", true, false},
      {Phase::kRollingOut, "Unknown", true, false},
      {Phase::kPromoted, "True", false, false},
      {Phase::kPartlyPromoted, "False", false, true},
      {Phase::kBlocked, "False", false, true},
      {Phase::kRejected, "False", false, true},
      {Phase::kExpired, "False", false, true},
      {Phase::kRolledBack, "False", false, true},
      {Phase::kAborted, "False", false, true},
      {Phase::kErrored, "False", false, true},
  };
  for (const Row& row : rows) {
    CAPTURE(name(row.phase));
    Decision d;
    d.phase = row.phase;
    d.reason = "Because";
    const json status = shown(d);
    CHECK(condition_of(status, "Ready")["status"] == row.ready);
    CHECK(condition_of(status, "Reconciling").is_null() != row.reconciling);
    CHECK(condition_of(status, "Stalled").is_null() != row.stalled);
    CHECK(status.contains("finishedAt") == is_terminal(row.phase));
  }
}

TEST_CASE("status: gates are counted, and an advisory one does not fail them all") {
  Decision d = under_review();
  CHECK(condition_of(shown(d), "GatesPassed")["status"] == "True");
  d.gates[0].verdict = Verdict::kRunning;
  CHECK(condition_of(shown(d), "GatesPassed")["status"] == "Unknown");
  d.gates[0].verdict = Verdict::kFailed;
  CHECK(condition_of(shown(d), "GatesPassed")["status"] == "False");
  d.gates[0].spec.blocking = false;
  CHECK(condition_of(shown(d), "GatesPassed")["status"] == "True");
  CHECK(shown(d)["summary"]["gates"] == "2/3");
}

TEST_CASE("status: AuditRecorded waits for a decision or an end, not for any record") {
  Decision d = under_review();
  CHECK(condition_of(shown(d), "AuditRecorded").is_null());
  for (const RecordKind kind : {RecordKind::kDecided, RecordKind::kConcluded}) {
    d.records[0].kind = kind;
    CHECK(condition_of(shown(d), "AuditRecorded")["status"] == "True");
  }
}

TEST_CASE("status: Deployed speaks of every target") {
  Decision d = under_review();
  CHECK(condition_of(shown(d), "Deployed").is_null());
  d.records.push_back(record(RecordKind::kDecided, at(hours(3))));
  d.phase = Phase::kRollingOut;
  d.targets[0].phase = "Applied";
  CHECK(condition_of(shown(d), "Deployed")["status"] == "Unknown");
  CHECK(condition_of(shown(d), "Deployed")["message"] == "1 of 2 targets serve the version");
  d.phase = Phase::kPartlyPromoted;
  d.reason = "PartlyApplied";
  CHECK(condition_of(shown(d), "Deployed")["status"] == "False");
  d.phase = Phase::kPromoted;
  CHECK(condition_of(shown(d), "Deployed")["status"] == "True");
}

TEST_CASE("status: what is no longer so goes, but not because the store does not answer") {
  const json asked = shown(under_review());
  Decision again = waiting(Phase::kEvaluating, {.code = WaitCode::kPreparingClones});
  again.reason = "PreparingClones";
  const json started_again = shown(again, asked);
  for (const char* gone : {"review", "approvals", "gates", "targets"})
    CHECK_FALSE(started_again.contains(gone));
  CHECK_FALSE(started_again["summary"].contains("approvals"));
  CHECK_FALSE(started_again["summary"].contains("waitingFor"));
  for (const WaitCode code : {WaitCode::kAuditStoreUnavailable, WaitCode::kAuditStoreNotTrusted,
                              WaitCode::kAuditBroken}) {
    Decision blind = waiting(Phase::kPending, {.code = code, .about = "audit store"});
    const json status = shown(blind, asked);
    CHECK(status["review"] == asked["review"]);
    CHECK(status["approvals"] == asked["approvals"]);
    CHECK(status["summary"]["approvals"] == "1/2");
    CHECK(status["summary"]["waitingFor"] == "audit store");
  }
}

TEST_CASE("status: times are those of the records, also after a status was lost") {
  Decision d;
  d.phase = Phase::kPromoted;
  d.reason = "Applied";
  d.records = {record(RecordKind::kGateResult, at(hours(2))),
               record(RecordKind::kConcluded, at(hours(5)))};
  const json status = shown(d, json::object(), at(hours(99)));
  CHECK(status["startedAt"] == format_time(at(hours(2))));
  CHECK(status["finishedAt"] == format_time(at(hours(5))));
  json earlier = status;
  earlier["startedAt"] = format_time(at(hours(1)));
  CHECK(shown(d, earlier, at(hours(99)))["startedAt"] == format_time(at(hours(1))));
  d.records.clear();  // an end that needs no record keeps the time it was first shown with
  CHECK(shown(d, status, at(hours(99)))["finishedAt"] == format_time(at(hours(5))));
}

TEST_CASE("status: is bounded and printable, whatever others write") {
  Decision d = under_review();
  d.message = "a\x1b[2Jb\n" + std::string(5000, 'x');
  d.approvals.assign(100, d.approvals[0]);
  d.records.assign(100, d.records[0]);
  d.records.back().kind = RecordKind::kConcluded;
  d.targets.assign(100, d.targets[0]);
  d.gates[0].judgement.message = std::string(5000, 'y');
  d.gates[1].judgement.message = "group A: \x1b[1m0.02\ngroup B: 0.07";
  const json status = shown(d);
  CHECK(status["message"].get<std::string>().starts_with("a?[2Jb\nxxx"));
  CHECK(status["message"].get<std::string>().size() <= 2000);
  CHECK(status["approvals"].size() == 64);
  CHECK(status["records"].size() == 64);
  CHECK(status["records"].back()["kind"] == "Concluded");  // the end is never what is cut
  CHECK(status["targets"].size() == 16);
  CHECK(status["gates"][0]["message"].get<std::string>().size() <= 1000);
  CHECK(status["gates"][1]["message"] == "group A: ?[1m0.02\ngroup B: 0.07");
  CHECK(condition_of(status, "Ready")["message"] == status["message"]);
}

TEST_CASE("status: an object that is no JSON is an error, not an empty status") {
  for (const char* object : {"", "[]", "{", "{\"status\":{}} x"}) {
    CAPTURE(object);
    CHECK_FALSE(request_status_patch(request(), under_review(), object, at(hours(1))));
  }
}

TEST_CASE("approval: Counted says whether it counts, and comments are no answers") {
  Approval a = approval("mia", sha('a'));
  a.comment = "counted";
  ApprovalView view = under_review().approvals[0];
  const auto shown_status = [&](Mention mention) {
    const std::string text =
        approval_status_patch(a, view, mention, R"({"spec":{"comment":"counted"}})", at(hours(4)))
            .value();
    return text.empty() ? json() : json::parse(text)["status"];
  };
  CHECK(condition_of(shown_status(Mention::kLate), "Counted")["status"] == "True");
  CHECK(shown_status(Mention::kByDecision)["role"] == "model-risk");
  a.counted_known = true;  // it was told while it mattered
  CHECK(shown_status(Mention::kLate).is_null());
  CHECK_FALSE(shown_status(Mention::kByDecision).is_null());
  view.counted = false;
  view.reason = "DigestChanged";
  CHECK(condition_of(shown_status(Mention::kByDecision), "Counted")["status"] == "False");
  CHECK(condition_of(shown_status(Mention::kByDecision), "Ready").is_null());
  view.reason = "AuthorizationUnknown";
  CHECK(condition_of(shown_status(Mention::kByDecision), "Counted")["status"] == "Unknown");
  view = {.approve = false, .counted = true, .reason = "Rejected"};
  CHECK(condition_of(shown_status(Mention::kByDecision), "Counted")["status"] == "False");
}

TEST_CASE("policy: what it names and does not exist is said, and it is not Ready") {
  struct Row {
    const char* what;
    void (*spoil)(References&);
    const char* reason;
  };

  const Row rows[] = {
      {"nothing", [](References&) {}, "ResolvedRefs"},
      {"target", [](References& r) { r.targets.clear(); }, "TargetMissing"},
      {"model", [](References& r) { r.targets["credit-risk-eu"] = "fraud"; },
       "TargetOfAnotherModel"},
      {"class", [](References& r) { r.gate_classes.erase("class-Latency"); }, "GateClassMissing"},
      {"type", [](References& r) { r.gate_classes["class-Latency"] = "Accuracy"; },
       "GateClassMissing"},
  };
  const Subject about = subject();
  const PromotionPolicy& policy = *about.policy;
  for (const Row& row : rows) {
    CAPTURE(row.what);
    References references;
    references.targets = {{"credit-risk-eu", "credit-risk"}};
    for (const auto& [name, each] : about.gate_classes)
      references.gate_classes[name] = each.kind;
    row.spoil(references);
    const StoreState store{.trusted = true, .reason = "Trusted"};
    const json status =
        json::parse(policy_status_patch({.policy = policy,
                                         .references = references,
                                         .store = store,
                                         .ledger_json = R"({"head":{"sequence":"4"}})"},
                                        "{}", at(hours(1)))
                        .value())["status"];
    const bool resolved = std::string(row.reason) == "ResolvedRefs";
    CHECK(condition_of(status, "ResolvedRefs")["reason"] == row.reason);
    CHECK(condition_of(status, "Ready")["status"] == (resolved ? "True" : "False"));
    CHECK(condition_of(status, "Ready")["reason"] == (resolved ? "Ready" : row.reason));
    CHECK(status["ledger"]["head"]["sequence"] == "4");
  }
}

TEST_CASE("gate class: is accepted when this version has gates of its type") {
  GateClass gate_class = subject().gate_classes.at("class-Accuracy");
  const auto accepted = [&] {
    const auto text = gate_class_status_patch(gate_class, "{}", at(hours(1)));
    return condition_of(json::parse(text.value())["status"], "Accepted");
  };
  CHECK(accepted()["status"] == "True");
  gate_class.kind = "Drift";
  CHECK(accepted()["status"] == "False");
  CHECK(accepted()["reason"] == "NotSupported");
}

TEST_CASE("serving target: one that only observes is ready, blames nobody and says what it sees") {
  ServingTarget of = target();
  of.observes = true;
  const std::optional<Deployment> live = deployment("7", 0);
  const StoreState store{.trusted = true, .reason = "Trusted"};
  const auto status_of = [&](const History& ledger) {
    const promotion::serving::Verdict verdict{.fault = promotion::serving::Fault::kNothingServes,
                                              .observed = {{.version = "7", .pods = 2}}};
    const TargetFacts facts{.target = of,
                            .deployment = live,
                            .ledger = ledger,
                            .store = store,
                            .claim = {false, "Observing", "nothing is guarded"},
                            .serving = verdict};
    return json::parse(target_status_patch(facts, "{}", at(hours(2))).value())["status"];
  };
  const auto log = HistoryLog::create();
  const json fresh = status_of(log->snapshot());
  CHECK(condition_of(fresh, "Ready")["status"] == "True");
  CHECK(condition_of(fresh, "Ready")["reason"] == "Observing");
  CHECK(condition_of(fresh, "DeploymentClaimed")["reason"] == "Observing");
  CHECK(condition_of(fresh, "Drifted")["status"] == "False");
  CHECK(condition_of(fresh, "Serving")["status"] == "Unknown");
  CHECK(condition_of(fresh, "Stalled").is_null());
  CHECK(fresh["observed"][0]["version"] == "7");
  CHECK(fresh["selector"].is_null());
  // A target of that name has served before: what its ledger says is told all the same.
  RecordFact intent = record(RecordKind::kIntent, at(hours(1)), "target/credit-risk-eu");
  intent.sequence = 1;
  intent.to = version_ref("1");
  log->append(intent);
  RecordFact applied = record(RecordKind::kApplied, at(hours(1)), "target/credit-risk-eu");
  applied.sequence = 2;
  applied.of = 1;
  applied.to = version_ref("1");
  log->append(applied);
  const json again = status_of(log->snapshot());
  CHECK(condition_of(again, "Ready")["reason"] == "PinDiffers");
  CHECK(condition_of(again, "Drifted")["status"] == "True");
}

TEST_CASE("serving target: says what serves, what drifted, and what needs a person") {
  struct Row {
    const char* what;
    void (*spoil)(std::optional<Deployment>&, Finding& claim, std::string& fault);
    const char* ready;
    const char* stalled;
    const char* drifted;
  };

  using Maybe = std::optional<Deployment>;
  const Row rows[] = {
      {"all well", [](Maybe&, Finding&, std::string&) {}, "Serving", nullptr, "False"},
      {"no Deployment", [](Maybe& d, Finding&, std::string&) { d.reset(); }, "DeploymentMissing",
       nullptr, nullptr},
      {"another's Deployment",
       [](Maybe&, Finding& c, std::string&) { c = {false, "ClaimedByOther", "us has it"}; },
       "DeploymentNotClaimed", "ClaimedByOther", "False"},
      {"pins by hand", [](Maybe& d, Finding&, std::string&) { d = deployment("2", 2); },
       "PinDiffers", "PinDiffers", "True"},
      {"a container that is not there",
       [](Maybe& d, Finding&, std::string&) { d->containers.front().name = "model"; },
       "ContainerMissing", "ContainerMissing", "True"},
      {"a broken ledger", [](Maybe&, Finding&, std::string& f) { f = "record 3 is forged"; },
       "AuditBroken", "AuditBroken", nullptr},
      {"no replica", [](Maybe& d, Finding&, std::string&) { d->available_replicas = 0; },
       "ReplicasUnavailable", nullptr, "False"},
  };
  const auto log = HistoryLog::create();
  RecordFact intent = record(RecordKind::kIntent, at(hours(1)), "target/credit-risk-eu");
  intent.sequence = 1;
  intent.to = version_ref("1");
  log->append(intent);
  RecordFact applied = record(RecordKind::kApplied, at(hours(1)), "target/credit-risk-eu");
  applied.sequence = 2;
  applied.of = 1;
  applied.to = version_ref("1");
  log->append(applied);
  const History ledger = log->snapshot();
  const StoreState store{.trusted = true, .reason = "Trusted"};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Maybe live = deployment("1", 2);
    Finding claim{true, "Claimed", "guarded"};
    std::string fault;
    row.spoil(live, claim, fault);
    const ServingTarget of = target();
    const json status = json::parse(target_status_patch({.target = of,
                                                         .deployment = live,
                                                         .ledger = ledger,
                                                         .store = store,
                                                         .claim = claim,
                                                         .ledger_fault = fault},
                                                        "{}", at(hours(2)))
                                        .value())["status"];
    CHECK(condition_of(status, "Ready")["reason"] == row.ready);
    const json stalled = condition_of(status, "Stalled");
    CHECK(stalled.is_null() == (row.stalled == nullptr));
    if (row.stalled != nullptr) CHECK(stalled["reason"] == row.stalled);
    const json drifted = condition_of(status, "Drifted");
    CHECK(drifted.is_null() == (row.drifted == nullptr));
    if (row.drifted != nullptr) CHECK(drifted["status"] == row.drifted);
    CHECK(status["serving"]["version"] == "1");
    CHECK(status["serving"]["record"]["ledger"] == "target/credit-risk-eu");
  }
}

TEST_CASE("serving target: what went back to nothing shows no version, and no reason is empty") {
  const auto log = HistoryLog::create();
  RecordFact intent = record(RecordKind::kIntent, at(hours(1)), "target/credit-risk-eu");
  intent.sequence = 1;
  log->append(intent);
  RecordFact applied = intent;
  applied.kind = RecordKind::kApplied;
  applied.sequence = 2;
  applied.of = 1;
  log->append(applied);
  const std::optional<Deployment> live = deployment("", 2);
  const History ledger = log->snapshot();
  const StoreState store;
  const ServingTarget of = target();
  const json patch = json::parse(target_status_patch({.target = of,
                                                      .deployment = live,
                                                      .ledger = ledger,
                                                      .store = store,
                                                      .claim = {true, "Claimed", ""}},
                                                     "{}", at(hours(2)))
                                     .value())["status"];
  CHECK(patch["serving"]["version"].is_null());
  CHECK(patch["serving"].contains("version"));
  for (const json& each : patch["conditions"])
    CHECK_FALSE(each["reason"].get<std::string>().empty());
}

TEST_CASE("serving target: shows the labels that others must not wear, while it has the claim") {
  std::optional<Deployment> live = deployment("", 2);
  const auto log = HistoryLog::create();
  const History ledger = log->snapshot();
  const StoreState store;
  const ServingTarget of = target();
  const auto shown = [&](bool claimed) {
    const TargetFacts facts{.target = of,
                            .deployment = live,
                            .ledger = ledger,
                            .store = store,
                            .claim = {claimed, claimed ? "Claimed" : "ClaimedByOther", ""}};
    const std::string patch = target_status_patch(facts, "{}", at(hours(2))).value();
    return json::parse(patch)["status"]["selector"];
  };
  live->selector = {{"app", "credit"}, {"tier", ""}};
  const json both = {{{"key", "app"}, {"value", "credit"}}, {{"key", "tier"}, {"value", ""}}};
  CHECK(shown(true) == both);
  CHECK(shown(false).is_null());
  for (int i = 0; i < 100; ++i)
    live->selector.emplace("key-" + std::to_string(i), "x");
  CHECK(shown(true).size() == 64);
  live->selector.clear();
  CHECK(shown(true).is_null());
  live.reset();
  CHECK(shown(true).is_null());
}

TEST_CASE("model: a version's place and a stage's content, with since when and by which record") {
  const RecordFact moved = record(RecordKind::kConcluded, at(hours(5)));
  ModelVersion version = *subject().version;
  json status = json::parse(
      version_status_patch(version, "Staging", &moved, "{}", at(hours(9))).value())["status"];
  CHECK(status["stage"] == "Staging");
  CHECK(status["shortDigest"] == "222222222222");
  CHECK(status["since"] == format_time(at(hours(5))));
  CHECK(status["record"]["ledger"] == "model/credit-risk");
  StageFacts facts{.meta = version.meta, .model = "credit-risk", .stage = "Staging"};
  for (int i = 0; i < 40; ++i)
    facts.waiting.push_back("r" + std::to_string(i));
  status = json::parse(stage_status_patch(facts, "{}", at(hours(9))).value())["status"];
  CHECK(status["waitingCount"] == 40);
  CHECK(status["waiting"].size() == 32);
  CHECK(condition_of(status, "Ready")["reason"] == "Empty");
  facts.version = "2";
  facts.record = &moved;
  status = json::parse(stage_status_patch(facts, "{}", at(hours(9))).value())["status"];
  CHECK(status["since"] == format_time(at(hours(5))));
  CHECK(condition_of(status, "Ready")["reason"] == "Occupied");
}
