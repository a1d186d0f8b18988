#pragma once

#include "gates/gate_input.h"
#include "promotion/world.h"

#include <string>
#include <variant>
#include <vector>

// What a round does: one request to the API server or one record each, with its precondition, so
// that a crash between any two of them changes nothing but time.
namespace stagekeeper::promotion {

/// Keep the request from vanishing while something of it lives elsewhere, or let it go.
struct SetFinalizer {
  bool present = true;
};

/// Create the clone Deployment of the evaluated target, pinned to `version`. A name that is taken
/// by somebody else is not an error: the next round sees whose it is.
struct CreateClone {
  CloneRole role = CloneRole::kCandidate;
  VersionRef version;
  std::string evaluation;       ///< evaluation digest: a clone serves no other evaluation
  std::string template_digest;  ///< of the template it must be made from
};

/// Keys of objects of the gate namespace that are mounted; empty names: none.
struct InferenceAccess {
  SecretKeyRef ca;     ///< of a ConfigMap: authorities of the server's certificate
  SecretKeyRef token;  ///< of a Secret: bearer token
};

/// Create the Job of one gate. The shell gives the nonce.
struct CreateGateJob {
  GateSpec gate;
  int attempt = 1;
  std::string input_digest;  ///< what the attempt is about: evaluation digest, or Intent for smoke
  gates::GateInput input;    ///< all but the nonce
  InferenceAccess access = {};  ///< what the gate's container is given to reach the model server
  std::map<std::string, std::string> pods;  ///< role or pod → identity_of(), of what is measured
};

enum class OwnedKind { kJob, kClone };

/// Delete one object of this request, under its uid.
struct DeleteOwned {
  OwnedKind kind = OwnedKind::kJob;
  std::string name;
  std::string uid;
};

/// Append one record, durable and read back before the next action runs. Equal to what the ledger
/// already holds: done.
struct AppendRecord {
  LedgerName ledger;
  RecordContent content;
};

/// Write a version into the Deployment, under uid and resourceVersion of the World and the
/// sequence.
struct PatchPin {
  std::string target;
  std::string deployment_uid;
  std::string resource_version;
  VersionRef version;             ///< empty: remove the pins
  std::vector<RenderedPin> pins;  ///< exactly what is written
  std::uint64_t sequence = 0;
  std::string record_digest;  ///< of the Intent; of an orphan's pin put back: see decide_orphan
  TimePoint at{};  ///< written beside the pins (kPinnedAtAnnotation): the rollout's deadline counts
                   ///< from here
};

/// Raise the sequence on the Deployment and leave the pins as they are: afterwards no delayed
/// PatchPin of an earlier sequence can take effect.
struct RaiseFence {
  std::string target;
  std::string deployment_uid;
  std::string resource_version;
  std::vector<RenderedPin> pins;  ///< what our field manager holds now and must apply again
  std::uint64_t sequence = 0;
  std::string record_digest;  ///< never the Intent's: a fenced Intent can only be aborted
};

using Action = std::variant<SetFinalizer, CreateClone, CreateGateJob, DeleteOwned, AppendRecord,
                            PatchPin, RaiseFence>;

/// The variant's name and object, for traces and logs.
std::string describe(const Action& action);

/// The ServingTarget that an action is about: of PatchPin, RaiseFence and records of its ledger.
/// Empty: the request as a whole. When an action fails, the later ones about the same target (after
/// a failed one about the request: all later ones) must not run in this round; those about other
/// targets go on.
std::string_view target_of(const Action& action);

}  // namespace stagekeeper::promotion
