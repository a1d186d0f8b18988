#include "operator/gate/measurers.h"

#include "gates/kind.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

TEST_CASE("gate: every kind has what measures it, and nothing is measured that is no kind") {
  CHECK(gate::measurers().size() == gates::kinds().size());
  for (const gates::Kind* kind : gates::kinds()) {
    CAPTURE(kind->name);
    REQUIRE(gate::find_measurer(kind->name) != nullptr);
    const bool measures = gate::find_measurer(kind->name)->measure != nullptr;
    CHECK(measures);
  }
  for (const gate::Measurer& measurer : gate::measurers()) {
    CAPTURE(measurer.kind);
    CHECK(gates::find_kind(measurer.kind) != nullptr);
  }
  CHECK(gate::find_measurer("Drift") == nullptr);
}
