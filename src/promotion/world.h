#pragma once

#include "base/clock.h"
#include "gates/verdict.h"
#include "model/history.h"
#include "model/objects.h"
#include "model/workloads.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

// Everything that decisions depend on, as values. Each machine takes the part it needs: see
// evaluation/, review/, rollout/, conclusion/.
namespace stagekeeper::promotion {

using gates::Verdict;

/// One gate of this evaluation: what was asked and what its latest attempt shows. Everything below
/// `spec` comes from the live Job and pod, or from the locked record once that exists.
struct GateState {
  GateSpec spec;
  int attempt = 0;  ///< 0: no Job yet; numbers go on when another question is asked
  int tries = 0;    ///< attempts at the present question
  Verdict verdict = Verdict::kPending;
  bool retryable = false;  ///< a technical end that a further attempt may cure
  TimePoint ended{};       ///< when the latest attempt ended; attempts are spaced by it
  gates::Judgement
      judgement;  ///< reason, message, observed, threshold, champion, samples, interval
  std::string job_name;
  std::string job_uid;
  std::string pod_uid;
  std::string nonce;
  std::string image;                        ///< what the Job ran, by digest
  std::string served_by;                    ///< uid of the clone's pod that was measured
  std::string proof;                        ///< versionProof.type that the version is proved by
  std::map<std::string, std::string> pods;  ///< attested before and after: role or pod → identity
  std::map<std::string, std::string> carries;  ///< named facts for a later gate (golden rows)
};

/// The role of a clone of the serving Deployment.
enum class CloneRole { kCandidate, kBaseline };

/// "candidate", "baseline".
std::string_view name(CloneRole role);

/// The one pod of a clone, found by the owner chain pod → ReplicaSet → Deployment and never by name
/// or label. What a gate talks to.
struct ClonePod {
  std::string name;
  std::string uid;
  std::string ip;
  bool ready = false;
  bool as_made = false;  ///< its images are those of the clone's template
  TimePoint created{};
  std::string identity;  ///< identity_of(): what a measurement holds for
  std::string problem;   ///< why it is not ready, for people: waiting reason, unscheduled, …
};

/// A clone of the serving Deployment. Its name is unique per Deployment, so that creating the
/// candidate is the lock that lets one evaluation at a time use a target.
struct CloneState {
  CloneRole role = CloneRole::kCandidate;
  std::string name;
  std::string uid;
  std::string request_uid;      ///< label; empty: not one of ours (the name is taken)
  std::string owner_uid;        ///< controlling owner: the request
  std::string version;          ///< annotation: what it is pinned to
  std::string request;          ///< annotation: "namespace/name" of the request, for people
  std::string evaluation;       ///< annotation: evaluation digest that it was made for
  std::string template_digest;  ///< annotation: of the template that it was made from
  std::string fault;            ///< in what it is not what we would make; empty: nothing
  std::string pods_refused;  ///< why its pods cannot be made: a quota, a missing account; or empty
  TimePoint created{};
  bool deleting = false;
  std::optional<ClonePod> pod;
};

/// A ServingTarget, its Deployment and its ledger.
struct TargetState {
  std::string name;
  std::optional<ServingTarget> target;  ///< nullopt: no such object (any more)
  std::string spec_digest;              ///< of ServingTarget.spec
  std::optional<Deployment> deployment;
  std::string template_digest;                 ///< pod template without the pins
  std::vector<std::string> template_managers;  ///< who owns fields of it, us left out
  History ledger;
  std::string claimed_by;   ///< value of the claim label; empty: not claimed
  bool unreadable = false;  ///< the ledger is broken: nobody knows what serves there
};

/// A rendered pin value.
struct RenderedPin {
  std::string container;
  std::string name;
  std::string value;

