#pragma once

#include "base/crypto.h"
#include "base/decimal.h"
#include "model/meta.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The custom resources as values, decoded from what the API server has already validated. Names and
// meaning of every field stand in the CRDs (crds/*.yaml); here only what code must know beyond
// that.
namespace stagekeeper {

struct SignatureInput {
  std::string name;
  std::string type;
  bool required = true;
};

/// Where a version comes from. Facts of the registry, as the registrant wrote them.
struct VersionSource {
  std::string registry;
  std::string registered_model;
  std::string version;  ///< the registry's own version of it: "47", "v3", a commit
  std::string run_id;
  std::string trained_by;  ///< a claim; who registered it is ModelVersion::registered_by
};

struct ModelVersion {
  ObjectMeta meta;
  std::string model;
  std::string version;
  std::string artifact_type;  ///< "File" or "Manifest"; the URI tells it too, by a '/' at its end
  std::string artifact_uri;
  std::string artifact_digest;
  VersionSource source;
  std::string training_dataset_version;
  std::string training_dataset_digest;
  std::string feature_pipeline_version;
  Identity registered_by;  ///< stamped at admission, never typed
  std::vector<SignatureInput> inputs;
  std::vector<std::pair<std::string, std::string>> claims;  ///< spec.metrics: shown, never judged
  std::string status_stage;                                 ///< what our own view says now
  std::string status_record;  ///< digest of the record that our own view names
};

/// One gate of a stage, with the thresholds that the operator applies to measurements.
struct GateSpec {
  std::string name;
  std::string kind;      ///< spec.type: the name of a gates::Kind, "Accuracy", "Latency", …
  bool blocking = true;  ///< enforcement: Blocking (true) or Advisory
  std::string gate_class;
  std::string parameters = "{}";  ///< JSON text of the member that matches the kind; its meaning is
                                  ///< the kind's own (gates/kinds)
};

struct ApproverRole {
  std::string role;
  std::vector<std::string> users;  ///< a person sits by name or by one of the groups
  std::vector<std::string> groups;
  int count = 1;
};

struct ReviewSpec {
  std::vector<ApproverRole> approvers;
  std::chrono::milliseconds expires_after{std::chrono::hours(72)};
};

struct StageSpec {
  std::string name;
  std::vector<std::string> from;
  std::vector<GateSpec> gates;  ///< gatesFrom is resolved while decoding
  std::optional<ReviewSpec> review;
  std::vector<std::string> targets;  ///< ServingTarget names; not empty: the stage serves users
};

struct Dataset {
  std::string uri;
  std::string version;
  std::string digest;
};

/// evaluation.binaryClassification: how predictions are compared with labels.
struct BinaryClassification {
  std::string label_column;
  std::string positive_label;
  std::vector<std::string> group_columns;
  std::optional<int> positive_index;
  std::string scoring_path;
  bool higher_means_positive = true;
};

/// evaluation: a union by task. Without a task no gate may need labels.
struct Evaluation {
  std::optional<Dataset> dataset;
  std::optional<BinaryClassification> binary;  ///< task: BinaryClassification
  std::string serving_target;  ///< servingTargetName; empty: the first target of the first serving
                               ///< stage
};

/// A signed record that must be finished or replaced before any other of its ledger: see audit.
struct PendingRecord {
  std::string sequence;
  std::string key;
  std::string retain_until;
  std::string envelope;

  friend bool operator==(const PendingRecord&, const PendingRecord&) = default;
};

/// What a status last said of its ledger's head: may stop, never allow (a bucket that is behind it
/// is not the bucket it was).
struct LedgerHead {
  std::uint64_t sequence = 0;
  std::string digest;
};

/// What a PromotionPolicy's status remembers of the admission policies. It can only hold back.
struct PolicyAdmission {
  bool intact = true;       ///< false: they were found not to be in force, and not yet restored
  std::string counts_from;  ///< RFC 3339: what people made up to then counts for nothing; or empty
};

struct PromotionPolicy {
  ObjectMeta meta;
  std::string model;
  bool high_risk = false;
  Evaluation evaluation;
  std::vector<StageSpec> stages;
  std::optional<PendingRecord> pending;
  std::optional<LedgerHead> ledger_head;
  PolicyAdmission admission;

  /// The stage of that name, or null.
  [[nodiscard]] const StageSpec* stage(std::string_view stage_name) const;
};

struct PinEnv {
  std::string container;  ///< a container or an init container of the pod template
  std::string name;
  std::string value;  ///< template with ${model} ${version} ${digest} ${artifactUri}

