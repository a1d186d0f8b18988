#include "promotion/commit.h"
#include "promotion/conclusion/conclusion.h"
#include "promotion/digests.h"
#include "promotion/intake/intake.h"
#include "promotion/intake/rollback.h"
#include "promotion/pins.h"
#include "promotion/queries.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>

// Requests without gates and approvals: who may make them is decided by their own verb.
namespace stagekeeper::promotion::intake {
namespace {

/// The API server dates requests, and the operator records: an emergency must not fail on that.
constexpr std::chrono::seconds kClocksApart{120};

/// These requests read no Approvals.
const std::vector<ApprovalState> kNobody;

Decision pending(Wait wait) {
  return waiting(Phase::kPending, std::move(wait));
}

/// Ends a request that changes nothing, as far as the quota allows.
Decision end_without_change(const Case& facts, EndCode code, std::string text,
                            std::vector<TargetEnd> ends = {}) {
  TimePoint until{};
  if (auto wait = conclusion::quota(facts.model_ledger, facts.subject, facts.now, until)) {
    wait->what += fmt::format(", and changes nothing: {}", text);
    Decision out = pending(std::move(*wait));
    out.wake_at = until;
    return out;
  }
  return conclusion::conclude(
      {.subject = facts.subject, .model_ledger = facts.model_ledger, .approvals = kNobody},
      {.code = code,
       .text = std::move(text),
       .to = requested(facts.subject),
       .targets = std::move(ends)});
}

/// What both Rollback and Adopt need before they look at any target.
std::optional<Decision> not_ready(const Case& facts) {
  if (auto wait = precondition(facts)) return pending(std::move(*wait));
  if (auto wait = stage_unknown(facts.subject)) return pending(std::move(*wait));
  if (!serves(*facts.subject.stage())) {
    return end_without_change(
        facts, EndCode::kNotServing,
        fmt::format("stage {} of PromotionPolicy {} serves nobody: action {} needs a stage with "
                    "targets",
                    facts.subject.request.stage, facts.subject.request.model,
                    name(facts.subject.request.action)));
  }
  if (auto wait = targets_obstacle(facts)) return pending(std::move(*wait));
  return missing_right(facts);
}

/// A Rollback whose PromotionPolicy is gone, or has lost the stage. Which targets are of the stage
/// is then told by their ledgers: what serves there was brought there for that stage.
std::optional<Decision> not_ready_alone(const Case& facts) {
  if (!facts.store.trusted || facts.subject.request.requester.username.empty())
    return pending(*precondition(facts));
  const PromotionRequest& request = facts.subject.request;
  if (request.targets.empty()) {
    Wait wait = facts.subject.policy ? *stage_unknown(facts.subject) : *precondition(facts);
    wait.what += "; a rollback without it has to name its targets in spec.targets";
    return pending(std::move(wait));
  }
  for (const std::string& name : asked_targets(facts.subject)) {
    const RolloutFacts* target = find_target(facts.targets, name);
    const RolloutFacts unread{.state = {.name = name}};
    if (auto wait = target_obstacle(facts.subject, target == nullptr ? unread : *target))
      return pending(std::move(*wait));
    const VersionRef serving = serving_version(target->state.ledger);
    if (serving.stage == request.stage) continue;
    return pending({.code = WaitCode::kTargetMissing,
                    .about = "ServingTarget " + name,
                    .what = fmt::format("by record ServingTarget {} serves nothing of stage {}, "
                                        "and there is no policy that says otherwise",
                                        name, request.stage),
                    .who_can = "whoever writes policies",
                    .command = "create the PromotionPolicy again, or name other targets"});
  }
  return missing_right(facts);
}

/// What becomes of one target: a change, or an end without one.
struct Plan {
  std::vector<DecidedFacts::Target> targets;
  std::vector<TargetEnd> left;

  void change(const TargetState& state, const VersionRef& to) {
    targets.push_back(decided_target(state, to));
  }

