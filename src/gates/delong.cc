#include "gates/delong.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <vector>

namespace stagekeeper::gates {
namespace {

constexpr double kZ95 = 1.959963984540054;  // standard normal quantile at 0.975

/// Ranks from 1, equal values sharing the mean of theirs.
std::vector<double> midranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]])
      ++end;
    const double rank = (static_cast<double>(begin + 1) + static_cast<double>(end)) / 2;
    for (std::size_t i = begin; i < end; ++i)
      ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

/// Sun and Xu's V10 (per positive) and V01 (per negative): each row's share of the other class that
/// it beats, ties one half. The mean of either is the AUC.
struct Placements {
  std::vector<double> positives;
  std::vector<double> negatives;
};

Placements placements(std::span<const double> scores, std::span<const std::uint8_t> labels) {
  std::vector<double> all;  // positives, then negatives
  all.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (labels[i] != 0) all.push_back(scores[i]);
  const std::size_t m = all.size();
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (labels[i] == 0) all.push_back(scores[i]);
  const std::size_t n = all.size() - m;
  const std::span<const double> joint(all);
  const std::vector<double> tz = midranks(joint);
  const std::vector<double> tx = midranks(joint.first(m));
  const std::vector<double> ty = midranks(joint.last(n));
  Placements out{.positives = std::vector<double>(m), .negatives = std::vector<double>(n)};
  for (std::size_t i = 0; i < m; ++i)
    out.positives[i] = (tz[i] - tx[i]) / static_cast<double>(n);
  for (std::size_t j = 0; j < n; ++j)
    out.negatives[j] = 1 - (tz[m + j] - ty[j]) / static_cast<double>(m);
  return out;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Variance of the mean of a − b: for paired placements this is L·S·Lᵀ/count with L = (1, −1).
double variance_of_mean_difference(const std::vector<double>& a, const std::vector<double>& b) {
  const double centre = mean(a) - mean(b);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double deviation = a[i] - b[i] - centre;
    sum += deviation * deviation;
  }
  const auto count = static_cast<double>(a.size());
  return sum / (count - 1) / count;
}

}  // namespace

std::optional<AucDifference> delong_interval(std::span<const double> candidate,
                                             std::span<const double> champion,
                                             std::span<const std::uint8_t> labels) {
  assert(candidate.size() == labels.size() && champion.size() == labels.size());
  const Placements ours = placements(candidate, labels);
  const Placements theirs = placements(champion, labels);
  if (ours.positives.size() < 2 || ours.negatives.size() < 2) return std::nullopt;
  const double difference = mean(ours.positives) - mean(theirs.positives);
  const double half =
      kZ95 * std::sqrt(variance_of_mean_difference(ours.positives, theirs.positives) +
                       variance_of_mean_difference(ours.negatives, theirs.negatives));
  return AucDifference{.low = difference - half, .high = difference + half};
}

}  // namespace stagekeeper::gates
