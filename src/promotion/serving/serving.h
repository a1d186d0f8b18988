#pragma once

#include "model/managed_fields.h"
#include "promotion/world.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What users reach, held against what was recorded: not what one Deployment says, but every ready
// endpoint of the target's Service.
namespace stagekeeper::promotion::serving {

/// Why something else than the recorded version is reached. The names are reasons in conditions.
enum class Fault {
  kNone,
  kSelectorMoved,    ///< the Service does not select the Deployment's pods
  kStrangerServes,   ///< an endpoint that is no pod of the claimed Deployment
  kPinDiffers,       ///< a pod with other pins than the recorded ones
  kTemplateDiffers,  ///< a pod with another template than the recorded one
  kNothingServes,    ///< no endpoint is ready
};

std::string_view name(Fault fault);

/// One ready endpoint of the Service.
struct EndpointFacts {
  std::string ip;
  std::string slice;       ///< name of the EndpointSlice
  std::string pod;         ///< name of the pod that it names; empty: it names none
  bool found = false;      ///< that pod exists, with that uid and this address
  std::string controller;  ///< "ReplicaSet credit-risk-eu-5d6f9bfc97", for people; empty: none
  bool ours = false;       ///< its controller is a ReplicaSet of the claimed Deployment
  std::string departure;   ///< pod_departure() from its ReplicaSet; empty: none
  std::vector<ContainerSpec> containers;  ///< of the running pod
  std::string template_digest;            ///< of its ReplicaSet, without pins
};

/// What records say of the template around the pins.
struct Reference {
  std::vector<std::string> digests;   ///< templates that may serve now
  std::vector<std::string> managers;  ///< who owned fields of the last of them
};

/// Everything that the verdict rests on, read at one moment.
struct Facts {
  const ServingTarget& target;
  const std::optional<Deployment>& deployment;
  const History& ledger;
  std::string template_digest;              ///< of the Deployment now, without pins
  std::vector<FieldOwner> template_owners;  ///< of its template now; ours left out
  std::vector<FieldOwner> pin_owners;       ///< of the values of its pins now; ours left out
  Reference reference;
  bool service_found = false;
  std::map<std::string, std::string> selector;  ///< of the Service
  std::vector<FieldOwner> selector_owners;
  std::vector<EndpointFacts> endpoints;  ///< the ready ones
};

/// Pods of one kind that users reach.
struct Observed {
  std::string version;  ///< empty: unknown
  std::string object;   ///< what they belong to when it is not the Deployment; else empty
  int pods = 0;

  friend bool operator==(const Observed&, const Observed&) = default;
};

struct Verdict {
  Fault fault = Fault::kNone;
  std::string message;  ///< what is wrong and what to do, or what serves
  std::string object;   ///< "Pod credit-risk-eu-x7k2p"
  std::string field;    ///< "spec.selector"
  std::string manager;  ///< who wrote that field last, where the object says
  /// The fault rests on an endpoint whose pod is not there: most often it has just gone.
  bool unsure = false;
  bool changing = false;  ///< a recorded change is under way
  std::vector<Observed> observed;
  /// The Deployment's template is a new one, by somebody who may: to be recorded.
  bool template_changed = false;
};

/// The Intents whose pods may run beside those of the recorded version, newest first: the one that
/// is open, and those before it that ended without their pins having been put back. A Rollback that
/// overtakes a rollout finds its pods there.
std::vector<const RecordFact*> under_way(const History& ledger);

/// The records whose bodies say which templates may serve, oldest first: Intents of what serves and
/// of what is under way, and the template changes since.
std::vector<const RecordFact*> sources(const History& ledger);

/// What the bodies of sources() say; each with its record. Errors: Corrupt.
Result<Reference> reference_of(
    const std::vector<std::pair<const RecordFact*, std::string>>& bodies);

Verdict judge(const Facts& facts);

/// What a verdict makes worth recording: a Drift, a DriftEnded or a TemplateChanged; nothing when
/// the ledger says so already, or when too much was recorded within the hour (`later` is then set).
std::optional<RecordContent> record_due(const Facts& facts, const Verdict& verdict, TimePoint now,
                                        std::optional<TimePoint>& later);

}  // namespace stagekeeper::promotion::serving
