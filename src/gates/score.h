#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::gates {

/// How far a golden row's score may be from the one measured at the gate: relative, 1e-9. The same
/// artifact on the same row gives the same double on one machine; another CPU's math library may
/// differ in the last bits.
inline constexpr double kGoldenToleranceRatio = 1e-9;

/// The shortest text that reads back as the same double ("0.0123", "1e-15").
std::string score_text(double score);

/// Reads score_text; nothing for anything but a finite number.
std::optional<double> parse_score(std::string_view text);

/// |a − b| <= 1e-9 · max(|a|, |b|).
bool same_score(double a, double b);

}  // namespace stagekeeper::gates
