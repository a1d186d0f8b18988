#include "gates/kind.h"

#include "gates/kinds/accuracy.h"
#include "gates/kinds/fairness.h"
#include "gates/kinds/latency.h"
#include "gates/kinds/smoke.h"

#include <algorithm>
#include <array>

namespace stagekeeper::gates {
namespace {

constexpr std::array<const Kind*, 4> kKinds{&kAccuracy, &kLatency, &kFairness, &kSmoke};

}  // namespace

std::span<const Kind* const> kinds() {
  return kKinds;
}

const Kind* find_kind(std::string_view name) {
  const auto* const found = std::ranges::find(kKinds, name, &Kind::name);
  return found == kKinds.end() ? nullptr : *found;
}

}  // namespace stagekeeper::gates
