#pragma once

#include "base/clock.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper {

/// The part of metadata that decisions need. managedFields are never kept.
struct ObjectMeta {
  std::string ns = {};
  std::string name = {};
  std::string uid = {};
  std::string resource_version = {};
  std::int64_t generation = 0;
  TimePoint created{};
  bool deleting = false;
  std::map<std::string, std::string> labels = {};
  std::map<std::string, std::string> annotations = {};
  std::vector<std::string> finalizers = {};
};

/// The value of a label, or an empty string.
std::string label_of(const ObjectMeta& meta, const char* key);

/// The value of an annotation, or an empty string.
std::string annotation_of(const ObjectMeta& meta, const char* key);

/// Who did something, as the API server attested it at admission.
struct Identity {
  std::string username;
  std::string uid;  ///< empty for users without one (client certificates)
  std::vector<std::string> groups;

  friend bool operator==(const Identity&, const Identity&) = default;
};

/// metav1.Condition.
struct Condition {
  std::string type;
  std::string status;  ///< "True", "False" or "Unknown"
  std::string reason;
  std::string message;
  std::int64_t observed_generation = 0;
};

/// Names that all programs share.
inline constexpr const char* kApiGroup = "stagekeeper.dev";
inline constexpr const char* kApiVersion = "v1alpha1";
inline constexpr const char* kGroupVersion = "stagekeeper.dev/v1alpha1";
inline constexpr const char* kFinalizer = "stagekeeper.dev/promotion";
inline constexpr const char* kTargetLabel = "stagekeeper.dev/target";
inline constexpr const char* kPinEnvAnnotation = "stagekeeper.dev/pin-env";
inline constexpr const char* kSequenceAnnotation = "stagekeeper.dev/sequence";
inline constexpr const char* kRecordAnnotation = "stagekeeper.dev/record";
/// When the present pins were written: the deadline of their rollout counts from here.
inline constexpr const char* kPinnedAtAnnotation = "stagekeeper.dev/pinned-at";
/// Field manager of the pins.
inline constexpr const char* kPinManager = "stagekeeper-pin";
inline constexpr const char* kRequestUidLabel = "stagekeeper.dev/request-uid";
inline constexpr const char* kCloneLabel = "stagekeeper.dev/clone";
inline constexpr const char* kCloneOfLabel = "stagekeeper.dev/clone-of";
inline constexpr const char* kCloneVersionAnnotation = "stagekeeper.dev/clone-version";
inline constexpr const char* kEvaluationAnnotation = "stagekeeper.dev/evaluation";
inline constexpr const char* kGateTypeLabel = "stagekeeper.dev/gate-type";
inline constexpr const char* kAttemptLabel = "stagekeeper.dev/attempt";
inline constexpr const char* kGateAnnotation = "stagekeeper.dev/gate";
inline constexpr const char* kNonceAnnotation = "stagekeeper.dev/nonce";
inline constexpr const char* kInputDigestAnnotation = "stagekeeper.dev/input-digest";
/// On a Job: identities of the pods that it measures. On a clone: the template it was made from.
inline constexpr const char* kPodsAnnotation = "stagekeeper.dev/pods";
inline constexpr const char* kTemplateAnnotation = "stagekeeper.dev/template";
inline constexpr const char* kRequestAnnotation = "stagekeeper.dev/request";

/// Stages that always exist and are never declared.
inline constexpr const char* kStageNone = "None";
inline constexpr const char* kStageArchived = "Archived";

}  // namespace stagekeeper
