#include "gates/auc.h"

#include "gates/delong.h"
#include "gates/fairness.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)

namespace {

struct Sample {
  std::vector<double> scores;
  std::vector<std::uint8_t> labels;
};

/// Rows with many ties: scores on a grid of `levels` values, negative ones and -0.0 among them.
Sample tied(unsigned seed, std::size_t rows, int levels) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> level(-levels / 2, levels / 2);
  std::bernoulli_distribution positive(0.3);
  Sample out;
  for (std::size_t i = 0; i < rows; ++i) {
    const int step = level(random);
    out.scores.push_back(step == 0 && i % 2 == 0 ? -0.0 : step / 7.0);
    out.labels.push_back(positive(random) ? 1 : 0);
  }
  out.labels[0] = 1;  // both classes, twice each, whatever the seed
  out.labels[1] = 1;
  out.labels[2] = 0;
  out.labels[3] = 0;
  return out;
}

/// The definition, over all pairs.
double brute_force(const Sample& s) {
  double sum = 0;
  double pairs = 0;
  for (std::size_t i = 0; i < s.scores.size(); ++i) {
    for (std::size_t j = 0; j < s.scores.size(); ++j) {
      if (s.labels[i] == 0 || s.labels[j] != 0) continue;
      ++pairs;
      if (s.scores[i] > s.scores[j]) sum += 1;
      if (s.scores[i] == s.scores[j]) sum += 0.5;
    }
  }
  return sum / pairs;
}

/// Share of the other class that row i beats, by the definition.
double placement(const Sample& s, std::size_t i) {
  double sum = 0;
  double count = 0;
  for (std::size_t j = 0; j < s.scores.size(); ++j) {
    if (s.labels[j] == s.labels[i]) continue;
    ++count;
    const double ours = s.labels[i] != 0 ? s.scores[i] : s.scores[j];
    const double theirs = s.labels[i] != 0 ? s.scores[j] : s.scores[i];
    sum += ours > theirs ? 1 : ours == theirs ? 0.5 : 0;
  }
  return sum / count;
}

/// Half the width of DeLong's interval, straight from the covariance of the placements.
double brute_force_half_width(const Sample& a, const Sample& b) {
  double variance = 0;
  for (const int side : {1, 0}) {
    std::vector<double> differences;
    for (std::size_t i = 0; i < a.scores.size(); ++i)
      if (a.labels[i] == side) differences.push_back(placement(a, i) - placement(b, i));
    double mean = 0;
    for (const double d : differences)
      mean += d / static_cast<double>(differences.size());
    double sum = 0;
    for (const double d : differences)
      sum += (d - mean) * (d - mean);
    const auto n = static_cast<double>(differences.size());
    variance += sum / (n - 1) / n;
  }
  return 1.959963984540054 * std::sqrt(variance);
}

}  // namespace

TEST_CASE("auc: equals the definition over all pairs on tied data") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const Sample s = tied(seed, 20 + seed * 7, 3 + static_cast<int>(seed % 11) * 4);
    const auto auc = auc_roc(s.scores, s.labels);
    REQUIRE(auc);
    CHECK(auc->value == doctest::Approx(brute_force(s)).epsilon(1e-14));
    CHECK(auc->positives + auc->negatives == s.scores.size());
  }
}

TEST_CASE("auc: the sort for many rows agrees with the definition too") {
  // 6,000 rows: one class is above the size from which the radix sort is used, one below.
  Sample s = tied(3, 6000, 4001);
  s.scores[5] = 1e300;
  s.scores[6] = -1e300;
  s.scores[7] = 5e-324;
  CHECK(auc_roc(s.scores, s.labels)->value == doctest::Approx(brute_force(s)).epsilon(1e-13));
}

TEST_CASE("auc: small cases by hand") {
  using Labels = std::vector<std::uint8_t>;

  struct Row {
    std::vector<double> scores;
    Labels labels;
    double auc;
  };

  const Row rows[] = {
      {{0.1, 0.9}, {0, 1}, 1.0},      {{0.9, 0.1}, {0, 1}, 0.0},
      {{0.5, 0.5}, {0, 1}, 0.5},      {{0.1, 0.4, 0.35, 0.8}, {0, 0, 1, 1}, 0.75},
      {{-0.0, 0.0}, {0, 1}, 0.5},     {{1, 2, 2, 3}, {0, 1, 0, 1}, 0.875},
      {{-5, -1, -3}, {0, 1, 0}, 1.0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.auc);
    CHECK(auc_roc(row.scores, row.labels)->value == row.auc);
  }
}

TEST_CASE("auc: what cannot be measured has its own reason") {
  const double inf = std::numeric_limits<double>::infinity();
  using Labels = std::vector<std::uint8_t>;

  struct Row {
    const char* code;
    std::vector<double> scores;
    Labels labels;
  };

  const Row rows[] = {
      {"NoRows", {}, {}},
      {"PredictionsMismatch", {0.1, 0.2}, {0, 1, 1}},
      {"PredictionsMismatch", {0.1, 0.2}, {1}},
      {"OneClass", {0.1, 0.2}, {1, 1}},
      {"OneClass", {0.1, 0.2}, {0, 0}},
      {"NotFinite", {0.1, std::nan("")}, {0, 1}},
      {"NotFinite", {inf, 0.1}, {0, 1}},
      {"NotFinite", {0.1, -inf}, {0, 1}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.code);
    const auto auc = auc_roc(row.scores, row.labels);
    REQUIRE_FALSE(auc);
    CHECK(auc.error().code == row.code);
  }
}

