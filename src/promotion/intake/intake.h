#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What must hold before anything starts.
namespace stagekeeper::promotion::intake {

/// Everything that a request without decision may depend on, but for gates and people.
struct Case {
  TimePoint now{};
  std::string_view cluster_uid;
  const StoreState& store;
  const Subject& subject;
  const History& model_ledger;
  const std::vector<RolloutFacts>& targets;  ///< those asked for
  const std::vector<TargetState>& others;    ///< the model's further targets
  const Rights& rights;
  const std::optional<AdmissionState>& admission;
  const Belongings& owned;
  const std::optional<OtherRequest>& aborted;
};

/// What every request needs: a policy, a store that may be believed, a requester that is known.
std::optional<Wait> precondition(const Case& facts);

/// The ModelVersion is missing.
std::optional<Wait> version_missing(const Subject& subject);

/// The policy has no such stage.
std::optional<Wait> stage_unknown(const Subject& subject);

/// A policy that the CRD's rules would refuse: nothing may be promoted by it.
std::optional<Wait> unsafe_policy(const PromotionPolicy& policy, const StageSpec& stage);

/// The requester's right to do this now: asks for it, or waits for it; nothing: it is there.
std::optional<Decision> missing_right(const Case& facts);

/// From when on what people have made counts: admission, and what the policy's status remembers of
/// policies that were not in force. Only once admission is known.
TimePoint counts_from(const Case& facts);

/// Whether it is certain who made the request. A locked GateResult is written only once it was:
/// what becomes of the policies afterwards makes the requester no less certain.
enum class Requester { kToProve, kProven };

/// The admission policies must be in force before anything rests on who somebody is: asks for the
/// proof, or waits for it; nothing: it is there. Waits also for a request that was made while they
/// were not, or before they last changed.
std::optional<Decision> missing_admission(const Case& facts, Phase phase, Requester requester);

/// The same for a Rollback, which waits for nobody: asks, or tells what is not proven.
std::optional<Decision> ask_admission(const Case& facts);
std::string admission_doubt(const Case& facts);

/// An end that history tells, so that it needs no record. Another policy may tell another: what
/// begins then has its gates and approvals like any other.
struct HistoryEnd {
  EndCode code = EndCode::kNone;
  std::string text;
};

/// May the version enter the stage? Nothing to say: yes, now.
using StageOrder = std::variant<std::monostate, Wait, HistoryEnd>;

/// Stage order of a Promote, from the policy's graph and the history of version and targets.
///
/// A version that was in the asked stage at any time since the request was created: NoChange. One
/// that was archived first, where the graph has no way from there: StageOrder. A number whose first
/// record has another digest: VersionReused. One on its way waits. Serving users is never entered
/// from None, and from Archived by a rollback only, whatever a policy says.
StageOrder stage_order(const Case& facts, const StageSpec& stage);

/// Why a target cannot be changed now, or nothing. A Rollback is not kept by a rollout under way or
/// by a paused Deployment.
std::optional<Wait> target_obstacle(const Subject& subject, const RolloutFacts& facts);

/// The first obstacle among the asked targets, those that do not exist included.
std::optional<Wait> targets_obstacle(const Case& facts);

/// Requests without gates and approvals: who may make them is decided by their own verb.
Decision roll_back(const Case& facts);
/// A Rollback while its ledgers cannot be read and are only remembered (`fault` says why): takes an
/// open change of another request back to what serves by record, under a mark that no Intent bears,
/// so that nobody carries that change on. Nothing: there is no such change, and it waits. Only
/// while the store is away and not broken; once it answers the request goes on by roll_back().
std::optional<Decision> put_back(const Case& facts, const std::string& fault);
Decision adopt(const Case& facts);
Decision archive(const Case& facts);
/// Asks that another request ends: see rollout::Case::stop.
Decision abort(const Case& facts);

}  // namespace stagekeeper::promotion::intake
