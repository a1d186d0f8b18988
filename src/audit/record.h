#pragma once

#include "base/result.h"
#include "base/time.h"
#include "model/record.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::audit {

/// A point of the bucket probe that the store fails and the operator's configuration accepts.
struct Deviation {
  std::string point;
  std::string reason;

  friend bool operator==(const Deviation&, const Deviation&) = default;
};

/// What the ledger knows: the place in the chain, the times, the writer.
struct Frame {
  std::string cluster;
  std::string ledger;      ///< LedgerId::path()
  std::string object_uid;  ///< of the ServingTarget or PromotionPolicy at that time
  std::uint64_t sequence = 0;
  std::string prev;          ///< digest of the record before; empty for the first
  TimePoint recorded{};      ///< the later of our clock and the store's; never before `prev`'s
  TimePoint store_date{};    ///< the store's clock
  TimePoint retain_until{};  ///< the lock that was asked for, at least
  std::string operator_version;
  std::vector<Deviation> deviations;

  friend bool operator==(const Frame&, const Frame&) = default;
};

/// One record as signed.
struct Record {
  RecordContent content;
  Frame frame;

  friend bool operator==(const Record&, const Record&) = default;
};

inline constexpr std::string_view kPredicateType = "https://stagekeeper.dev/audit/record/v1";
inline constexpr std::size_t kMaxPayloadBytes = 64U << 10U;
/// Targets of a Decided, moves of a Concluded.
inline constexpr std::size_t kMaxListed = 128;

/// The content as it is written: effect_of() as effect, the text cut to kMaxTextBytes, the body in
/// canonical form. Two contents say the same exactly when these are equal.
/// Errors: Invalid for a body that is no object, has floats or is larger than kMaxBodyBytes, and
/// for more than kMaxListed targets or moves.
Result<RecordContent> normalised(RecordContent content);

/// The payload: an in-toto Statement v1 in canonical JSON (RFC 8785). Its subjects are the
/// artifact and, where body.evaluation.dataset.digest has one, the dataset; a record about neither
/// has its ledger as subject. Pure. Errors: as normalised(), and Invalid for a payload larger than
/// kMaxPayloadBytes.
Result<std::string> encode_record(const Record& record);

/// Reads a payload. The bytes must be exactly the canonical form, so that one record has one byte
/// string; fields that this version does not know are kept out of the result and do not harm. A
/// kind that this version does not know becomes kUnknown with its name in `kind_text`, but only
/// when the record says that it has no effect. Pure. Errors: Corrupt.
Result<Record> decode_record(std::string_view payload);

}  // namespace stagekeeper::audit