  friend bool operator==(const RenderedPin&, const RenderedPin&) = default;
};

/// The answer to a PinQuestion.
struct PinTrial {
  VersionRef version;
  std::string resource_version;  ///< of the Deployment that was asked about
  std::string conflict;          ///< who is in the way and what to do, for people; empty: nobody
};

/// Who can answer behind a target's Service. See observe_serving().
struct ServingPods {
  bool attested = false;                    ///< every one serves what the Deployment is pinned to
  std::string problem;                      ///< otherwise: which does not and why, for people
  std::map<std::string, std::string> pods;  ///< "pod/<name>" → identity_of(); of many, one digest

  friend bool operator==(const ServingPods&, const ServingPods&) = default;
};

/// Facts of the rollout on one target.
struct RolloutFacts {
  TargetState state;
  std::optional<GateState> smoke;  ///< of the open Intent of this request; asked about its digest
  std::optional<ServingPods> serving;  ///< read where the smoke test's answers prove no version
  std::optional<PinTrial> trial;  ///< also set by the doer when a PatchPin met a field conflict
  std::vector<RenderedPin>
      recorded_pins;  ///< only with World::remembered: of what serves by record
};

/// An Approval as it was read. What its author may do is asked apart: see Rights.
struct ApprovalState {
  Approval approval;
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

/// How one target ended, as the Concluded record says.
struct TargetEnd {
  std::string name;
  VersionRef from;
  VersionRef to;
  EndCode code = EndCode::kNone;
  std::string text;
  std::uint64_t record = 0;  ///< sequence of the record that ended it, in the target's ledger

  friend bool operator==(const TargetEnd&, const TargetEnd&) = default;
};

/// What the Decided record of a request holds of its body, as far as later rounds need it.
struct DecidedFacts {
  struct Target {
    std::string name;
    std::string uid;
    std::string spec_digest;
    std::string deployment_uid;
    std::string template_digest;      ///< pod template without the pins
    std::uint64_t base_sequence = 0;  ///< of the last record about its pins before the decision
    VersionRef from;                  ///< what served by record
    VersionRef to;
    std::vector<RenderedPin> from_pins;  ///< for `from`: what the way back writes
    std::vector<RenderedPin> pins;       ///< for `to`
  };

  RecordFact record;
  std::string basis_digest;  ///< basis_digest() of what was decided on
  std::vector<Target> targets;
  std::vector<TargetEnd> left;         ///< targets that were asked for and are left as they are
  std::optional<Dataset> dataset;      ///< for the smoke test: the data that was decided on
  std::vector<SignatureInput> inputs;  ///< the same: which columns the model takes
  std::optional<BinaryClassification> binary;
  std::map<std::string, std::string> carries;  ///< named facts of the gates (golden rows)
  std::vector<GateState> gates;                ///< results that were decided on
  std::optional<ReviewView> review;
  std::vector<ApprovalView> approvals;
  std::string admission_doubt;  ///< what of admission was not proven then; empty: nothing
};

/// A request that has ended: its Concluded record with everything a status shows of it.
struct Conclusion {
  RecordFact record;
  std::vector<GateState> gates;
  std::optional<ReviewView> review;
  std::vector<ApprovalView> approvals;
  std::vector<TargetEnd> targets;
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

/// Whether the admission policies that identities and pins rest on are in force in a namespace: see
/// admission/canaries.h.
struct AdmissionState {
  enum class Proof {
    kIntact,   ///< each refused what was forged
    kBroken,   ///< one did not
    kUnknown,  ///< the API server could not be asked
  };

  Proof proof = Proof::kUnknown;
  bool pins = false;        ///< the guard of the pins was asked, too
  std::string message;      ///< what is not proven and why, for people; empty with kIntact
  TimePoint at{};           ///< when it was found
  TimePoint counts_from{};  ///< requests and approvals made up to then are nobody's for certain
};

/// Why the ledgers of a request could not be read.
struct LedgerFault {
  bool broken = false;   ///< a record is not what it should be; false: the store does not answer
  bool refused = false;  ///< it answers and will not have us until somebody mends what it says
  std::string message;   ///< the cause, for people
};

/// Who a right is asked about, and which.
struct RightsQuestion {
  Identity who;
  std::string verb;  ///< on modelstages of the request's model and stage