  void leave(const TargetState& state, EndCode code, std::string text) {
    const VersionRef serving = serving_version(state.ledger);
    left.push_back({.name = state.name,
                    .from = serving,
                    .to = serving,
                    .code = code,
                    .text = std::move(text)});
  }
};

Decision carry(const Case& facts, Plan plan, const std::string& doubt = "") {
  if (plan.targets.empty()) {
    return end_without_change(facts, conclusion::overall(plan.left), conclusion::summary(plan.left),
                              plan.left);
  }
  DecidedFacts decided{.basis_digest = basis_digest(facts.subject),
                       .targets = std::move(plan.targets),
                       .left = std::move(plan.left),
                       .admission_doubt = doubt};
  const std::string digest = decision_digest({.cluster_uid = facts.cluster_uid,
                                              .subject = facts.subject,
                                              .on = std::nullopt,
                                              .targets = decided.targets});
  return commit({.now = facts.now,
                 .decision_digest = digest,
                 .subject = facts.subject,
                 .model_ledger = facts.model_ledger,
                 .targets = facts.targets,
                 .approvals = kNobody},
                decided);
}

/// Whether a change is under way on the target, or has failed and nobody has taken it back: then
/// the way back leads to what serves by record.
bool unsettled(const History& ledger) {
  return ledger.open_intent() != nullptr || owed_way_back(ledger) != nullptr;
}

/// The Intent of the last change of the target's pins, by another request than this one; or null.
const RecordFact* last_change(const History& ledger, const PromotionRequest& request) {
  const RecordFact* last = ledger.last_pin();
  if (last == nullptr) return nullptr;
  const RecordFact* intent = last->kind == RecordKind::kIntent ? last : ledger.at(last->of);
  return intent != nullptr && intent->request.uid != request.meta.uid ? intent : nullptr;
}

void plan_rollback(const Subject& subject, const TargetState& state, Plan& plan) {
  const std::string& asked = subject.request.version;
  if (auto why = overtaken(state, subject.request))
    return plan.leave(state, EndCode::kOvertaken, std::move(*why));
  const VersionRef serving = serving_version(state.ledger);
  // Put back while the store was away, so that nothing need be under way any more.
  const bool put_back = taken_back_by(*state.deployment, subject.request.meta);
  const bool under_way = unsettled(state.ledger);
  VersionRef to = under_way || put_back ? serving : previous_version(state.ledger);
  if (!asked.empty()) {
    const VersionRef* served = last_applied(state.ledger, asked);
    if (served == nullptr) {
      return plan.leave(state, EndCode::kNeverServed,
                        fmt::format("version {} never served here; a rollback returns to a version "
                                    "that did. Create a PromotionRequest with action Promote",
                                    asked));
    }
    to = *served;
  }
  if (to.version.empty() && !under_way) {
    return plan.leave(state, EndCode::kNothingToRollBackTo,
                      "no version has served here before the present one");
  }
  // What serves by record and is not what is pinned needs a rollback all the same.
  if (!under_way && same_version(to, serving) && holds_pins(*state.deployment, *state.target, to)) {
    return plan.leave(
        state, EndCode::kNoChange,
        put_back ? fmt::format("version {} was put back while the audit store was away", to.version)
                 : fmt::format("version {} serves already", to.version));
  }
  plan.change(state, to);
}

void plan_adoption(const Subject& subject, const TargetState& state, Plan& plan) {
  const VersionRef version = requested(subject);
  const VersionRef serving = serving_version(state.ledger);
  if (same_version(serving, version))
    return plan.leave(state, EndCode::kNoChange, "this version is recorded as serving already");
  if (!serving.version.empty()) {
    return plan.leave(state, EndCode::kAlreadyManaged,
                      fmt::format("version {} serves by record; adoption is for a target without "
                                  "records. Create a PromotionRequest with action Promote",
                                  serving.version));
  }
  // Adoption skips gates and approvals, so it must never bring in anything: same values only.
  const std::vector<RenderedPin> pins = render_pins(*state.target, version);
  if (!runs_version(*state.deployment, *state.target, pins)) {
    return plan.leave(state, EndCode::kNotRunning,
                      fmt::format("Deployment {} does not carry the pins of version {}; adoption "
                                  "takes over what runs already. Create a PromotionRequest with "
                                  "action Promote",
                                  state.target->workload.name, version.version));
  }
  plan.change(state, version);
  plan.targets.back().from_pins = borne_pins(*state.deployment, pins);
}

/// The targets' states, which targets_obstacle() has found in order.
template <typename PlanOne>
Plan plan_each(const Case& facts, const PlanOne& plan_one) {
  Plan plan;
  for (const std::string& name : asked_targets(facts.subject)) {
    const RolloutFacts* target = find_target(facts.targets, name);
    if (target != nullptr) plan_one(facts.subject, target->state, plan);
  }
  return plan;
}

/// Whether a target of the model serves the version, or is about to.
bool in_use(const Case& facts, const VersionRef& version) {
  return std::ranges::any_of(facts.targets,
                             [&](const auto& each) { return uses(each.state.ledger, version); }) ||
         std::ranges::any_of(facts.others,
                             [&](const auto& each) { return uses(each.ledger, version); });
}

/// Other bytes than those that the records know under the number.
std::optional<Decision> reused(const Case& facts) {
  const VersionRef version = requested(facts.subject);
  const std::string first = facts.model_ledger.digest_of_number(version.version);
  if (first.empty() || version.digest.empty() || first == version.digest) return std::nullopt;
  return end_without_change(
      facts, EndCode::kVersionReused,
      fmt::format("number {} belongs to {} in the records", version.version, first));
}

}  // namespace

std::optional<std::string> overtaken(const TargetState& state, const PromotionRequest& request) {
  const RecordFact* intent = last_change(state.ledger, request);
  if (intent == nullptr) return std::nullopt;
  const TimePoint asked = request.meta.created;
  if (intent->time > asked + kClocksApart) {
    return fmt::format(
        "request {} has changed the target to version {} since this rollback was "
        "asked for; create another one to undo that",
        intent->request.name, intent->to.version);
  }
  if (!request.version.empty() || intent->action != name(RequestAction::kRollback))
    return std::nullopt;
  const bool under_way =
      state.ledger.open_intent() == intent && !is_way_back(state.ledger, *intent);
  if (!under_way && intent->time <= asked) return std::nullopt;
  return fmt::format(
      "request {} {} to version {} already; a rollback that is to lead elsewhere "
      "names its version",
      intent->request.name, under_way ? "goes back" : "went back", intent->to.version);
}

Decision roll_back(const Case& facts) {
  const bool alone = facts.subject.stage() == nullptr;
  if (auto wait = alone ? not_ready_alone(facts) : not_ready(facts)) return *wait;
  // It leads to what has served by record, so that it waits for no policy; the record tells.
  if (auto asking = ask_admission(facts)) return *asking;
  return carry(facts, plan_each(facts, plan_rollback), admission_doubt(facts));
}

Decision adopt(const Case& facts) {
  if (auto wait = version_missing(facts.subject)) return pending(std::move(*wait));
  if (auto wait = not_ready(facts)) return *wait;
  if (auto wait = missing_admission(facts, Phase::kPending, Requester::kToProve)) return *wait;
  if (auto end = reused(facts)) return *end;
  return carry(facts, plan_each(facts, plan_adoption));
}

Decision archive(const Case& facts) {
  if (auto wait = precondition(facts)) return pending(std::move(*wait));
  if (auto wait = version_missing(facts.subject)) return pending(std::move(*wait));
  if (auto asking = missing_right(facts)) return *asking;
  if (auto wait = missing_admission(facts, Phase::kPending, Requester::kToProve)) return *wait;
  if (auto end = reused(facts)) return *end;
  const VersionRef version = requested(facts.subject);
  const std::string now = stage_of(facts.model_ledger, version);
  if (now == kStageArchived)
    return end_without_change(facts, EndCode::kNoChange, "the version is archived already");
  const auto unread = std::ranges::find_if(facts.others, &TargetState::unreadable);
  if (unread != facts.others.end()) {
    return pending({.code = WaitCode::kAuditBroken,
                    .about = "ledger of target " + unread->name,
                    .what = fmt::format("the ledger of target {} cannot be believed, so nobody "
                                        "knows whether the version serves there",
                                        unread->name),
                    .who_can = "whoever runs the audit store",
                    .command = "kubectl stagekeeper audit verify --bucket … --endpoint … "
                               "--public-key …"});
  }
  if (in_use(facts, version)) {
    return end_without_change(facts, EndCode::kStillServing,
                              "the version serves users; promote or roll back to another first");
  }
  StageMove move{.version = version, .from = now};
  move.version.stage = kStageArchived;
  return conclusion::conclude(
      {.subject = facts.subject, .model_ledger = facts.model_ledger, .approvals = kNobody},
      {.code = EndCode::kArchived,
       .text = "the version is archived",
       .to = move.version,
       .moves = {move}});
}

Decision abort(const Case& facts) {
  if (auto wait = precondition(facts)) return pending(std::move(*wait));
  if (auto asking = missing_right(facts)) return *asking;
  // An emergency, too: it brings nothing in, so that it waits for no policy.
  if (auto asking = ask_admission(facts)) return *asking;
  const PromotionRequest& request = facts.subject.request;
  const std::string& asked = request.aborts ? request.aborts->name : request.meta.name;
  const auto& other = facts.aborted;
  const bool named = other && (!request.aborts || request.aborts->uid.empty() ||
                               request.aborts->uid == other->ref.uid);
  if (!named) {
    return end_without_change(facts, EndCode::kNotAborted,
                              fmt::format("there is no PromotionRequest {} of that uid in this "
                                          "namespace; what a deleted one has left is put back "
                                          "without being asked",
                                          asked));
  }
  if (other->model != request.model || other->stage != request.stage) {
    return end_without_change(
        facts, EndCode::kNotAborted,
        fmt::format("request {} is about model {} and stage {}; name those, for which the right is "
                    "asked",
                    asked, other->model, other->stage));
  }
  if (other->action != RequestAction::kPromote && other->action != RequestAction::kAdopt) {
    return end_without_change(facts, EndCode::kNotAborted,
                              fmt::format("request {} has action {}, which is not interrupted; a "
                                          "Rollback is overtaken by another Rollback",
                                          asked, name(other->action)));
  }
  if (facts.model_ledger.conclusion(other->ref) != nullptr) {
    return end_without_change(
        facts, EndCode::kNoChange,
        fmt::format("request {} has ended already; what it brought in is taken back by action "
                    "Rollback",
                    asked));
  }
  const std::string doubt = admission_doubt(facts);
  return conclusion::conclude(
      {.subject = facts.subject, .model_ledger = facts.model_ledger, .approvals = kNobody},
      {.code = EndCode::kStopped,
       .text = request.reason + (doubt.empty() ? "" : " [admission: " + doubt + "]"),
       .aborts = other->ref});
}

}  // namespace stagekeeper::promotion::intake
