#pragma once

#include "base/crypto.h"
#include "base/decimal.h"
#include "gates/reason.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stagekeeper::gates {

/// The kubelet keeps no more of a termination message, so nothing longer is written or read.
inline constexpr std::size_t kMaxReportBytes = 4096;

/// What the gate could do. There is no "passed": the operator judges the numbers.
enum class ReportOutcome { kMeasured, kInconclusive, kErrored };

struct AccuracyMetrics {
  Decimal auc;
  std::optional<Decimal> champion_auc;  ///< absent when nothing serves
  std::uint64_t rows = 0;
  std::uint64_t positives = 0;
  std::optional<Decimal> improvement_low;  ///< paired 95 % interval of candidate − champion
  std::optional<Decimal> improvement_high;
  std::uint64_t golden_row = 0;
  std::string golden_score;  ///< shortest text that reads back as the same double
};

/// Milliseconds.
struct LatencyMetrics {
  Decimal p50;
  Decimal p95;
  Decimal p99;
  std::uint64_t samples = 0;
};

struct GroupMetrics {
  std::string column;
  std::string value;
  std::optional<Decimal> auc;  ///< absent when the group has one class only
  std::uint64_t positives = 0;
  std::uint64_t negatives = 0;
};

struct FairnessMetrics {
  Decimal auc;  ///< of all rows
  std::vector<GroupMetrics> groups;
};

struct SmokeMetrics {
  std::string served_version;  ///< the pinned one, or the first other one that answered
  std::optional<std::string> golden_score;  ///< as in AccuracyMetrics; absent when not asked for
  bool healthy = false;
};

using Metrics =
    std::variant<std::monostate, AccuracyMetrics, LatencyMetrics, FairnessMetrics, SmokeMetrics>;

/// The termination message of a gate container.
struct Report {
  std::string request_uid;
  std::string gate;
  std::uint64_t attempt = 0;
  std::string nonce;
  Digest dataset;
  Digest artifact;
  ReportOutcome outcome = ReportOutcome::kErrored;
  std::string code;     ///< empty when measured
  std::string message;  ///< at most 1,000 bytes
  Metrics metrics;      ///< set exactly when measured
};

/// What a report must say about itself to be this run's.
struct Expected {
  std::string request_uid;
  std::string gate;
  std::uint64_t attempt = 0;
  std::string nonce;
  Digest dataset;
  Digest artifact;
  bool has_champion = false;  ///< an Accuracy report then needs the champion's AUC, else has none
};

/// The JSON text of a report; the message is cut to its limit.
/// Reasons: ReportTooLarge (more groups than fit), BadValue (text that is no UTF-8).
Reasoned<std::string> report_text(const Report& report);

/// Reads a report from a pod, which may be anything. Schema 1 is closed: members that are not known
/// are refused (`fullReport` is reserved for reports that do not fit here).
/// Reasons: NoReport (empty), Oversized, Truncated, NotJson, DuplicateKey, UnsupportedSchema,
/// MissingField, UnknownField, BadValue, NotFinite, WrongRequest, WrongGate, WrongAttempt,
/// NonceMismatch, WrongDataset, WrongArtifact, MissingMetric, UnexpectedMetric.
Reasoned<Report> parse_report(std::string_view bytes, const Expected& expected);

}  // namespace stagekeeper::gates