  friend bool operator==(const PinEnv&, const PinEnv&) = default;
};

/// How the server proves which version answered.
struct VersionProof {
  std::string type;          ///< "Header", "Body", "Path" or "Pods"
  std::string header;        ///< of type Header: its name
  std::string body_pointer;  ///< of type Body: JSON Pointer to the version in an answer
};

/// A key of a ConfigMap or Secret.
struct SecretKeyRef {
  std::string name;
  std::string key;
};

/// How a server is recognised over HTTPS.
struct InferenceTls {
  std::string server_name;  ///< empty: that of the Service
  SecretKeyRef ca;          ///< a ConfigMap of the gate namespace; an empty name: the image's
};

struct Inference {
  std::string service;
  int service_port = 0;       ///< of the Service
  int container_port = 0;     ///< of the pods; what a clone's Service and its gates use
  std::string scheme;         ///< "HTTP" or "HTTPS"
  std::string protocol;       ///< "MLflow", "OpenInference" or "Json"
  std::string scoring_path;   ///< with ${model} and ${version}; empty: the protocol's own
  std::string health_path;    ///< the same
  std::string output;         ///< of OpenInference: the output with the scores; empty: the only one
  std::string json_template;  ///< of Json: the request
  std::string json_predictions;  ///< of Json: JSON Pointer to the list of predictions
  InferenceTls tls;
  SecretKeyRef bearer_token;  ///< in the gate namespace; an empty name: none is sent
  VersionProof version_proof;
};

/// What is pinned: the kind says which API serves it.
struct Workload {
  std::string kind;  ///< "Deployment"
  std::string name;
};

/// What may happen to the workload's pod template beside its pins while a target claims it.
/// Admission policies of the chart enforce it.
struct TemplateRule {
  bool guarded = false;               ///< changes: Guard; else Record
  std::vector<std::string> managers;  ///< user names; empty: everybody who may edit the workload

  friend bool operator==(const TemplateRule&, const TemplateRule&) = default;
};

/// What one container of a clone asks for instead of what the workload's asks for: resource names
/// and quantities.
struct CloneResources {
  std::string container;
  std::map<std::string, std::string> requests;
  std::map<std::string, std::string> limits;
};

/// In what clones for gates differ from the workload beside their pins: what runs in them has not
/// been approved by anybody.
struct CloneSpec {
  std::string service_account;                       ///< empty: the workload's
  std::map<std::string, std::string> labels;         ///< of their pods, beside the workload's
  std::map<std::string, std::string> node_selector;  ///< empty: the workload's
  std::vector<CloneResources> resources;             ///< of the containers that are named
};

struct ServingTarget {
  ObjectMeta meta;
  std::string model;
  std::string segment;
  bool observes = false;  ///< enforcement: Observe (true), which guards and changes nothing
  Workload workload;
  std::vector<PinEnv> pin;
  Inference inference;
  TemplateRule pod_template;
  CloneSpec clone;
  std::optional<PendingRecord> pending;
  std::optional<LedgerHead> ledger_head;
  std::string ledger_uid;  ///< status.ledger.targetUid: hint only
};

enum class RequestAction { kPromote, kRollback, kArchive, kAdopt, kAbort };

std::string_view name(RequestAction action);
std::optional<RequestAction> request_action(std::string_view text);

/// The RBAC verb on modelstages that an action needs: promote, rollback, archive, adopt, abort.
std::string_view verb_of(RequestAction action);

/// A PromotionRequest of the same namespace.
struct NamedRequest {
  std::string name;
  std::string uid;  ///< empty: whichever bears the name
};

struct PromotionRequest {
  ObjectMeta meta;
  std::string model;
  std::string version;  ///< may be empty for Rollback: the previous pin
  std::string stage;
  RequestAction action = RequestAction::kPromote;
  std::vector<std::string> targets;  ///< empty: all of the stage
  std::string reason;
  std::optional<NamedRequest> aborts;  ///< Abort: what is to end
  Identity requester;
  std::string phase;  ///< what our own view says now; a hint for lists, never an authority
};

/// Digest of what a request asks, without who asked: "sha256:…" over the canonical JSON of model,
/// version, stage, action, targets (sorted) and reason, and of what an Abort names. Together with
/// name and namespace it tells a re-created request from a new one.
std::string request_digest(const PromotionRequest& request);

struct Approval {
  ObjectMeta meta;
  std::string request_name;
  std::string request_uid;
  std::string model;
  std::string stage;
  bool approve = false;         ///< decision: Approve or Reject
  std::string decision_digest;  ///< may be empty for Reject
  Identity approver;
  std::string comment;
  bool counted_known = false;  ///< status says already whether it counts
};

struct Resources {
  std::map<std::string, std::string> requests;
  std::map<std::string, std::string> limits;
};

/// A Secret of the gate namespace and the keys in it; an empty name: ambient credentials.
struct CredentialsRef {
  std::string secret;
  std::string access_key_key;
  std::string secret_key_key;
  std::string session_token_key;  ///< empty: none
};

struct GateClass {
  ObjectMeta meta;
  std::string kind;  ///< spec.type: the gates::Kind that its image measures
  std::string image;
  std::vector<std::string> command;
  Resources resources;
  std::chrono::milliseconds active_deadline{std::chrono::minutes(10)};
  int max_attempts = 3;
  std::string fetch_image;
  std::string fetch_endpoint;
  std::string fetch_region;
  CredentialsRef credentials;
  std::string ca_config_map;
  std::string ca_key;
  std::string service_account;
};

/// An object of any kind, of which only the metadata matters.
struct AnyObject {
  ObjectMeta meta;
};

/// The view object of one model and stage; it has no spec.
struct ModelStage {
  ObjectMeta meta;
};

}  // namespace stagekeeper
