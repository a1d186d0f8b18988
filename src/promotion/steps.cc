#include "promotion/steps.h"

#include "base/text.h"
#include "promotion/ledger_view.h"
#include "promotion/records.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::steps {
namespace {

bool owns_clone(const World& world) {
  if (world.owns_clones) return true;
  return world.evaluated_on &&
         std::ranges::any_of(world.evaluated_on->clones, [&](const CloneState& clone) {
           return clone.request_uid == world.request.meta.uid;
         });
}

bool has_finalizer(const World& world) {
  const auto& finalizers = world.request.meta.finalizers;
  return std::ranges::find(finalizers, kFinalizer) != finalizers.end();
}

bool has_open_intent(const World& world) {
  return std::ranges::any_of(all_targets(world), [&](const LedgerView* ledger) {
    const RecordFact* open = ledger->open_intent();
    return open != nullptr && open->request_uid == world.request.meta.uid;
  });
}

/// A request that ends by such a record moves nothing.
bool moves_nothing(std::string_view kind) {
  return kind == "Blocked" || kind == "Rejected" || kind == "Expired" || kind == "NoChange";
}

}  // namespace

Decision waiting(const World& world, Phase phase, std::string reason, std::string message,
                 std::string waiting_for) {
  Decision out;
  out.phase = phase;
  out.reason = std::move(reason);
  out.message = std::move(message);
  out.waiting_for = std::move(waiting_for);
  out.to = requested(world);
  if (world.target) out.from = serving_version(world.target->ledger);
  return out;
}

AppendRecord model_record(const World& world, std::string kind, std::string reason,
                          const std::vector<GateState>& gates, std::string digest) {
  VersionRef to = requested(world);
  VersionRef from = to;
  from.stage = current_stage(world);
  if (moves_nothing(kind)) to.stage = from.stage;
  return AppendRecord{.ledger = LedgerKind::kModel,
                      .kind = std::move(kind),
                      .decision_digest = std::move(digest),
                      .action = std::string(name(world.request.action)),
                      .from = from,
                      .to = to,
                      .of = 0,
                      .reason = std::move(reason),
                      .body = record_body(world, gates, {})};
}

AppendRecord intent_record(const World& world, const VersionRef& to, std::string digest,
                           std::string body) {
  return AppendRecord{.ledger = LedgerKind::kTarget,
                      .kind = "Intent",
                      .decision_digest = std::move(digest),
                      .action = std::string(name(world.request.action)),
                      .from = serving_version(world.target->ledger),
                      .to = to,
                      .of = 0,
                      .reason = "",
                      .body = std::move(body)};
}

Decision end_by(const World& world, AppendRecord record, std::string message) {
  Decision out =
      waiting(world, Phase::kRecording, "RecordingOutcome", std::move(message), "audit record");
  out.gates = world.gates;
  out.actions.emplace_back(std::move(record));
  return out;
}

Decision blocked(const World& world, const std::string& code, std::string message) {
  AppendRecord record = model_record(world, "Blocked", code + ": " + message, {});
  return end_by(world, std::move(record), std::move(message));
}

Decision nothing_to_do(const World& world, std::string message) {
  return end_by(world, model_record(world, "NoChange", message, {}), std::move(message));
}

Decision field_conflict(const World& world, Decision decision) {
  decision.actions.clear();
  decision.reason = "FieldConflict";
  decision.message = world.target->pin_conflict;
  decision.waiting_for = "field owner";
  decision.wake_at = world.now + 2 * kLookAgain;
  return decision;
}

std::vector<Action> clean_up(const World& world) {
  std::vector<Action> out;
  if (world.owns_jobs) out.emplace_back(DeleteJobs{});
  if (owns_clone(world)) out.emplace_back(DeleteClones{});
  if (out.empty() && has_finalizer(world) && !has_open_intent(world)) {
    out.emplace_back(SetFinalizer{.present = false});
  }
  return out;
}

void hold_finalizer(const World& world, std::vector<Action>& actions) {
  if (!has_finalizer(world)) actions.emplace_back(SetFinalizer{.present = true});
}

VersionRef requested(const World& world) {
  VersionRef out{.version = world.request.version,
                 .digest = "",
                 .artifact_uri = "",
                 .stage = world.request.stage};
  if (world.version) {
    out.digest = world.version->artifact_digest;
    out.artifact_uri = world.version->artifact_uri;
  }
  return out;
}

std::vector<const LedgerView*> all_targets(const World& world) {
  std::vector<const LedgerView*> out;
  if (world.target) out.push_back(&world.target->ledger);
  for (const LedgerView& ledger : world.other_targets)
    out.push_back(&ledger);
  return out;
}

std::string current_stage(const World& world) {
  return stage_of(world.request.version, world.model_ledger, all_targets(world));
}

bool serves(const StageSpec& stage) {
  return !stage.targets.empty() || lower_ascii(stage.name) == "production";
}

const GateState* find_gate(const std::vector<GateState>& gates, const std::string& name) {
  const auto found =
      std::ranges::find_if(gates, [&](const GateState& gate) { return gate.spec.name == name; });
  return found == gates.end() ? nullptr : &*found;
}

std::string passed_text(const StageSpec& stage, const std::vector<GateState>& gates) {
  std::vector<std::string> advisory;
  for (const GateSpec& spec : stage.gates) {
    const GateState* gate = find_gate(gates, spec.name);
    if (gate == nullptr || gate->verdict != Verdict::kPassed) advisory.push_back(spec.name);
  }
  if (advisory.empty()) return "All automated gates passed.";
  return "All blocking gates passed (advisory gates that did not: " + join(advisory) + ").";
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts)
    out += (out.empty() ? "" : ", ") + part;
  return out;
}

}  // namespace stagekeeper::promotion::steps
