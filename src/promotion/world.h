#pragma once

#include "base/clock.h"
#include "model/objects.h"
#include "model/workloads.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::promotion {

/// How a gate ended, or has not. Only Passed unblocks; Failed is a verdict, Errored is technical.
enum class Verdict { kPending, kRunning, kPassed, kFailed, kInconclusive, kErrored };

/// "Pending", "Running", "Passed", …
std::string_view name(Verdict verdict);

/// One gate of this evaluation: what was asked and what its latest attempt shows. Everything below
/// `spec` comes from the live Job and pod, or from the locked record once that exists.
struct GateState {
  GateSpec spec;
  int attempt = 0;  ///< 0: no Job yet
  Verdict verdict = Verdict::kPending;
  bool retryable = false;  ///< a technical end that a further attempt may cure
  std::string reason;      ///< code: "Passed", "NonceMismatch", "OOMKilled", …
  std::string message;
  std::string observed;
  std::string threshold;
  std::string champion;
  std::string samples;
  std::string job_name;
  std::string job_uid;
  std::string pod_uid;
  std::string nonce;
  std::string image;
  std::string golden_row;    ///< Accuracy only: which row was kept to compare after the rollout
  std::string golden_score;  ///< Accuracy only: the candidate's score of it
};

/// A version as records name it. An empty version means "nothing is pinned".
struct VersionRef {
  std::string version = {};
  std::string digest = {};
  std::string artifact_uri = {};
  std::string stage = {};

  friend bool operator==(const VersionRef&, const VersionRef&) = default;
};

/// One locked record, reduced to what later decisions depend on.
struct RecordFact {
  std::uint64_t sequence = 0;
  std::string kind = {};    ///< Intent, Applied, Aborted, GateResult, Staged, Blocked, …
  std::string digest = {};  ///< of the record's payload
  std::string key = {};
  std::string request_uid = {};
  std::string decision_digest = {};
  std::string action = {};
  VersionRef from = {};
  VersionRef to = {};
  std::uint64_t of = 0;     ///< which Intent a terminal record closes
  std::string reason = {};  ///< of terminal records: why they ended badly
  TimePoint time{};
};

/// A ledger's records in order.
struct LedgerView {
  std::vector<RecordFact> records;

  [[nodiscard]] std::uint64_t head_sequence() const;
  [[nodiscard]] std::string head_digest() const;

  /// The Intent without a terminal record, or null. A ledger never has two.
  [[nodiscard]] const RecordFact* open_intent() const;

  /// The last Applied record: what the target serves. Null before the first.
  [[nodiscard]] const RecordFact* serving() const;

  /// The last record of that kind for that request, or null.
  [[nodiscard]] const RecordFact* find(std::string_view kind, std::string_view request_uid) const;
};

/// What a clone of the serving Deployment is doing. The name is unique per Deployment, so that
/// creating it is the lock that lets one evaluation at a time use a target.
struct CloneState {
  std::string role;           ///< "candidate" or "baseline"
  std::string request_uid;    ///< whose clone it is
  std::string version;        ///< what it is pinned to
  std::string stray_service;  ///< a Service that would send users' traffic to it; empty: none
  std::string evaluation;     ///< annotation kEvaluationAnnotation: what it was made for
};

struct TargetState {
  ServingTarget target;
  std::optional<Deployment> deployment;
  std::string template_digest;
  LedgerView ledger;
  std::vector<CloneState> clones;
  std::string claimed_by;    ///< value of the claim label; empty: not claimed
  std::string pin_conflict;  ///< a trial apply was refused: who owns the fields; empty: free
};

/// An Approval and what the API server says of its author's right now.
struct ApprovalState {
  Approval approval;
  std::optional<bool> authorised;  ///< nullopt: the question could not be asked
};

/// What one Approval is worth, for its status and for the request's.
struct ApprovalView {
  std::string name;
  std::string uid;
  std::string approver;
  std::string role;
  bool approve = false;
  bool counted = false;
  std::string reason;
  std::string message;
  TimePoint created{};
};

/// Present while and after people are asked.
struct ReviewView {
  std::string decision_digest;
  TimePoint opened_at{};
  TimePoint expires_at{};
  int needed = 0;
  int counted = 0;
  std::string missing;  ///< "model-risk (one of: mrm)", for people
};

/// A review that is over, as the record says that ended it.
struct PastReview {
  RecordFact record;
  ReviewView review;
  std::vector<ApprovalView> approvals;
};

/// The results that a GateResult record holds, valid for exactly one evaluation.
struct GateResults {
  RecordFact record;
  std::vector<GateState> gates;
};

/// Whether the bucket may be believed: see audit's probe.
struct StoreState {
  bool trusted = false;
  std::string reason;
  std::string message;
};

/// Why the ledgers of a request could not be read.
struct LedgerFault {
  bool broken = false;  ///< a record is not what it should be; false: the store does not answer
  std::string message;
};

/// Everything one decision may depend on, read at one moment. No handles, no clocks, no caches.
struct World {
  TimePoint now{};
  std::string cluster_uid;
  StoreState store;
  std::optional<LedgerFault> ledger_fault;  ///< set: nothing is known of what has been done
  PromotionRequest request;
  std::optional<bool> requester_authorised;  ///< nullopt: the question could not be asked
  std::optional<ModelVersion> version;
  std::string version_digest;  ///< of ModelVersion.spec
  std::optional<PromotionPolicy> policy;
  std::string policy_digest;  ///< of PromotionPolicy.spec and every GateClass used
  std::map<std::string, GateClass> gate_classes;
  std::vector<GateState> gates;  ///< of the current evaluation, in the policy's order
  std::optional<GateState> smoke;
  std::optional<GateResults> results;
  std::optional<PastReview> past_review;
  LedgerView model_ledger;
  std::optional<TargetState> evaluated_on;  ///< whose Deployment is cloned
  /// Where the request changes a pin: the target in whose ledger it has a record already, else the
  /// one that the policy's stage names; unset for stages that serve nobody.
  std::optional<TargetState> target;
  std::vector<LedgerView> other_targets;  ///< ledgers of the model's other targets
  std::vector<ApprovalState> approvals;
  bool owns_jobs = false;    ///< any gate Job of this request exists
  bool owns_clones = false;  ///< any clone of this request exists, of whatever Deployment
};

}  // namespace stagekeeper::promotion
