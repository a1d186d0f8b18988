#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <optional>
#include <string>
#include <vector>

// The parts of decide(), each a pure function of the World. Internal to this folder.
namespace stagekeeper::promotion::steps {

/// How soon to look again when no event announces the cure.
inline constexpr std::chrono::seconds kLookAgain{15};

/// A Decision that only waits, with its reason and next step.
Decision waiting(const World& world, Phase phase, std::string reason, std::string message,
                 std::string waiting_for = "");

/// One decision for each RequestAction.
Decision promote(const World& world);
Decision roll_back(const World& world);
Decision adopt(const World& world);
Decision archive(const World& world);

/// The request has ended by record: what to show, and what is left to do and to clean up.
std::optional<Decision> ended(const World& world);

/// Runs the gates of the requested stage until every one has ended.
/// Returns nothing when all have: the verdicts stand in world.gates.
std::optional<Decision> evaluate(const World& world, const StageSpec& stage);

/// From the open Intent of this request to its terminal record.
Decision roll_out(const World& world, const RecordFact& intent);

/// What every request needs before anything is looked at.
std::optional<Decision> preconditions(const World& world);

/// The ModelVersion is missing.
std::optional<Decision> version_missing(const World& world);

/// A policy that the CRD's rules would refuse: nothing may be promoted by it.
std::optional<Decision> unsafe_policy(const World& world, const StageSpec& stage);

/// Why the target cannot be changed now, or nothing.
std::optional<Decision> target_obstacle(const World& world);

/// Ends the request by a record of the model's ledger; the next round finds it and shows the end.
Decision end_by(const World& world, AppendRecord record, std::string message);

/// Ends the request as Blocked for a reason that is no gate's.
Decision blocked(const World& world, const std::string& code, std::string message);

/// Ends the request as Promoted, since the world is as asked already.
Decision nothing_to_do(const World& world, std::string message);

AppendRecord model_record(const World& world, std::string kind, std::string reason,
                          const std::vector<GateState>& gates, std::string digest = "");

/// The record that must be durable before the target's pin may become `to`.
AppendRecord intent_record(const World& world, const VersionRef& to, std::string digest,
                           std::string body);

/// Waits for whoever owns the pins' fields.
Decision field_conflict(const World& world, Decision decision);

/// Actions that remove what this request owns in the cluster, then its finalizer.
std::vector<Action> clean_up(const World& world);

/// Adds the finalizer unless it is there.
void hold_finalizer(const World& world, std::vector<Action>& actions);

/// The version the request is about, as records name it, in the requested stage.
VersionRef requested(const World& world);

/// The stage the requested version is in now.
std::string current_stage(const World& world);

/// The ledgers of all targets of the model.
std::vector<const LedgerView*> all_targets(const World& world);

/// The stage serves users: by a target, or by its name.
bool serves(const StageSpec& stage);

/// The gate of that name, or null.
const GateState* find_gate(const std::vector<GateState>& gates, const std::string& name);

/// The article's sentence, as far as it is true: which gates passed.
std::string passed_text(const StageSpec& stage, const std::vector<GateState>& gates);

/// Words joined by ", ".
std::string join(const std::vector<std::string>& parts);

}  // namespace stagekeeper::promotion::steps
