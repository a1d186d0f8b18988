#include "gates/auc.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <set>
#include <vector>

namespace stagekeeper::gates {
namespace {

constexpr std::size_t kRowsToSuspectLabels = 10;  // two values on fewer rows may be chance
constexpr std::size_t kFewClasses = 5;  // more whole numbers can be grades, which are scores
constexpr std::size_t kRowsPerClass = 5;
constexpr std::size_t kRadixFrom = 1U << 12U;  // below, std::sort is as fast
constexpr unsigned kDigitBits = 11;
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;
constexpr unsigned kPasses = 6;  // 6 · 11 bits cover 64

/// An integer that sorts as the double does. Adding 0.0 makes -0.0 the same as 0.0.
std::uint64_t sort_key(double score) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;
  const auto bits = std::bit_cast<std::uint64_t>(score + 0.0);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

/// Least-significant-digit radix sort. Counts all digits in one pass over the keys and skips the
/// digits that are the same in every key (the exponent, often).
void radix_sort(std::vector<std::uint64_t>& keys) {
  std::vector<std::array<std::size_t, kBuckets>> counts(kPasses);
  for (const std::uint64_t key : keys) {
    for (unsigned pass = 0; pass < kPasses; ++pass)
      ++counts[pass][(key >> (pass * kDigitBits)) & (kBuckets - 1)];
  }
  std::vector<std::uint64_t> other(keys.size());
  for (unsigned pass = 0; pass < kPasses; ++pass) {
    const unsigned shift = pass * kDigitBits;
    std::array<std::size_t, kBuckets>& starts = counts[pass];
    if (starts[(keys[0] >> shift) & (kBuckets - 1)] == keys.size()) continue;
    std::size_t next = 0;
    for (std::size_t& start : starts) {
      const std::size_t count = start;
      start = next;
      next += count;
    }
    for (const std::uint64_t key : keys)
      other[starts[(key >> shift) & (kBuckets - 1)]++] = key;
    keys.swap(other);
  }
}

void sort_keys(std::vector<std::uint64_t>& keys) {
  if (keys.size() < kRadixFrom) {
    std::sort(keys.begin(), keys.end());
  } else {
    radix_sort(keys);
  }
}

/// Twice U: for each positive, the negatives below it twice and its ties once. An integer, so the
/// halves are exact; at most 2·P·N, far below 2^64 for any number of rows that fits into memory.
std::uint64_t twice_u(const std::vector<std::uint64_t>& positives,
                      const std::vector<std::uint64_t>& negatives) {
  std::uint64_t sum = 0;
  std::size_t below = 0;  // negatives less than the positive
  std::size_t up_to = 0;  // negatives less or equal
  for (const std::uint64_t key : positives) {
    while (below < negatives.size() && negatives[below] < key)
      ++below;
    up_to = std::max(up_to, below);
    while (up_to < negatives.size() && negatives[up_to] == key)
      ++up_to;
    sum += below + up_to;
  }
  return sum;
}

}  // namespace

Reasoned<Auc> auc_roc(std::span<const double> scores, std::span<const std::uint8_t> labels) {
  if (scores.size() != labels.size()) {
    return because("PredictionsMismatch",
                   fmt::format("{} predictions for {} rows", scores.size(), labels.size()));
  }
  if (scores.empty()) return because("NoRows", "no rows to evaluate");
  const auto positive_count = static_cast<std::size_t>(
      std::count_if(labels.begin(), labels.end(), [](std::uint8_t label) { return label != 0; }));
  std::vector<std::uint64_t> positives;
  std::vector<std::uint64_t> negatives;
  positives.reserve(positive_count);
  negatives.reserve(labels.size() - positive_count);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i])) {
      return because("NotFinite", fmt::format("the score of row {} is not a finite number", i));
    }
    (labels[i] != 0 ? positives : negatives).push_back(sort_key(scores[i]));
  }
  if (positives.empty() || negatives.empty()) {
    return because("OneClass",
                   fmt::format("{} positives and {} negatives: the AUC needs both classes",
                               positives.size(), negatives.size()));
  }
  sort_keys(positives);
  sort_keys(negatives);
  const auto pairs = static_cast<double>(positives.size()) * static_cast<double>(negatives.size());
  return Auc{.value = static_cast<double>(twice_u(positives, negatives)) / (2 * pairs),
             .positives = positives.size(),
             .negatives = negatives.size()};
}

Reasoned<void> check_scores(std::span<const double> scores) {
  if (scores.size() < 2) return {};
  std::set<double> distinct;  // no more than it takes to tell
  bool whole = true;
  for (const double score : scores) {
    whole = whole && score == std::floor(score);
    if (distinct.size() <= kFewClasses) distinct.insert(score);
  }
  if (distinct.size() == 1) {
    return because("ConstantScores", fmt::format("all {} rows have the same score", scores.size()));
  }
  const bool two = distinct.size() == 2 && scores.size() >= kRowsToSuspectLabels;
  const bool classes =
      whole && distinct.size() <= kFewClasses && scores.size() >= kRowsPerClass * distinct.size();
  if (two || classes) {
    return because("ClassLabels",
                   fmt::format("{} distinct {}values on {} rows: looks like class labels, not "
                               "scores; set evaluation.scoring so that the gate reads the score",
                               distinct.size(), whole ? "whole " : "", scores.size()));
  }
  return {};
}

}  // namespace stagekeeper::gates
