#include "story.h"

#include "fixtures.h"
#include "promotion/digests.h"
#include "promotion/ledger_view.h"
#include "promotion/pins.h"
#include "promotion/records.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

using namespace fixtures;  // NOLINT(google-build-using-namespace)

constexpr const char* kSmokeClass = "class-Smoke";

bool held(const PromotionRequest& request) {
  return std::ranges::find(request.meta.finalizers, kFinalizer) != request.meta.finalizers.end();
}

}  // namespace

Story::Story()
    : now(at(std::chrono::hours(9))),
      store{.trusted = true, .reason = "Probed", .message = "the bucket was not probed"},
      policy(fixtures::policy()),
      policy_digest(digest_of('c')),
      target(serving_target()),
      template_digest(digest_of('e')) {
  for (const char* version : {"1", "2", "3", "4"})
    versions[version] = model_version(version);
  for (const GateType type :
       {GateType::kAccuracy, GateType::kLatency, GateType::kFairness, GateType::kSmoke}) {
    const GateClass each = gate_class(type);
    gate_classes[each.meta.name] = each;
  }
  create_deployment();
}

PromotionRequest& Story::ask(const std::string& version, const std::string& stage,
                             RequestAction action) {
  PromotionRequest request = fixtures::request(version, stage, action);
  request.meta.name = fmt::format("request-{}", ++asked_);
  request.meta.uid = fmt::format("uid-request-{}", asked_);
  request.meta.created = now;
  trace += fmt::format("\n{} asks: {} {} to {} ({})\n", request.requester.username, name(action),
                       version.empty() ? "the version before" : "version " + version, stage,
                       request.meta.name);
  requests.push_back(request);
  return requests.back();
}

void Story::answer(const std::string& request, const std::string& who, bool approve,
                   const std::string& digest) {
  const auto seen = shown_.find(request);
  const auto it = std::ranges::find_if(
      requests, [&](const PromotionRequest& each) { return each.meta.name == request; });
  if (seen == shown_.end() || it == requests.end()) return;
  const std::string current = seen->second.review ? seen->second.review->decision_digest : "";
  ApprovalState out = approval(*it, who, digest.empty() ? current : digest);
  ++made_;
  out.approval.meta.uid = fmt::format("uid-approval-{}", made_);
  out.approval.meta.created = now;
  out.approval.approve = approve;
  out.approval.comment = approve ? "" : "not this week";
  approvals.push_back(out);
  trace += fmt::format("\n{} {} {}\n", who, approve ? "approves" : "rejects", request);
}

void Story::end_jobs(const std::function<Verdict(const FakeJob&)>& judge) {
  for (FakeJob& job : jobs) {
    if (job.verdict != Verdict::kRunning) continue;
    job.verdict = judge(job);
    job.retryable = job.verdict == Verdict::kErrored;
    trace += fmt::format("    gate {} of version {} attempt {}: {}\n", job.what.gate.name,
                         job.what.candidate.version, job.what.attempt, name(job.verdict));
  }
}

void Story::disrupt_jobs() {
  end_jobs([](const FakeJob&) { return Verdict::kErrored; });
}

void Story::roll() {
  if (!deployment) return;
  Deployment& d = *deployment;
  const bool unseen = d.observed_generation < d.meta.generation;
  d.observed_generation = d.meta.generation;
  if (unseen) {
    d.updated_replicas = 0;  // and an old condition stays as it is
    return;
  }
  const bool pinned = !d.containers.empty() && !d.containers[0].env.empty();
  const bool there =
      d.updated_replicas == d.replicas && d.available_replicas == (pinned ? d.replicas : 0);
  if (d.paused || d.replicas == 0 || there) return;
  d.updated_replicas = d.status_replicas = d.replicas;
  d.available_replicas = pinned ? d.replicas : 0;  // an unpinned model server is never ready
  if (pinned) d.progress_deadline_exceeded = false;
  trace += "    the Deployment has rolled out\n";
}

