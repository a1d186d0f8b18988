#include "promotion/evaluation/evaluate.h"

#include "promotion/belongings.h"
#include "promotion/evaluation/clone_lock.h"
#include "promotion/evaluation/obstacles.h"
#include "promotion/evaluation/questions.h"
#include "promotion/spacing.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

std::string ended_text(const EvaluationCase& facts) {
  const auto& gates = facts.facts.gates;
  const auto ended = std::ranges::count_if(
      gates, [&](const GateState& gate) { return is_final(gate, facts.subject); });
  return fmt::format("{} of {} gates have ended", ended, gates.size());
}

/// Ends every gate that has not begun: what it would measure does not answer.
void give_up(const EvaluationCase& facts, const CloneState& clone, std::vector<GateState>& gates) {
  const bool candidate = clone.role == CloneRole::kCandidate;
  for (GateState& gate : gates) {
    if (gate.verdict == Verdict::kRunning || is_final(gate, facts.subject)) continue;
    gate.verdict = Verdict::kErrored;
    gate.retryable = false;
    gate.ended = facts.now;
    gate.judgement = {.verdict = Verdict::kErrored,
                      .reason = candidate ? "CandidateNotReady" : "ChampionNotReady",
                      .message = fmt::format("the {} clone did not get ready: {}", name(clone.role),
                                             problem_of(clone))};
  }
}

/// Whether every gate that may run beside others has ended, and none of the others runs.
struct Turns {
  bool others_ended = true;
  bool alone_runs = false;
};

Turns turns(const EvaluationCase& facts) {
  Turns out;
  for (const GateState& gate : facts.facts.gates) {
    if (needs_of(gate).alone) {
      out.alone_runs = out.alone_runs || gate.verdict == Verdict::kRunning;
    } else if (!is_final(gate, facts.subject)) {
      out.others_ended = false;
    }
  }
  return out;
}

/// The next attempt of a gate may not begin before.
TimePoint not_before(const GateState& gate) {
  return gate.tries == 0 ? TimePoint{} : gate.ended + spacing_after(gate.tries);
}

std::string running_text(const EvaluationCase& facts) {
  std::string out = ended_text(facts);
  for (const GateState& gate : facts.facts.gates) {
    if (gate.verdict != Verdict::kRunning || gate.judgement.message.empty()) continue;
    return fmt::format("{}; gate {}: {}", out, gate.spec.name, gate.judgement.message);
  }
  return out;
}

Decision spaced(const EvaluationCase& facts, const GateState& gate) {
  return evaluating(
      facts,
      {.code = WaitCode::kGateRetrySpaced,
       .about = "gate " + gate.spec.name,
       .what = fmt::format("{}; gate {} is tried again at {}: {}", ended_text(facts),
                           gate.spec.name, format_time(not_before(gate)), gate.judgement.message)});
}

/// What may start now, and what has to wait for its time.
struct Starts {
  std::vector<const GateState*> now;
  const GateState* later = nullptr;  ///< the first of those
  bool runs = false;                 ///< some gate is measuring
};

/// Every gate at once, but those that must be alone one by one and last, so that they do not
/// measure the load of the others.
Starts starts_of(const EvaluationCase& facts) {
  Turns turn = turns(facts);
  Starts out;
  for (const GateState& gate : facts.facts.gates) {
    out.runs = out.runs || gate.verdict == Verdict::kRunning;
    if (gate.verdict == Verdict::kRunning || is_final(gate, facts.subject)) continue;
    const bool alone = needs_of(gate).alone;
    if (alone && (!turn.others_ended || turn.alone_runs)) continue;
    if (facts.now < not_before(gate)) {
      if (out.later == nullptr || not_before(gate) < not_before(*out.later)) out.later = &gate;
      continue;
    }
    turn.alone_runs = turn.alone_runs || alone;
    out.now.push_back(&gate);
  }
  return out;
}

Decision start_gates(const EvaluationCase& facts) {
  const Starts starts = starts_of(facts);
  std::vector<CreateGateJob> jobs;
  jobs.reserve(starts.now.size());
  for (const GateState* gate : starts.now) {
    Result<CreateGateJob> job =
        evaluation_job(facts.subject, gate->spec, gate->attempt + 1, facts.facts, facts.digest);
    if (!job) return waiting(Phase::kPending, cannot_ask(facts.subject, *gate, job.error()));
    jobs.push_back(std::move(*job));
  }
  const bool only_later = jobs.empty() && !starts.runs && starts.later != nullptr;
  Decision out = only_later ? spaced(facts, *starts.later)
                            : evaluating(facts, {.code = WaitCode::kGatesRunning,
                                                 .about = "gates",
                                                 .what = running_text(facts)});
  if (!jobs.empty()) hold_finalizer(facts.subject.request, out.actions);
  for (CreateGateJob& job : jobs)
    out.actions.emplace_back(std::move(job));
  if (starts.later != nullptr) out.wake_at = not_before(*starts.later);
  return out;
}

bool all_final(const std::vector<GateState>& gates, const Subject& subject) {
  return std::ranges::all_of(gates, [&](const GateState& gate) { return is_final(gate, subject); });
}

}  // namespace

bool is_final(const GateState& gate, const Subject& subject) {
  if (gate.verdict == Verdict::kPending || gate.verdict == Verdict::kRunning) return false;
  if (!gate.retryable) return true;
  const auto found = subject.gate_classes.find(gate.spec.gate_class);
  return found == subject.gate_classes.end() || gate.tries >= found->second.max_attempts;
}

Evaluated evaluate(const EvaluationCase& facts) {
  if (facts.stage.gates.empty()) return {};
  if (auto wait = gate_obstacle(facts)) return {.step = waiting(Phase::kPending, *wait)};
  Evaluated out{.gates = facts.facts.gates};
  if (all_final(out.gates, facts.subject)) return out;
  if (any_needs(facts, &gates::Needs::clones)) {
    out.step = prepare_clones(facts);
    if (out.step) return out;
    if (const CloneState* clone = unready_clone(facts)) {
      if (facts.now < patience(facts, *clone)) {
        out.step = not_ready(facts, *clone);
        return out;
      }
      give_up(facts, *clone, out.gates);
      if (all_final(out.gates, facts.subject)) return out;
      out.step = evaluating(
          facts, {.code = WaitCode::kGatesRunning, .about = "gates", .what = running_text(facts)});
      return out;
    }
  }
  out.step = start_gates(facts);
  return out;
}

}  // namespace stagekeeper::promotion