  friend bool operator==(const RightsQuestion&, const RightsQuestion&) = default;
};

/// Could the pins be written now? Asked of the API server by a dry run.
struct PinQuestion {
  std::string target;
  VersionRef version;

  friend bool operator==(const PinQuestion&, const PinQuestion&) = default;
};

/// Are the admission policies in force in the namespace of the request?
struct AdmissionQuestion {
  bool pins = false;  ///< the guard of the pins, too

  friend bool operator==(const AdmissionQuestion&, const AdmissionQuestion&) = default;
};

/// Answers that the API server gave in this round. A question without an entry was not asked yet;
/// an entry without a value could not be answered.
struct Rights {
  std::vector<std::pair<RightsQuestion, std::optional<bool>>> answers;

  /// Null: not asked in this round.
  [[nodiscard]] const std::optional<bool>* find(const RightsQuestion& question) const;
};

/// The request that an Abort names, as it was read.
struct OtherRequest {
  RequestRef ref;
  std::string model;
  std::string stage;
  RequestAction action = RequestAction::kPromote;
};

/// What the request is about.
struct Subject {
  PromotionRequest request;
  std::string request_digest;  ///< request_digest(request)
  std::optional<ModelVersion> version;
  std::string version_digest;  ///< of ModelVersion.spec
  std::optional<PromotionPolicy> policy;
  std::string policy_digest;  ///< of PromotionPolicy.spec and every GateClass used
  std::map<std::string, GateClass> gate_classes;

  [[nodiscard]] RequestRef ref() const;
  /// The policy's stage that the request names, or null.
  [[nodiscard]] const StageSpec* stage() const;
};

/// Facts of the gates of the requested stage.
struct EvaluationFacts {
  std::optional<TargetState> on;       ///< whose Deployment is cloned
  std::vector<CloneState> clones;      ///< by their names, of whomever
  std::string stray_service;           ///< a Service that selects the clones, or would select them
                                       ///< once they are made; "ns/name": one that takes what
                                       ///< is sent to their pods' addresses; empty: none
  std::vector<GateState> gates;        ///< of the present evaluation, in the policy's order
  std::optional<GateResults> results;  ///< locked results of the present evaluation
};

/// A Job or a clone, by what deleting it needs.
struct OwnedObject {
  std::string name;
  std::string uid;
};

/// What of this request lives in the cluster.
struct Belongings {
  std::vector<OwnedObject> jobs;    ///< gate Jobs, by label, of any attempt
  std::vector<OwnedObject> clones;  ///< clone Deployments, by label
};

/// Everything one decision may depend on, read at one moment. No handles, no clocks, no caches.
struct World {
  TimePoint now{};
  std::string cluster_uid;
  StoreState store;
  std::optional<LedgerFault> ledger_fault;  ///< set: nothing is known of what has been done
  /// With a fault, of a Rollback: model_ledger and the ledgers of `targets` are what this process
  /// knew before. Good for taking back what they say is open, and for nothing else.
  bool remembered = false;
  Subject subject;
  History model_ledger;
  std::optional<Conclusion> conclusion;  ///< set: nothing below is read but `owned`
  std::optional<DecidedFacts> decided;
  /// One per target the request is about: those of `decided`, else those asked for.
  std::vector<RolloutFacts> targets;
  std::vector<TargetState> other_targets;  ///< the model's further targets: name and ledger only
  EvaluationFacts evaluation;
  std::vector<ApprovalState> approvals;
  Rights rights;
  std::optional<OtherRequest> aborted;      ///< Abort: what it names; nothing: there is none
  std::optional<AdmissionState> admission;  ///< nothing: not asked in this round
  Belongings owned;
};

}  // namespace stagekeeper::promotion
