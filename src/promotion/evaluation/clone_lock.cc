#include "promotion/evaluation/clone_lock.h"

#include "promotion/belongings.h"
#include "promotion/evaluation/clones.h"
#include "promotion/evaluation/obstacles.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

struct Wanted {
  CloneRole role = CloneRole::kCandidate;
  const VersionRef& version;
};

/// The clones that this evaluation needs, the lock first.
std::vector<Wanted> wanted_clones(const EvaluationCase& facts) {
  std::vector<Wanted> out = {{CloneRole::kCandidate, facts.candidate}};
  if (!facts.champion.version.empty() && any_needs(facts, &gates::Needs::champion))
    out.push_back({CloneRole::kBaseline, facts.champion});
  return out;
}

Decision preparing(const EvaluationCase& facts, std::string what) {
  return evaluating(facts,
                    {.code = WaitCode::kPreparingClones,
                     .about = "clones of Deployment " + facts.facts.on->target->workload.name,
                     .what = std::move(what)});
}

/// Somebody else has the clone's name: another request, whose turn it is, or nobody of ours.
Decision not_ours(const EvaluationCase& facts, const CloneState& clone) {
  const PromotionRequest& request = facts.subject.request;
  Decision out;
  if (owned_by(clone, clone.request_uid)) {
    const std::string holder =
        clone.request.empty() ? "another request" : "PromotionRequest " + clone.request;
    out = waiting(Phase::kPending,
                  {.code = WaitCode::kCandidateBusy,
                   .about = "evaluation of " + holder,
                   .what = fmt::format("{} is evaluated on ServingTarget {}; one of those that "
                                       "wait is next when it ends",
                                       holder, facts.facts.on->name)});
  } else {
    out = waiting(Phase::kPending, name_taken(request.meta.ns, clone, "it is not this operator's"));
  }
  // Who has no candidate has no use for the rest, and somebody else may have.
  if (clone.role == CloneRole::kCandidate)
    out.actions = clean_up(request, facts.owned, Finalizer::kKeep);
  return out;
}

Decision stray(const EvaluationCase& facts) {
  Decision out = waiting(Phase::kPending, would_receive_traffic(facts.subject.request.meta.ns,
                                                                facts.facts.stray_service));
  out.actions = clean_up(facts.subject.request, facts.owned, Finalizer::kKeep);
  return out;
}

Decision create(const EvaluationCase& facts, const Wanted& want) {
  Decision out = preparing(facts, fmt::format("the {} clone, version {}, is being made",
                                              name(want.role), want.version.version));
  hold_finalizer(facts.subject.request, out.actions);
  out.actions.emplace_back(CreateClone{.role = want.role,
                                       .version = want.version,
                                       .evaluation = facts.digest,
                                       .template_digest = facts.facts.on->template_digest});
  return out;
}

/// What a clone of the right name lacks to be ours, or nothing.
std::optional<Decision> check_clone(const EvaluationCase& facts, const CloneState& clone) {
  if (!owned_by(clone, facts.subject.request.meta.uid)) return not_ours(facts, clone);
  if (clone.deleting) return preparing(facts, "an earlier clone is being removed");
  const bool this_question =
      clone.evaluation == facts.digest && clone.template_digest == facts.facts.on->template_digest;
  if (!this_question) {
    Decision out = preparing(facts,
                             "something that the gates depend on has changed; they start "
                             "again");
    out.actions = clean_up(facts.subject.request, facts.owned, Finalizer::kKeep);
    return out;
  }
  if (clone.fault.empty()) return std::nullopt;
  return waiting(Phase::kPending, name_taken(facts.subject.request.meta.ns, clone, clone.fault));
}

}  // namespace

Decision evaluating(const EvaluationCase& facts, Wait wait) {
  Decision out = waiting(Phase::kEvaluating, std::move(wait));
  out.gates = facts.facts.gates;
  return out;
}

const gates::Needs& needs_of(const GateState& gate) {
  static const gates::Needs none;
  const gates::Kind* kind = gates::find_kind(gate.spec.kind);
  return kind == nullptr ? none : kind->needs;
}

bool any_needs(const EvaluationCase& facts, bool gates::Needs::* what) {
  return std::ranges::any_of(facts.facts.gates,
                             [&](const GateState& gate) { return needs_of(gate).*what; });
}

std::optional<Decision> prepare_clones(const EvaluationCase& facts) {
  const CloneState* lock = find_clone(facts.facts.clones, CloneRole::kCandidate);
  const bool free = lock == nullptr || owned_by(*lock, facts.subject.request.meta.uid);
  if (free && !facts.facts.stray_service.empty()) return stray(facts);
  for (const Wanted& want : wanted_clones(facts)) {
    const CloneState* have = find_clone(facts.facts.clones, want.role);
    if (have == nullptr) return create(facts, want);
    if (auto wrong = check_clone(facts, *have)) return wrong;
  }
  return std::nullopt;
}

const CloneState* unready_clone(const EvaluationCase& facts) {
  for (const Wanted& want : wanted_clones(facts)) {
    const CloneState* clone = find_clone(facts.facts.clones, want.role);
    if (!clone->pod || !clone->pod->ready || !clone->pod->as_made) return clone;
  }
  return nullptr;
}

TimePoint patience(const EvaluationCase& facts, const CloneState& clone) {
  TimePoint since = clone.created;
  if (clone.pod) since = std::max(since, clone.pod->created);
  std::chrono::milliseconds longest{0};
  for (const GateState& gate : facts.facts.gates) {
    since = std::max(since, gate.ended);
    const auto found = facts.subject.gate_classes.find(gate.spec.gate_class);
    if (found != facts.subject.gate_classes.end())
      longest = std::max(longest, found->second.active_deadline);
  }
  return since + std::chrono::ceil<std::chrono::seconds>(longest);
}

std::string problem_of(const CloneState& clone) {
  if (!clone.pod && !clone.pods_refused.empty()) return "no pod can be made: " + clone.pods_refused;
  if (!clone.pod) return "it has no pod yet";
  return clone.pod->problem.empty() ? "it is not ready yet" : clone.pod->problem;
}

Decision not_ready(const EvaluationCase& facts, const CloneState& clone) {
  const TimePoint until = patience(facts, clone);
  Decision out = evaluating(
      facts, {.code = WaitCode::kCandidateNotReady,
              .about = "pod of Deployment " + clone.name,
              .what = fmt::format("the gates wait for the {} clone, until {}: {}", name(clone.role),
                                  format_time(until), problem_of(clone)),
              .who_can = "who owns the model server looks, if it stays so",
              .command = fmt::format("kubectl describe pods -n {} -l {}={}-{}",
                                     facts.subject.request.meta.ns, kCloneOfLabel,
                                     clone.request_uid, name(clone.role))});
  out.wake_at = until;
  return out;
}

}  // namespace stagekeeper::promotion
