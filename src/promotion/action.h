#pragma once

#include "promotion/world.h"

#include <string>
#include <variant>
#include <vector>

namespace stagekeeper::promotion {

/// Keep the request from vanishing while something of it lives elsewhere, and let it go after.
struct SetFinalizer {
  bool present = true;
};

/// Make the clone of the evaluated target's Deployment, pinned to `version`. Taken by somebody
/// else: not an error, the next round sees whose it is.
struct EnsureClone {
  std::string role;
  VersionRef version;
  std::string evaluation;  ///< evaluation digest: a clone serves no other evaluation
};

/// Remove the clones that belong to this request, whatever Deployment they are of.
struct DeleteClones {};

/// Create the Job of one gate. The shell draws the nonce.
struct CreateGateJob {
  GateSpec gate;
  int attempt = 1;
  std::string input_digest;  ///< what the attempt is about: evaluation digest, or Intent for smoke
  VersionRef candidate;
  VersionRef champion;  ///< empty version: compare with nothing
  std::string golden_row;
  std::string golden_score;
};

/// Remove every gate Job of this request.
struct DeleteJobs {};

enum class LedgerKind { kTarget, kModel };

/// Append one record, durable and read back before the next action runs.
struct AppendRecord {
  LedgerKind ledger = LedgerKind::kModel;
  std::string kind;
  std::string decision_digest;
  std::string action;
  VersionRef from;
  VersionRef to;
  std::uint64_t of = 0;
  std::string reason;  ///< of an end: "Code: text"; the article's sentence for gates
  std::string body;    ///< JSON object
};

/// Write a version number into the Deployment, under uid, resourceVersion and sequence.
struct PatchPin {
  std::string deployment_uid;
  VersionRef version;  ///< empty: remove the pins
  std::uint64_t sequence = 0;
  std::string record_digest;
};

using Action = std::variant<SetFinalizer, EnsureClone, DeleteClones, CreateGateJob, DeleteJobs,
                            AppendRecord, PatchPin>;

/// The variant's name, for traces and logs.
std::string describe(const Action& action);

}  // namespace stagekeeper::promotion
