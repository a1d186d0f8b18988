#include "gates/latency.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace stagekeeper::gates;  // NOLINT(google-build-using-namespace)

// Expected values: CPython's statistics.median and statistics.quantiles, printed with repr().
TEST_CASE("latency: percentiles are those of Python's statistics module") {
  struct Row {
    const char* what;
    int count;
    double (*sample)(int);
    double p50, p95, p99;
  };

  const Row rows[] = {
      {"1 to 100", 100, [](int i) { return i + 1.0; }, 50.5, 95.95, 99.99},
      {"1 to 101", 101, [](int i) { return i + 1.0; }, 51.0, 96.9, 100.98},
      {"squares mod 151", 150, [](int i) { return (i * i % 151) / 8.0; }, 8.5, 17.375, 18.5},
      {"multiples mod 5003", 500, [](int i) { return (i * 7919 % 5003) / 97.0; }, 25.84536082474227,
       49.12061855670103, 51.15288659793814},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    std::vector<double> samples;
    for (int i = 0; i < row.count; ++i)
      samples.push_back(row.sample(i));
    const auto stats = latency_stats(samples);
    REQUIRE(stats);
    CHECK(stats->p50 == row.p50);
    CHECK(stats->p95 == row.p95);
    CHECK(stats->p99 == row.p99);
    CHECK(stats->samples == samples.size());
  }
}

TEST_CASE("latency: quantiles of few values extrapolate as Python's do") {
  const std::vector<double> values{1.25, 2.0, 3.5};
  CHECK(exclusive_quantile(values, 19, 20) == doctest::Approx(4.7).epsilon(1e-15));
  CHECK(exclusive_quantile(values, 99, 100) == doctest::Approx(4.94).epsilon(1e-15));
  CHECK(exclusive_quantile(values, 1, 20) == doctest::Approx(0.65).epsilon(1e-15));
}

TEST_CASE("latency: too few or impossible samples are no measurement") {
  CHECK(latency_stats(std::vector<double>(99, 1.0)).error().code == "TooFewSamples");
  CHECK(latency_stats(std::vector<double>(100, 1.0)));
  for (const double bad : {std::nan(""), HUGE_VAL, -0.5}) {
    CAPTURE(bad);
    std::vector<double> samples(100, 1.0);
    samples[50] = bad;
    CHECK(latency_stats(samples).error().code == "NotFinite");
  }
}