void Story::give_up() {
  if (!deployment) return;
  Deployment& d = *deployment;
  d.observed_generation = d.meta.generation;
  d.updated_replicas = 1;
  d.available_replicas = 0;
  d.progress_deadline_exceeded = true;
  d.progress_message = "ReplicaSet has timed out progressing.";
  now += d.progress_deadline;
  d.progress_updated = now;
  trace += "    the Deployment controller gives up\n";
}

void Story::delete_deployment() {
  deployment.reset();
  clones.clear();
  trace += "    the Deployment is deleted\n";
}

void Story::create_deployment(const std::string& pinned) {
  deployment = fixtures::deployment(pinned, 0);
  deployment->meta.uid = fmt::format("uid-deployment-{}", ++made_);
  highest_sequence_ = 0;
}

GateState Story::gate_state(const World& world, const GateSpec& spec,
                            const std::string& input) const {
  GateState out;
  out.spec = spec;
  const FakeJob* latest = nullptr;
  for (const FakeJob& job : jobs) {
    if (job.request_uid != world.request.meta.uid || job.what.gate.name != spec.name) continue;
    out.attempt = std::max(out.attempt, job.what.attempt);
    if (job.what.input_digest == input) latest = &job;
  }
  if (latest == nullptr) return out;
  out = passed(spec);
  out.attempt = latest->what.attempt;
  out.verdict = latest->verdict;
  out.retryable = latest->retryable;
  out.job_uid = latest->uid;
  out.message = fmt::format("{} says so", spec.name);
  return out;
}

World Story::observe(const PromotionRequest& request) const {
  World w;
  w.now = now;
  w.cluster_uid = "uid-cluster";
  w.store = store;
  w.request = request;
  w.requester_authorised = requesters_allowed;
  if (const auto found = versions.find(request.version); found != versions.end()) {
    w.version = found->second;
    w.version_digest = sha256_digest(found->second.meta.uid).str();
  }
  w.policy = policy;
  w.policy_digest = policy ? policy_digest : "";
  if (policy) w.gate_classes = gate_classes;
  w.model_ledger = model_ledger;
  const StageSpec* stage = policy ? policy->stage(request.stage) : nullptr;
  const bool serves = stage != nullptr && !stage->targets.empty();
  const bool known = !attempts_of(target_ledger, request.meta.uid).empty();
  if (target) {
    TargetState state;
    state.target = *target;
    state.deployment = deployment;
    state.template_digest = deployment ? template_digest : "";
    state.ledger = target_ledger;
    state.clones = clones;
    for (CloneState& clone : state.clones)
      clone.stray_service = stray_service;
    state.claimed_by = deployment ? target->meta.name : "";
    if (serves || known) w.target = state;
    if (!w.target) w.other_targets.push_back(target_ledger);
    if (policy) w.evaluated_on = state;
  }
  if (w.target) w.target->pin_conflict = pin_owner;
  if (const RecordFact* record = results_record(w)) {
    auto gates = gates_of_body(bodies_.at(record->digest),
                               stage == nullptr ? std::vector<GateSpec>() : stage->gates);
    if (gates) w.results = GateResults{.record = *record, .gates = *gates};
  }
  if (const ReviewRecord found = review_record(w); found.record != nullptr) {
    w.past_review = review_of_body(bodies_.at(found.record->digest), *found.record).value();
  }
  for (const FakeJob& job : jobs)
    w.owns_jobs = w.owns_jobs || job.request_uid == request.meta.uid;
  for (const CloneState& clone : clones)
    w.owns_clones = w.owns_clones || clone.request_uid == request.meta.uid;
  if (stage != nullptr && w.version && request.action == RequestAction::kPromote) {
    for (const GateSpec& spec : stage->gates)
      w.gates.push_back(gate_state(w, spec, evaluation_digest(w)));
  }
  if (w.target && w.gate_classes.contains(kSmokeClass)) {
    const RecordFact* open = w.target->ledger.open_intent();
    w.smoke = gate_state(w, gate_spec("smoke", GateType::kSmoke), open ? open->digest : "");
  }
  for (const ApprovalState& each : approvals) {
    if (each.approval.request_uid != request.meta.uid) continue;
    w.approvals.push_back(each);
    w.approvals.back().authorised = approvers_allowed;
  }
  return w;
}

