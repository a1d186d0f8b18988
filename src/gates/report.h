#pragma once

#include "base/crypto.h"
#include "gates/reason.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace stagekeeper::gates {

struct Kind;

/// The kubelet keeps no more of a termination message, so nothing longer is written or read.
inline constexpr std::size_t kMaxReportBytes = 4096;

/// What of it is there for the numbers of a kind; the rest says whose they are.
inline constexpr std::size_t kMaxMetricsBytes = 3500;

/// What the gate could do. There is no "passed": the operator judges the numbers.
enum class ReportOutcome { kMeasured, kInconclusive, kErrored };

/// "Measured", "Inconclusive", "Errored".
std::string_view name(ReportOutcome outcome);

/// The termination message of a gate container.
struct Report {
  std::string request_uid;
  std::string gate;
  std::uint64_t attempt = 0;
  std::string nonce;
  Digest dataset;   ///< empty: measured without one
  Digest artifact;  ///< of the version that was measured
  ReportOutcome outcome = ReportOutcome::kErrored;
  std::string code;     ///< empty when measured
  std::string message;  ///< at most 1,000 bytes
  std::string metrics;  ///< JSON text of the kind's own member; set exactly when measured
};

/// What a report must say about itself to be this run's.
struct Expected {
  std::string request_uid;
  std::string gate;
  std::uint64_t attempt = 0;
  std::string nonce;
  Digest dataset;  ///< empty: there is none
  Digest artifact;
  bool has_champion = false;  ///< a kind that compares then needs the champion's numbers, else has
                              ///< none of them
};

/// The JSON text of a report; the message is cut to its limit.
/// Reasons: ReportTooLarge, BadValue (text that is no UTF-8, metrics that are no JSON object).
Reasoned<std::string> report_text(const Report& report, const Kind& kind);

/// Reads a report from a pod, which may be anything. Schema 1 is closed: members that are not known
/// are refused (`fullReport` is reserved for reports that do not fit here).
/// Reasons: NoReport (empty), Oversized, Truncated, NotJson, DuplicateKey, UnsupportedSchema,
/// MissingField, UnknownField, BadValue, NotFinite, WrongRequest, WrongGate, WrongAttempt,
/// NonceMismatch, WrongDataset, WrongArtifact, MissingMetric, UnexpectedMetric.
Reasoned<Report> parse_report(std::string_view bytes, const Expected& expected, const Kind& kind);

}  // namespace stagekeeper::gates
