#include "promotion/decide.h"
#include "promotion/digests.h"
#include "tests/explorer/scopes.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::explorer {
namespace {

using nlohmann::json;

/// Takes actions of one kind out of a decision, where `which` says so.
template <typename T>
std::function<void(const promotion::World&, promotion::Decision&)> without(
    std::function<bool(const T&)> which) {
  return [which](const promotion::World&, promotion::Decision& decision) {
    std::erase_if(decision.actions, [&](const promotion::Action& action) {
      const T* mine = std::get_if<T>(&action);
      return mine != nullptr && which(*mine);
    });
  };
}

/// A history with one more record at its end.
History with(const History& history, RecordFact more) {
  const auto log = HistoryLog::create();
  for (std::uint64_t i = 1; i <= history.head_sequence(); ++i)
    log->append(*history.at(i));
  more.sequence = history.head_sequence() + 1;
  more.digest = history.head_digest();
  log->append(std::move(more));
  return log->snapshot();
}

bool is(const promotion::AppendRecord& record, RecordKind kind) {
  return record.content.kind == kind;
}

std::vector<Bug> bugs_of_records() {
  std::vector<Bug> out;
  out.push_back({.name = "a pin without an Intent",
                 .scope = "rollback",
                 .decision = [](const promotion::World& world, promotion::Decision& decision) {
                   for (promotion::Action& action : decision.actions) {
                     const auto* record = std::get_if<promotion::AppendRecord>(&action);
                     if (record == nullptr || !is(*record, RecordKind::kIntent)) continue;
                     const promotion::TargetState& state = world.targets.front().state;
                     action = promotion::PatchPin{
                         .target = state.name,
                         .deployment_uid = state.deployment->meta.uid,
                         .resource_version = state.deployment->meta.resource_version,
                         .version = record->content.to,
                         .pins = world.decided->targets.front().pins,
                         .sequence = state.ledger.head_sequence() + 1,
                         .at = world.now};
                   }
                 }});
  out.push_back({.name = "a decision is carried out before it is recorded",
                 .scope = "rollback",
                 .decision = [](const promotion::World&, promotion::Decision& decision) {
                   for (promotion::Action& action : decision.actions) {
                     if (auto* record = std::get_if<promotion::AppendRecord>(&action)) {
                       if (is(*record, RecordKind::kIntent))
                         record->content.decided = sha256_digest("nothing").str();
                     }
                   }
                 }});
  out.push_back({.name = "the store takes a record and does not keep it",
                 .scope = "staging",
                 .forget_puts = true});
  out.push_back({.name = "the end is not recorded",
                 .scope = "rollback",
                 .decision = without<promotion::AppendRecord>([](const promotion::AppendRecord& a) {
                   return is(a, RecordKind::kConcluded);
                 })});
  out.push_back({.name = "an Intent is never closed",
                 .scope = "rollback",
                 .decision = without<promotion::AppendRecord>([](const promotion::AppendRecord& a) {
                   return is(a, RecordKind::kApplied) || is(a, RecordKind::kAborted);
                 })});
  out.push_back({.name = "something else is pinned than was decided",
                 .scope = "rollback",
                 .decision = [](const promotion::World&, promotion::Decision& decision) {
                   for (promotion::Action& action : decision.actions) {
                     if (auto* pin = std::get_if<promotion::PatchPin>(&action)) {
                       for (promotion::RenderedPin& each : pin->pins)
                         each.value = "3";
                     }
                   }
                 }});
  out.push_back({.name = "a decision is taken twice",
                 .scope = "rollback",
                 .world = [](promotion::World& world) { world.decided.reset(); }});
  out.push_back({.name = "records go to a bucket that is not trusted",
                 .scope = "distrust",
                 .trusts_blindly = true});
  return out;
}

std::vector<Bug> bugs_of_intake() {
  std::vector<Bug> out;
  out.push_back({.name = "an ended request acts again when it is re-created",
                 .scope = "rollback",
                 // Known by its uid alone: that of a later one makes it another request.
                 .answer = [](std::string answer) {
                   if (answer.find("-again") == std::string::npos) return answer;
                   json object = json::parse(answer);
                   if (object.value("kind", "") == "PromotionRequest")
                     object["spec"]["reason"] = "another";
                   return object.dump();
                 }});
  out.push_back({.name = "a requester fills the ledger",
                 .scope = "quota",
                 .world = [](promotion::World& world) { world.now += std::chrono::hours(2); }});
  out.push_back({.name = "a version's number stands for two artifacts",
                 .scope = "a number again",
                 .world = [](promotion::World& world) { world.model_ledger = History(); }});
  out.push_back({.name = "a version enters a stage out of order",
                 .scope = "too early",
                 .world = [](promotion::World& world) {
                   const promotion::Subject& subject = world.subject;
                   if (!subject.version || world.decided || world.conclusion) return;
                   // What is asked for was in Staging, somebody says.
                   RecordFact moved;
                   moved.kind = RecordKind::kConcluded;
                   moved.effect = Effect::kStage;
                   moved.model = subject.request.model;
                   moved.request = {.name = "nobody", .uid = "uid-nobody"};
                   moved.code = EndCode::kStaged;
                   moved.moves = {{.version = {.version = subject.version->version,
                                               .digest = subject.version->artifact_digest,
                                               .stage = "Staging"},
                                   .from = kStageNone}};
                   world.model_ledger = with(world.model_ledger, moved);
                 }});
  return out;
}

std::vector<Bug> bugs_of_evaluation() {
  std::vector<Bug> out;
  out.push_back({.name = "a failed gate passes",
                 .scope = "a gate fails",
                 .world = [](promotion::World& world) {
                   for (promotion::GateState& gate : world.evaluation.gates) {
                     if (gate.verdict == gates::Verdict::kFailed)
                       gate.verdict = gate.judgement.verdict = gates::Verdict::kPassed;
                   }
                 }});
  out.push_back({.name = "a gate measures another request's clone",
                 .scope = "two for one candidate",
                 .world = [](promotion::World& world) {
                   for (promotion::CloneState& clone : world.evaluation.clones) {
                     clone.fault.clear();
                     clone.request_uid = clone.owner_uid = world.subject.request.meta.uid;
                     clone.version = world.subject.request.version;
                     clone.evaluation =
                         promotion::evaluation_digest(world.subject, world.evaluation.on);
                     clone.pod = promotion::ClonePod{.name = "pod",
                                                     .uid = "uid-pod",
                                                     .ip = "10.0.0.8",
                                                     .ready = true,
                                                     .as_made = true,
                                                     .identity = "uid-pod"};
                   }
                 }});
  out.push_back({.name = "nothing holds a request that owns things",
                 .scope = "staging",
                 .decision = without<promotion::SetFinalizer>(
                     [](const promotion::SetFinalizer& a) { return a.present; })});
  out.push_back({.name = "what a request owned is forgotten",
                 .scope = "staging",
                 .decision = without<promotion::DeleteOwned>([](const auto&) { return true; })});
  return out;
}

std::vector<Bug> bugs_of_review() {
  std::vector<Bug> out;
  out.push_back({.name = "an approval of another decision counts",
                 .scope = "review",
                 .world = [](promotion::World& world) {
                   // Whatever it names: said to be what is decided now.
                   for (promotion::ApprovalState& each : world.approvals) {
                     if (!each.approval.approve || !world.evaluation.results) continue;
                     Approval probe = each.approval;
                     promotion::World asked = world;
                     asked.approvals.clear();
                     const promotion::Decision decision = promotion::decide(asked);
                     if (decision.review)
                       each.approval.decision_digest = decision.review->decision_digest;
                   }
                 }});
  out.push_back({.name = "the requester approves his own request",
                 .scope = "one's own approval",
                 .world = [](promotion::World& world) {
                   for (promotion::ApprovalState& each : world.approvals)
                     each.approval.approver.username = "mia";
                 }});
  out.push_back(
      {.name = "a late Reject is ignored", .scope = "review", .world = [](promotion::World& world) {
         if (!world.decided) return;
         std::erase_if(world.approvals,
                       [](const promotion::ApprovalState& each) { return !each.approval.approve; });
       }});
  return out;
}

std::vector<Bug> bugs_of_rollout() {
  std::vector<Bug> out;
  out.push_back({.name = "a delayed pin of an aborted Intent takes effect",
                 .scope = "review",
                 .decision = without<promotion::RaiseFence>([](const auto&) { return true; }),
                 .request = [](kube::Request request) {
                   // As it was: under the uid alone.
                   if (request.target.find("fieldManager=stagekeeper-pin") == std::string::npos)
                     return request;
                   json body = json::parse(request.body);
                   body["metadata"].erase("resourceVersion");
                   request.body = body.dump();
                   return request;
                 }});
  out.push_back({.name = "a failed smoke test passes",
                 .scope = "smoke test fails",
                 .world = [](promotion::World& world) {
                   for (promotion::RolloutFacts& each : world.targets) {
                     if (each.smoke && each.smoke->verdict == gates::Verdict::kFailed)
                       each.smoke->verdict = each.smoke->judgement.verdict =
                           gates::Verdict::kPassed;
                   }
                 }});
  out.push_back({.name = "a rollout that never gets ready is taken for done",
                 .scope = "never ready",
                 .world = [](promotion::World& world) {
                   for (promotion::RolloutFacts& each : world.targets) {
                     if (!each.state.deployment) continue;
                     each.state.deployment->available_replicas = each.state.deployment->replicas;
                     each.state.deployment->progress_deadline_exceeded = false;
                   }
                 }});
  out.push_back({.name = "what a failed rollout changed is not put back",
                 .scope = "never ready",
                 .decision = without<promotion::AppendRecord>([](const promotion::AppendRecord& a) {
                   return is(a, RecordKind::kIntent) &&
                          a.content.action == name(RequestAction::kRollback);
                 })});
  out.push_back({.name = "a rollback forgets what it interrupted",
                 .scope = "rollback during a rollout",
                 .decision = [](const promotion::World&, promotion::Decision& decision) {
                   for (promotion::Action& action : decision.actions) {
                     auto* record = std::get_if<promotion::AppendRecord>(&action);
                     if (record != nullptr && record->content.code == EndCode::kSuperseded)
                       record->content.pins_changed = false;
                   }
                   std::erase_if(decision.actions, [](const promotion::Action& action) {
                     const auto* record = std::get_if<promotion::AppendRecord>(&action);
                     return record != nullptr && is(*record, RecordKind::kIntent) &&
                            record->content.action == name(RequestAction::kRollback);
                   });
                 }});
  out.push_back({.name = "a version that serves is archived",
                 .scope = "one of two targets",
                 .world = [](promotion::World& world) { world.other_targets.clear(); }});
  return out;
}

std::vector<Bug> make_bugs() {
  std::vector<Bug> out;
  for (auto* group : {&bugs_of_intake, &bugs_of_evaluation, &bugs_of_review, &bugs_of_records,
                      &bugs_of_rollout}) {
    for (Bug& bug : (*group)())
      out.push_back(std::move(bug));
  }
  return out;
}

}  // namespace

const std::vector<Bug>& bugs() {
  static const std::vector<Bug> all = make_bugs();
  return all;
}

}  // namespace stagekeeper::explorer
