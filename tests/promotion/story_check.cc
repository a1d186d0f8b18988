#include "fixtures.h"
#include "promotion/digests.h"
#include "promotion/ledger_view.h"
#include "story.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

// The invariants of invariants.md §1, looked at from outside of decide().
namespace stagekeeper::promotion {

void Story::broken(const std::string& what) {
  violations.push_back(what);
}

void Story::check_record(const World& seen, const AppendRecord& record) {
  if (!store.trusted) broken("I15: a record while the store is not trusted");
  if (record.kind == "Intent") check_intent(seen, record);
  if (record.kind == "GateResult" || record.kind == "Staged") check_gates_passed(seen, record);
}

/// Only explicit passes, by Jobs of exactly this request, version and evaluation.
void Story::check_gates_passed(const World& seen, const AppendRecord& record) {
  const auto body = nlohmann::json::parse(record.body);
  for (const GateSpec& spec : seen.policy->stage(seen.request.stage)->gates) {
    if (!spec.blocking) continue;
    const bool passed = std::ranges::any_of(body["gates"], [&](const nlohmann::json& gate) {
      const auto job = std::ranges::find(jobs, gate["jobUid"].get<std::string>(), &FakeJob::uid);
      return gate["name"] == spec.name && gate["verdict"] == "Passed" && job != jobs.end() &&
             job->verdict == Verdict::kPassed && job->request_uid == seen.request.meta.uid &&
             job->what.input_digest == record.decision_digest &&
             job->what.candidate.digest == record.to.digest;
    });
    if (!passed) broken(fmt::format("I4: {} without a pass of {}", record.kind, spec.name));
  }
}

void Story::check_intent(const World& seen, const AppendRecord& record) {
  const std::string& uid = seen.request.meta.uid;
  const std::vector<Attempt> before = attempts_of(target_ledger, uid);
  if (before.size() >= 2) broken("I7: a third Intent of one request");
  if (before.size() == 1) {
    const Attempt& first = before.front();
    const bool back = first.end != nullptr && first.end->kind == "Aborted" &&
                      record.action == "Rollback" && record.to == first.intent->from;
    if (!back) broken("I7: a second Intent that is no way back");
    return;
  }
  if (record.action != name(seen.request.action)) broken("an Intent for another action");
  if (record.action == "Adopt") {
    if (deployment->containers[0].env[0].value != record.to.version)
      broken("an adoption of what does not run");
    return;
  }
  if (record.action != "Promote") return;
  const std::string stage = stage_of(record.to.version, model_ledger, {&target_ledger});
  if (stage != "Staging") broken("R5: Production entered from " + stage);
  std::set<std::string> people;
  for (const ApprovalState& state : approvals) {
    const Approval& each = state.approval;
    if (each.request_uid != uid) continue;
    if (!each.approve) broken("an Intent in spite of a rejection");
    const bool own = each.approver.username == seen.request.requester.username;
    const bool trainer = each.approver.username == seen.version->trained_by;
    if (each.decision_digest == record.decision_digest && !own && !trainer)
      people.insert(each.approver.username);
  }
  if (people.size() < 2) broken("I2: an Intent without two approvals of its digest");
  // A name of its own: a range-for would let the parsed document go before its member.
  const nlohmann::json body = nlohmann::json::parse(record.body);
  for (const auto& view : body.at("approvals")) {
    if (view.at("counted") == false) continue;
    const auto it = std::ranges::find_if(approvals, [&](const ApprovalState& state) {
      return state.approval.meta.uid == view["uid"];
    });
    if (it == approvals.end() || it->approval.decision_digest != record.decision_digest)
      broken("I7: an approval counted for another digest");
  }
  if (decision_digest(seen, *seen.results) != record.decision_digest)
    broken("I5: an Intent for another decision than the present one");
}

void Story::check_ledger() {
  int open = 0;
  for (const RecordFact& record : target_ledger.records) {
    if (record.kind == "Intent") ++open;
    if (record.kind != "Applied" && record.kind != "Aborted") continue;
    --open;
    const auto closed = std::ranges::count(target_ledger.records, record.of, &RecordFact::of);
    if (closed != 1) broken("I13: an Intent with two ends");
    if (open < 0) broken("I13: an end without an Intent");
  }
  if (open > 1) broken("I13: two open Intents");
}

/// Before anything of a request lives outside it, its finalizer is there, and as long as it does.
void Story::check_finalizer(const PromotionRequest& request) {
  const std::string& uid = request.meta.uid;
  const RecordFact* open = target_ledger.open_intent();
  const bool owns =
      std::ranges::any_of(jobs, [&](const FakeJob& j) { return j.request_uid == uid; }) ||
      std::ranges::any_of(clones, [&](const CloneState& c) { return c.request_uid == uid; }) ||
      (open != nullptr && open->request_uid == uid);
  const bool held =
      std::ranges::find(request.meta.finalizers, kFinalizer) != request.meta.finalizers.end();
  if (owns && !held) broken("no finalizer on " + request.meta.name);
}

void Story::check_phase(const PromotionRequest& request, const Decision& decision) {
  const std::string& uid = request.meta.uid;
  const auto end = ends_.find(uid);
  if (end != ends_.end() && end->second != decision.phase) {
    broken(fmt::format("{} was {} and is {} ({})", request.meta.name, name(end->second),
                       name(decision.phase), decision.reason));
  }
  if (is_terminal(decision.phase) && decision.reason != "Deleted") ends_[uid] = decision.phase;
  if (is_terminal(decision.phase) && decision.reason != "Deleted" && decision.records.empty())
    broken(request.meta.name + " ended without a record");
  const bool says = !decision.reason.empty() && !decision.message.empty();
  if (!says) broken(request.meta.name + " says nothing");
  if (!is_terminal(decision.phase) && !decision.wake_at)
    broken("nobody wakes " + request.meta.name);
}

void Story::check_at_rest() {
  for (PromotionRequest& request : requests) {
    const Decision decision = decide(observe(request));
    const std::string& uid = request.meta.uid;
    if (!decision.actions.empty() && pin_owner.empty() && !store_down)
      broken(request.meta.name + " is not quiet: " + describe(decision.actions.front()));
    if (!is_terminal(decision.phase) && decision.waiting_for.empty())
      broken(request.meta.name + " waits for nothing");
    const bool ended = is_terminal(decision.phase) || decision.phase == Phase::kAwaitingApproval;
    const bool owns =
        std::ranges::any_of(jobs, [&](const FakeJob& j) { return j.request_uid == uid; }) ||
        std::ranges::any_of(clones, [&](const CloneState& c) { return c.request_uid == uid; });
    if (ended && (owns || !request.meta.finalizers.empty()))
      broken(request.meta.name + " has left something behind");
  }
}

}  // namespace stagekeeper::promotion
