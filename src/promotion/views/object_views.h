#pragma once

#include "base/result.h"
#include "promotion/serving/serving.h"
#include "promotion/world.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Merge patches for `/status` of what people declare: each shows facts given as values, and is an
// empty string when the status shows them already. Errors: Corrupt when the object is no JSON.
namespace stagekeeper::promotion {

/// Something that a condition says.
struct Finding {
  bool ok = false;
  std::string reason;
  std::string message;
};

/// What a ServingTarget's status rests on.
struct TargetFacts {
  const ServingTarget& target;
  const std::optional<Deployment>& deployment;
  const History& ledger;
  const StoreState& store;
  Finding claim;             ///< whether the Deployment is claimed for this target, and if not why
  std::string ledger_fault;  ///< the ledger is broken, and why; empty: it is not
  std::string ledger_json;   ///< `status.ledger` as JSON; empty: leave it
  std::optional<serving::Verdict> serving;  ///< what users reach; nothing: it could not be told
};

/// Whether the Deployment says what the last Applied record says. A rollout under way is no drift.
Finding as_recorded(const TargetFacts& facts);

Result<std::string> target_status_patch(const TargetFacts& facts, std::string_view current_json,
                                        TimePoint now);

/// What a policy names, as far as it exists.
struct References {
  std::map<std::string, std::string> targets;       ///< ServingTarget → its model
  std::map<std::string, std::string> gate_classes;  ///< GateClass → its type
};

/// Whether everything that the policy names is there and fits.
Finding resolve(const PromotionPolicy& policy, const References& references);

struct PolicyFacts {
  const PromotionPolicy& policy;
  const References& references;
  const StoreState& store;
  std::string ledger_json;   ///< `status.ledger` as JSON; empty: leave it
  AdmissionState admission;  ///< of the policy's namespace
};

/// What the policy's status is to remember of admission: it was found not to be in force, or from
/// when on what people have made counts since it was restored.
PolicyAdmission remembered(const PolicyAdmission& before, const AdmissionState& now);

Result<std::string> policy_status_patch(const PolicyFacts& facts, std::string_view current_json,
                                        TimePoint now);

/// Condition Accepted: whether this version has gates of the class's type.
Result<std::string> gate_class_status_patch(const GateClass& gate_class,
                                            std::string_view current_json, TimePoint now);

/// Where a version is: `record` brought it there; null for None.
Result<std::string> version_status_patch(const ModelVersion& version, std::string_view stage,
                                         const RecordFact* record, std::string_view current_json,
                                         TimePoint now);

/// What is in one stage of a model.
struct StageFacts {
  const ObjectMeta& meta;  ///< of the ModelStage
  std::string model;
  std::string stage;
  std::string version;                 ///< empty: none
  const RecordFact* record = nullptr;  ///< by which the version came there
  std::vector<std::string> waiting;    ///< PromotionRequests for the stage that have not ended
};

Result<std::string> stage_status_patch(const StageFacts& facts, std::string_view current_json,
                                       TimePoint now);

}  // namespace stagekeeper::promotion