Decision Story::round(const std::string& request, int actions) {
  const auto it = std::ranges::find_if(
      requests, [&](const PromotionRequest& each) { return each.meta.name == request; });
  if (it == requests.end()) return {};
  const World seen = observe(*it);
  const Decision decision = decide(seen);
  shown_[request] = decision;
  check_phase(*it, decision);
  std::size_t done = 0;
  for (const Action& action : decision.actions) {
    if (std::cmp_greater_equal(done, actions) || !perform(*it, seen, action)) break;
    ++done;
    check_finalizer(*it);
    check_ledger();
  }
  note(request, decision, done);
  collect_garbage();
  return decision;
}

bool Story::perform(PromotionRequest& request, const World& seen, const Action& action) {
  if (const auto* a = std::get_if<SetFinalizer>(&action)) {
    if (a->present && request.meta.deleting && !held(request)) return false;  // the API refuses
    std::erase(request.meta.finalizers, kFinalizer);
    if (a->present) request.meta.finalizers.emplace_back(kFinalizer);
    return true;
  }
  if (const auto* a = std::get_if<EnsureClone>(&action)) {
    if (!deployment) return false;
    if (std::ranges::find(clones, a->role, &CloneState::role) != clones.end()) return true;
    clones.push_back({.role = a->role,
                      .request_uid = request.meta.uid,
                      .version = a->version.version,
                      .stray_service = "",
                      .evaluation = a->evaluation});
    return true;
  }
  if (std::holds_alternative<DeleteClones>(action)) {
    std::erase_if(clones, [&](const CloneState& c) { return c.request_uid == request.meta.uid; });
    return true;
  }
  if (const auto* a = std::get_if<CreateGateJob>(&action)) {
    for (const FakeJob& job : jobs) {
      const bool same = job.request_uid == request.meta.uid && job.what.gate.name == a->gate.name;
      if (same && job.what.attempt == a->attempt) return true;
      if (same && job.verdict == Verdict::kRunning && job.what.input_digest == a->input_digest)
        broken("two Jobs of one gate run at once");
    }
    jobs.push_back(
        {.uid = fmt::format("uid-job-{}", ++made_), .request_uid = request.meta.uid, .what = *a});
    return true;
  }
  if (std::holds_alternative<DeleteJobs>(action)) {
    std::erase_if(jobs, [&](const FakeJob& j) { return j.request_uid == request.meta.uid; });
    return true;
  }
  if (const auto* a = std::get_if<AppendRecord>(&action)) return append(seen, *a);
  return patch(seen, std::get<PatchPin>(action));
}

bool Story::append(const World& seen, const AppendRecord& record) {
  const bool on_target = record.ledger == LedgerKind::kTarget;
  if (store_down || (on_target ? !seen.target.has_value() : !seen.policy.has_value())) return false;
  LedgerView& ledger = on_target ? target_ledger : model_ledger;
  const std::string& uid = seen.request.meta.uid;
  for (const RecordFact& each : ledger.records) {  // the ledger's own idempotence
    const bool same = each.kind == record.kind && each.request_uid == uid &&
                      each.decision_digest == record.decision_digest &&
                      each.action == record.action && each.of == record.of &&
                      each.to.version == record.to.version && each.to.digest == record.to.digest;
    if (same) return true;
  }
  if (record.kind == "Intent" && ledger.open_intent() != nullptr) return false;
  check_record(seen, record);
  if (ledger.records.empty()) fixtures::append(ledger, {.kind = "Genesis", .time = now});
  RecordFact& made = fixtures::append(ledger, {.kind = record.kind,
                                               .request_uid = uid,
                                               .decision_digest = record.decision_digest,
                                               .action = record.action,
                                               .from = record.from,
                                               .to = record.to,
                                               .of = record.of,
                                               .reason = record.reason,
                                               .time = now});
  made.digest = sha256_digest(fmt::format("{} {} {}", on_target, made.sequence, record.kind)).str();
  bodies_[made.digest] = record.body;
  return true;
}

