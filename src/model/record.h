#pragma once

#include "base/clock.h"
#include "model/meta.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a locked record says, in the words that audit writes and promotion decides by.
namespace stagekeeper {

/// Whose ledger: a ServingTarget's (whatever concerns a pin) or a model's (the life of requests).
enum class LedgerKind { kTarget, kModel };

std::string_view name(LedgerKind kind);
std::optional<LedgerKind> ledger_kind(std::string_view text);

/// One ledger of a namespace.
struct LedgerName {
  LedgerKind kind = LedgerKind::kModel;
  std::string name;  ///< of the ServingTarget or of the model

  friend bool operator==(const LedgerName&, const LedgerName&) = default;
};

/// What a record says happened. The names in records are those of the enumerators without "k".
enum class RecordKind {
  // either ledger, written by the ledger itself
  kGenesis,        ///< the first of a ledger: carries the public key
  kObjectAdopted,  ///< the object of that name was created again: its uid changed
  kKeyRotation,    ///< from here on another trusted key signs; the body carries it
  // model ledger
  kGateResult,  ///< every gate of one evaluation has ended
  kDecided,     ///< pins may change now: what was decided, by whom, for which targets
  kConcluded,   ///< a request has ended, whatever its end; moves versions between stages
  // target ledger
  kIntent,      ///< a pin is going to change; nothing changes without it
  kApplied,     ///< closes an Intent: the pin changed and serves
  kAborted,     ///< closes an Intent: see RecordContent::code and ::pins_changed
  kAbandoned,   ///< closes an Intent whose request is gone, after its pins were put back
  kDrift,       ///< something else than the recorded version is reached by users: what, and by whom
  kDriftEnded,  ///< what users reach is what was recorded again
  kTemplateChanged,  ///< the pod template around the pins changed by somebody who may
  kRestored,  ///< a Deployment without pins gets those of what serves by record: it was made anew
  // written by a later version
  kUnknown,  ///< kept opaque; only records with Effect::kNone may be unknown
};

std::string_view name(RecordKind kind);
/// kUnknown for a text that this version does not know.
RecordKind record_kind(std::string_view text);

/// What a record changes beside history. A reader that does not know a kind may go on only when the
/// record has no effect (as with X.509's critical extensions).
enum class Effect { kNone, kStage, kPin };

std::string_view name(Effect effect);
std::optional<Effect> effect(std::string_view text);

/// Why a rollout on one target, or a request as a whole, ended. Logic depends on these, never on
/// the text beside them. Names in records are those of the enumerators without "k".
enum class EndCode {
  kNone,
  // of Aborted and Abandoned
  kDeploymentGone,
  kTargetGone,
  kOvertaken,  ///< the Deployment bears a later sequence than the Intent
  kSubjectChanged,
  kNotRunning,  ///< Adopt: the Deployment does not carry the pins
  kRolloutFailed,
  kSmokeTestFailed,
  kSuperseded,   ///< a Rollback took the target over while the Intent was open
  kRequestGone,  ///< the request was deleted before it ended
  kAborted,      ///< somebody asked by action Abort that it ends
  // of Concluded
  kApplied,         ///< every target serves the version
  kPartlyApplied,   ///< some targets serve it, the others went back or were left as they were
  kRolledBack,      ///< a rollout failed and what served before serves again
  kRollbackFailed,  ///< neither the version nor what was before could be brought about
  kStaged,          ///< entered a stage that serves nobody
  kArchived,
  kNoChange,
  kGatesFailed,
  kRejected,
  kReviewExpired,
  kStageOrder,     ///< the stage graph forbids it for ever
  kVersionReused,  ///< the number belongs to other bytes
  kNotServing,     ///< Rollback or Adopt for a stage without targets
  kNeverServed,
  kNothingToRollBackTo,
  kAlreadyManaged,
  kStillServing,
  kStopped,     ///< Abort: the request that it names is to end
  kNotAborted,  ///< Abort: there is nothing that it could end
  kOther,       ///< of a later version: the text says what
};

std::string_view name(EndCode code);
/// kOther for a text that this version does not know.
EndCode end_code(std::string_view text);

/// A version as records name it: its number AND the digest of its bytes. An empty version means
/// "nothing is pinned".
struct VersionRef {
  std::string version;
  std::string digest;  ///< of the artifact, "sha256:…"
  std::string artifact_uri;
  std::string stage;

  friend bool operator==(const VersionRef&, const VersionRef&) = default;
};

/// The same bytes under the same number. Stage and URI do not matter.
bool same_version(const VersionRef& a, const VersionRef& b);

/// The PromotionRequest that a record belongs to; empty for none.
struct RequestRef {
  std::string name;
  std::string uid;
  std::string spec_digest;  ///< request_digest(): a re-created request with this name and digest
                            ///< is the same request
  std::int64_t generation = 0;

  friend bool operator==(const RequestRef&, const RequestRef&) = default;
};

/// One version changing its stage.
struct StageMove {
  VersionRef version;  ///< `stage` is where it goes
  std::string from;

  friend bool operator==(const StageMove&, const StageMove&) = default;
};

/// The largest body of a record, in canonical JSON. One limit: what can be written can be read.
inline constexpr std::size_t kMaxBodyBytes = 48U << 10U;

/// The longest RecordContent::text. The ledger cuts what is longer, between code points.
inline constexpr std::size_t kMaxTextBytes = 1000;

/// What the writer of a record has to say; the ledger adds the place in the chain.
struct RecordContent {
  RecordKind kind = RecordKind::kIntent;
  Effect effect = Effect::kNone;  ///< the ledger writes effect_of(), whatever stands here
  std::string kind_text;          ///< as written, for kUnknown; empty otherwise
  std::string model;
  RequestRef request;
  Identity requester;           ///< username and uid only
  std::string action;           ///< name(RequestAction), or empty
  std::string decision_digest;  ///< "sha256:…" or empty
  VersionRef from;
  VersionRef to;
  std::uint64_t of = 0;  ///< Applied, Aborted, Abandoned: sequence of the Intent; else 0
  std::string decided;   ///< Intent: digest of the Decided record that it carries out
  EndCode code = EndCode::kNone;
  bool pins_changed = false;         ///< Aborted: the Deployment bears pins that must be put back
  std::string text;                  ///< for people, valid UTF-8, at most 1 kB; no logic reads it
  std::vector<std::string> targets;  ///< Decided: names of the ServingTargets, sorted
  std::vector<StageMove> moves;      ///< Concluded
  RequestRef aborts;                 ///< Concluded of an Abort: name and uid of what it ends
  std::string body = "{}";  ///< a JSON object as text, without floats; canonical after decoding

  friend bool operator==(const RecordContent&, const RecordContent&) = default;
};

/// The effect that a kind always has; of Concluded: kStage exactly when it moves versions.
Effect effect_of(const RecordContent& content);

/// What is kept of a locked record in memory: everything but its body.
struct RecordFact : RecordContent {
  std::uint64_t sequence = 0;
  std::string digest;  ///< of the envelope's bytes
  std::string key;
  std::string version_id;
  TimePoint time{};  ///< when it was recorded
  TimePoint retain_until{};
};

/// Whether the record ended an Intent and left pins on the Deployment that must be put back. Null
/// did not.
inline bool left_pins_changed(const RecordFact* record) {
  return record != nullptr && record->kind == RecordKind::kAborted && record->pins_changed;
}

}  // namespace stagekeeper
