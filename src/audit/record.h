#pragma once

#include "base/clock.h"
#include "base/crypto.h"
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::audit {

/// What a record says happened. The names in records are those of the enumerators without "k".
enum class RecordKind {
  kGenesis,        ///< the first of a ledger: carries the public key
  kTargetAdopted,  ///< the object of that name was created again: its uid changed
  kIntent,         ///< a pin is going to change; nothing changes without it
  kApplied,        ///< closes an Intent: the pin changed and serves
  kAborted,        ///< closes an Intent: the pin did not change, or was put back
  kGateResult,
  kStaged,
  kBlocked,
  kRejected,
  kExpired,
  kArchived,
  kNoChange,  ///< a request that found its version where it was to go
  kPolicyChange,
};

std::string_view name(RecordKind kind);
std::optional<RecordKind> record_kind(std::string_view text);

/// A version of the model, and where it stands. Empty parts are unknown and left out.
struct ModelState {
  std::string version;
  std::string digest;  ///< of the artifact, "sha256:…"
  std::string artifact_uri;
  std::string stage;

  friend bool operator==(const ModelState&, const ModelState&) = default;
};

/// The PromotionRequest that a record belongs to; empty for none.
struct RequestRef {
  std::string name;
  std::string uid;
  std::int64_t generation = 0;

  friend bool operator==(const RequestRef&, const RequestRef&) = default;
};

/// Who asked, as the API server attested it.
struct Person {
  std::string username;
  std::string uid;

  friend bool operator==(const Person&, const Person&) = default;
};

/// A point of the bucket probe that the store fails and the operator's configuration accepts.
struct Deviation {
  std::string point;
  std::string reason;

  friend bool operator==(const Deviation&, const Deviation&) = default;
};

/// What a caller has to say; the ledger adds the Frame.
struct Draft {
  RecordKind kind = RecordKind::kIntent;
  std::string model = {};
  RequestRef request = {};
  Person requester = {};
  std::string decision_digest = {};  ///< "sha256:…" or empty
  std::string action = {};           ///< Promote, Rollback, Archive, Adopt, or empty
  std::optional<ModelState> from = std::nullopt;
  std::optional<ModelState> to = std::nullopt;
  std::optional<std::uint64_t> of = std::nullopt;  ///< the Intent that a terminal record closes
  std::string reason = {};  ///< of a bad end: code or sentence, at most 1 kB; empty otherwise
  std::string body = "{}";  ///< a JSON object as text, without floats; canonical after decoding

  friend bool operator==(const Draft&, const Draft&) = default;
};

/// What the ledger knows: the place in the chain, the times, the writer.
struct Frame {
  std::string cluster;
  std::string ledger;      ///< LedgerId::path()
  std::string object_uid;  ///< of the ServingTarget or PromotionPolicy at that time
  std::uint64_t sequence = 0;
  std::string prev;        ///< digest of the record before; empty for the first
  TimePoint recorded;      ///< the later of our clock and the store's; never before `prev`'s
  TimePoint store_date;    ///< the store's clock
  TimePoint retain_until;  ///< the lock that was asked for, at least
  std::string operator_version;
  std::vector<Deviation> deviations;

  friend bool operator==(const Frame&, const Frame&) = default;
};

/// One record as signed.
struct Record {
  Draft draft;
  Frame frame;

  friend bool operator==(const Record&, const Record&) = default;
};

inline constexpr std::string_view kPredicateType = "https://stagekeeper.dev/audit/record/v1";
inline constexpr std::size_t kMaxPayloadBytes = 64U << 10U;

/// The payload: an in-toto Statement v1 in canonical JSON (RFC 8785). Its subjects are the
/// artifact and, where body.evaluation.dataset.digest has one, the dataset; a record about neither
/// has its ledger as subject. Pure. Errors: Invalid for a body that is no object, has floats, or
/// makes the payload larger than kMaxPayloadBytes.
Result<std::string> encode_record(const Record& record);

/// Reads a payload. The bytes must be exactly the canonical form, so that one record has one byte
/// string; fields that this version does not know are kept out of the result and do not harm.
/// Pure. Errors: Corrupt.
Result<Record> decode_record(std::string_view payload);

}  // namespace stagekeeper::audit
