#pragma once

#include "gates/kind.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::gates {

/// Smoke: after a rollout, what really serves is the pinned version, is healthy, and scores the
/// golden row as the candidate did. The operator's own, no stage names it.
extern const Kind kSmoke;

/// Its parameters, for GateSpec::parameters: the version that must answer, and whether answers have
/// to prove it themselves. Where they cannot, whoever asks attests the pods that answered.
std::string smoke_parameters(std::string_view version, bool proved_by_answers = true);

/// What its gate program is told. Without a row (no gate carried one) a row is only tried.
struct SmokeJob {
  std::optional<std::uint64_t> golden_row;
  std::optional<std::string> golden_score;
};

/// Reads GateInput::parameters. Reasons: those of read_members.
Reasoned<SmokeJob> read_smoke_job(std::string_view parameters);

/// What it measures.
struct SmokeMetrics {
  /// The pinned one, or the first other one that answered; none where answers prove nothing.
  std::optional<std::string> served_version;
  std::optional<std::string> golden_score;  ///< absent when not asked for
  bool healthy = false;
};

/// Their JSON text, as Report::metrics holds it.
std::string metrics_text(const SmokeMetrics& metrics);

/// Reads it back. Reasons: those of read_members.
Reasoned<SmokeMetrics> read_smoke_metrics(std::string_view text);

}  // namespace stagekeeper::gates