bool Story::patch(const World& seen, const PatchPin& pin) {
  if (!deployment || deployment->meta.uid != pin.deployment_uid || !pin_owner.empty()) return false;
  const std::uint64_t sequence = pinned_sequence(*deployment);
  if (sequence > pin.sequence) return false;
  const RecordFact* open = target_ledger.open_intent();
  if (open == nullptr || open->sequence != pin.sequence || !(open->to == pin.version) ||
      open->request_uid != seen.request.meta.uid) {
    broken("I1: a pin without its open Intent");
  }
  if (!store.trusted) broken("I15: a pin while the store is not trusted");
  deployment->meta.annotations[kSequenceAnnotation] = std::to_string(pin.sequence);
  deployment->meta.annotations[kRecordAnnotation] = pin.record_digest;
  const std::vector<EnvVar> pins = render_pins(*target, pin.version);
  const bool changes = deployment->containers[0].env != pins;
  deployment->containers[0].env = pins;
  if (changes) ++deployment->meta.generation;
  if (pin.sequence < highest_sequence_) broken("I8: the sequence went back");
  highest_sequence_ = pin.sequence;
  return true;
}

void Story::collect_garbage() {
  std::erase_if(requests, [&](const PromotionRequest& request) {
    const bool gone = request.meta.deleting && request.meta.finalizers.empty();
    if (gone) {
      std::erase_if(clones, [&](const CloneState& c) { return c.request_uid == request.meta.uid; });
    }
    return gone;
  });
}

void Story::note(const std::string& request, const Decision& decision, std::size_t done) {
  std::string text = fmt::format("  {}: {} {}", request, name(decision.phase), decision.reason);
  if (!decision.waiting_for.empty()) text += fmt::format(", waits for {}", decision.waiting_for);
  text += "\n";
  const bool ended = is_terminal(decision.phase) || decision.phase == Phase::kAwaitingApproval;
  if (ended) text += fmt::format("      \"{}\"\n", decision.message);
  const bool quiet = done == 0 && last_note_[request] == text;
  if (quiet) return;
  if (last_note_[request] != text || last_noted_ != request) trace += text;
  last_note_[request] = text;
  last_noted_ = request;
  for (std::size_t i = 0; i < done; ++i) {
    trace += "      " + describe(decision.actions[i]);
    const auto* record = std::get_if<AppendRecord>(&decision.actions[i]);
    if (record != nullptr && !record->reason.empty()) trace += " \"" + record->reason + "\"";
    trace += "\n";
  }
}

std::string Story::state() const {
  std::string out = fmt::format("{} {} {} {} ", model_ledger.head_sequence(),
                                target_ledger.head_sequence(), jobs.size(), clones.size());
  for (const FakeJob& job : jobs)
    out += fmt::format("{}{} ", job.uid, name(job.verdict));
  for (const CloneState& clone : clones)
    out += clone.role + clone.request_uid + clone.evaluation;
  for (const PromotionRequest& request : requests)
    out += request.meta.name + (held(request) ? "+" : "-");
  if (deployment) {
    out += fmt::format(" {} {} {} {}", deployment->meta.generation, deployment->observed_generation,
                       deployment->updated_replicas, pinned_sequence(*deployment));
  }
  return out;
}

bool Story::settle(int most) {
  for (int i = 0; i < most; ++i) {
    const std::string before = state();
    std::vector<std::string> names;
    for (const PromotionRequest& request : requests)
      names.push_back(request.meta.name);
    for (const std::string& each : names)
      round(each);
    end_jobs([](const FakeJob&) { return Verdict::kPassed; });
    roll();
    now += std::chrono::seconds(5);
    if (state() == before) return true;
  }
  return false;
}

bool Story::ended(const PromotionRequest& request) const {
  return ends_.contains(request.meta.uid);
}

const Decision& Story::shown(const std::string& request) const {
  return shown_.at(request);
}

std::string Story::serving() const {
  return serving_version(target_ledger).version;
}

std::size_t Story::count(const std::string& kind) const {
  const auto is = [&](const RecordFact& record) { return record.kind == kind; };
  return static_cast<std::size_t>(std::ranges::count_if(model_ledger.records, is) +
                                  std::ranges::count_if(target_ledger.records, is));
}

}  // namespace stagekeeper::promotion
