#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace stagekeeper::gates {

/// A two-sided 95 % interval of a difference of two AUCs (candidate minus champion).
struct AucDifference {
  double low = 0;
  double high = 0;
};

/// The interval for two scores of the same rows (paired), by DeLong's covariance of the placements,
/// computed from mid-ranks in O(n log n).
/// Sources: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845;
/// X. Sun, W. Xu, "Fast Implementation of DeLong's Algorithm for Comparing the Areas Under
/// Correlated Receiver Operating Characteristic Curves", IEEE Signal Processing Letters 21 (2014)
/// 1389–1393.
///
/// Assumptions: all three spans have one length, scores are finite (auc_roc has checked both).
/// Nothing with fewer than 2 positives or 2 negatives: there is no variance then.
std::optional<AucDifference> delong_interval(std::span<const double> candidate,
                                             std::span<const double> champion,
                                             std::span<const std::uint8_t> labels);

}  // namespace stagekeeper::gates
