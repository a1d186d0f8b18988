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

struct ModelVersion {
  ObjectMeta meta;
  std::string model;
  std::string version;
  std::string artifact_uri;
  std::string artifact_digest;
  std::string trained_by;
  std::string training_dataset_digest;
  std::string feature_pipeline_version;
  std::vector<SignatureInput> inputs;
  std::vector<std::pair<std::string, std::string>> claims;  ///< spec.metrics: shown, never judged
  std::string status_stage;                                 ///< what our own view says now
  std::string status_record;  ///< digest of the record that our own view names
};

enum class GateType { kAccuracy, kLatency, kFairness, kSmoke };

/// "Accuracy", "Latency", …: as the CRDs write it.
std::string_view name(GateType type);

/// One gate of a stage, with the thresholds that the operator applies to measurements.
struct GateSpec {
  std::string name;
  GateType type = GateType::kAccuracy;
  bool blocking = true;  ///< enforcement: Blocking (true) or Advisory
  std::string gate_class;
  // Accuracy
  Decimal min_absolute;
  Decimal min_improvement;
  // Latency
  std::chrono::milliseconds p95_budget{0};
  int samples = 0;
  int warmup = 0;
  // Fairness
  Decimal max_disparity;
  int min_positives = 0;
  int min_negatives = 0;
};

struct ApproverRole {
  std::string role;
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
  std::vector<std::string> targets;  ///< not empty: the stage serves users
};

struct Evaluation {
  std::string dataset_uri;
  std::string dataset_version;
  std::string dataset_digest;
  std::string label_column;
  std::string positive_label;
  std::vector<std::string> group_columns;
  std::string serving_target;  ///< empty: the first target of the first serving stage
  std::optional<int> positive_index;
  std::string scoring_path;
  bool higher_means_positive = true;
};

/// A signed record that must be finished before any other of its ledger: see audit.
struct PendingRecord {
  std::string sequence;
  std::string key;
  std::string retain_until;
  std::string envelope;

  friend bool operator==(const PendingRecord&, const PendingRecord&) = default;
};

struct PromotionPolicy {
  ObjectMeta meta;
  std::string model;
  bool high_risk = false;
  Evaluation evaluation;
  std::vector<StageSpec> stages;
  std::optional<PendingRecord> pending;

  /// The stage of that name, or null.
  [[nodiscard]] const StageSpec* stage(std::string_view stage_name) const;
};

struct PinEnv {
  std::string name;
  std::string value;  ///< template with ${model} ${version} ${digest} ${artifactUri}

  friend bool operator==(const PinEnv&, const PinEnv&) = default;
};

struct Inference {
  std::string service;
  int port = 0;
  std::string protocol;
  std::string scoring_path;
  std::string health_path;
  std::string version_header;
};

struct ServingTarget {
  ObjectMeta meta;
  std::string model;
  std::string segment;
  std::string deployment;
  std::string container;
  std::vector<PinEnv> pin;
  Inference inference;
  std::optional<PendingRecord> pending;
  std::string ledger_uid;  ///< status.ledger.targetUid: hint only
};

enum class RequestAction { kPromote, kRollback, kArchive, kAdopt };

std::string_view name(RequestAction action);

struct PromotionRequest {
  ObjectMeta meta;
  std::string model;
  std::string version;  ///< may be empty for Rollback: the previous pin
  std::string stage;
  RequestAction action = RequestAction::kPromote;
  std::vector<std::string> targets;
  std::string reason;
  Identity requester;
  std::string phase;  ///< what our own view says now; a hint for lists, never an authority
};

struct Approval {
  ObjectMeta meta;
  std::string request_name;
  std::string request_uid;
  std::string model;
  std::string stage;
  bool approve = false;  ///< decision: Approve or Reject
  std::string decision_digest;
  Identity approver;
  std::string comment;
};

struct Resources {
  std::map<std::string, std::string> requests;
  std::map<std::string, std::string> limits;
};

struct GateClass {
  ObjectMeta meta;
  GateType type = GateType::kAccuracy;
  std::string image;
  std::vector<std::string> command;
  Resources resources;
  std::chrono::milliseconds active_deadline{std::chrono::minutes(10)};
  int max_attempts = 3;
  std::string fetch_image;
  std::string fetch_endpoint;
  std::string fetch_region;
  std::string credentials_secret;
  std::string ca_config_map;
  std::string service_account;
};

/// An object of any kind, of which only the metadata matters.
struct AnyObject {
  ObjectMeta meta;
};

/// The view object of one model and stage; it has no spec.
struct Stage {
  ObjectMeta meta;
};

}  // namespace stagekeeper
