#pragma once

#include "gates/golden.h"
#include "gates/kind.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::gates {

/// Smoke: after a rollout, what really serves is the pinned version, is healthy, and scores the
/// golden rows as the candidate did. The operator's own, no stage names it.
extern const Kind kSmoke;

/// Its parameters, for GateSpec::parameters: the version that must answer, and whether answers have
/// to prove it themselves. Where they cannot, whoever asks attests the pods that answered.
std::string smoke_parameters(std::string_view version, bool proved_by_answers = true);

/// What its gate program is told. Without rows (no gate carried any) a row is only tried.
struct SmokeJob {
  std::vector<GoldenRow> golden;
};

/// Reads GateInput::parameters. Reasons: those of read_members.
Reasoned<SmokeJob> read_smoke_job(std::string_view parameters);

/// What it measures.
struct SmokeMetrics {
  /// The pinned one, or the first other one that answered; none where answers prove nothing.
  std::optional<std::string> served_version;
  std::vector<GoldenRow> golden;  ///< as they score now; empty when not asked for
  bool healthy = false;
};

/// Their JSON text, as Report::metrics holds it.
std::string metrics_text(const SmokeMetrics& metrics);

/// Reads it back. Reasons: those of read_members.
Reasoned<SmokeMetrics> read_smoke_metrics(std::string_view text);

}  // namespace stagekeeper::gates
