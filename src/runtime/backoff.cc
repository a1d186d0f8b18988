#include "runtime/backoff.h"

#include <algorithm>
#include <memory>
#include <random>

namespace stagekeeper::runtime {

SteadyClock system_steady_clock() {
  return [] { return std::chrono::steady_clock::now(); };
}

Random system_random() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0.0, 1.0)(*engine); };
}

std::chrono::milliseconds backoff_ceiling(const BackoffOptions& options, unsigned failures) {
  if (failures == 0) return std::chrono::milliseconds(0);
  auto wait = std::min(options.first, options.cap);
  for (unsigned i = 1; i < failures && wait < options.cap; ++i)
    wait = std::min(wait * 2, options.cap);
  return wait;
}

std::chrono::milliseconds jittered(std::chrono::milliseconds ceiling, double floor_ratio,
                                   double random) {
  const auto whole = static_cast<double>(ceiling.count());
  const double spread = whole * (floor_ratio + (1.0 - floor_ratio) * random);
  return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(spread));
}

}  // namespace stagekeeper::runtime