TEST_CASE("scores: constants and class labels are told from scores") {
  const auto code = [](std::size_t rows, std::size_t distinct) {
    std::vector<double> scores;
    for (std::size_t i = 0; i < rows; ++i)
      scores.push_back(static_cast<double>(i % distinct));
    const auto checked = check_scores(scores);
    return checked ? std::string() : checked.error().code;
  };
  CHECK(code(2, 1) == "ConstantScores");
  CHECK(code(500, 1) == "ConstantScores");
  CHECK(code(100, 2) == "ClassLabels");
  CHECK(code(10, 2) == "ClassLabels");
  CHECK(code(9, 2).empty());
  CHECK(code(120, 3) == "ClassLabels");
  CHECK(code(14, 3).empty());
  CHECK(code(100, 5) == "ClassLabels");
  CHECK(code(100, 6).empty());
  std::vector<double> leaves;
  for (std::size_t i = 0; i < 100; ++i)
    leaves.push_back(static_cast<double>(i % 3) / 2);
  CHECK(check_scores(leaves));  // a small tree's probabilities
  const std::vector<double> halves{0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75};
  CHECK(check_scores(halves).error().code == "ClassLabels");
  CHECK(check_scores(std::vector(halves.begin(), halves.end() - 1)));
  const auto refused = check_scores(std::vector<double>(100, 0.0));
  CHECK(refused.error().message.find("100 rows") != std::string::npos);
}

TEST_CASE("delong: equals the covariance of the placements, computed pair by pair") {
  for (unsigned seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    const Sample a = tied(seed, 60 + seed * 9, 30);
    Sample b = tied(seed + 100, 60 + seed * 9, 9);
    b.labels = a.labels;
    const auto interval = delong_interval(a.scores, b.scores, a.labels);
    REQUIRE(interval);
    const double difference = brute_force(a) - brute_force(b);
    const double half = brute_force_half_width(a, b);
    CHECK(interval->low == doctest::Approx(difference - half).epsilon(1e-11));
    CHECK(interval->high == doctest::Approx(difference + half).epsilon(1e-11));
  }
}

TEST_CASE("delong: no width for the same scores, no interval for one row of a class") {
  const Sample s = tied(1, 50, 20);
  const auto same = delong_interval(s.scores, s.scores, s.labels);
  REQUIRE(same);
  CHECK(same->low == 0);
  CHECK(same->high == 0);
  const std::vector<double> scores{0.1, 0.2, 0.3};
  CHECK_FALSE(delong_interval(scores, scores, std::vector<std::uint8_t>{0, 0, 1}));
}

TEST_CASE("fairness: every group of every column, the missing one and those of one class") {
  const std::vector<double> scores{0.1, 0.9, 0.8, 0.2, 0.5, 0.6};
  const std::vector<std::uint8_t> labels{0, 1, 0, 1, 1, 1};
  const std::vector<GroupColumn> columns{
      {.name = "student", .values = {"Yes", "Yes", "No", "No", kMissingGroup, kMissingGroup}},
      {.name = "region", .values = {"eu", "us", "eu", "us", "eu", "us"}}};
  const auto groups = group_aucs(scores, labels, columns);
  REQUIRE(groups);
  REQUIRE(groups->size() == 5);
  const auto& missing = groups->at(0);
  CHECK(missing.value == "(missing)");
  CHECK_FALSE(missing.auc);
  CHECK(missing.positives == 2);
  CHECK(missing.negatives == 0);
  CHECK(groups->at(1).value == "No");
  CHECK(groups->at(1).auc == 0.0);
  CHECK(groups->at(2).value == "Yes");
  CHECK(groups->at(2).auc == 1.0);
  CHECK(groups->at(0).column == 0);
  CHECK(groups->at(3).column == 1);
  CHECK(groups->at(3).auc == 0.5);
}

TEST_CASE("fairness: no column, no row, wrong lengths and an id column are refused by name") {
  const std::vector<double> scores(100, 0.5);
  const std::vector<std::uint8_t> labels(100, 1);
  CHECK(group_aucs(scores, labels, {}).error().code == "NoGroups");
  const std::vector<GroupColumn> short_column{{.name = "g", .values = {"a"}}};
  CHECK(group_aucs({}, {}, short_column).error().code == "NoGroups");
  CHECK(group_aucs(scores, labels, short_column).error().code == "PredictionsMismatch");
  GroupColumn ids{.name = "id", .values = {}};
  for (int i = 0; i < 100; ++i)
    ids.values.push_back(std::to_string(i));
  const auto refused = group_aucs(scores, labels, std::vector<GroupColumn>{ids});
  CHECK(refused.error().code == "TooManyGroups");
}
