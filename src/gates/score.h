#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::gates {

/// How far a golden row's score may be from the one measured at the gate: relative. The same
/// artifact on the same row gives nearly the same number: models of single precision (24 bits)
/// differ in the last few of them by the size of the batch and by the CPU.
inline constexpr double kGoldenToleranceRatio = 1e-6;

/// The shortest text that reads back as the same double ("0.0123", "1e-15").
std::string score_text(double score);

/// Reads score_text; nothing for anything but a finite number.
std::optional<double> parse_score(std::string_view text);

/// |a − b| <= kGoldenToleranceRatio · max(|a|, |b|).
bool same_score(double a, double b);

}  // namespace stagekeeper::gates
