#pragma once

#include "promotion/action.h"
#include "promotion/world.h"

#include <optional>
#include <string_view>
#include <vector>

// A Deployment that was deleted and created again, by a GitOps tool or with its namespace, comes
// without pins. It gets back what the ledger says, and nothing is decided anew.
namespace stagekeeper::promotion::serving {

/// Whether the Deployment is one that the target's pins were never written into, while a version
/// serves by record and nothing is under way. A Deployment with any pin, whoever's, is none.
bool lost_its_pins(const TargetState& state);

/// The pins that an Intent wrote, by its body. Errors: Corrupt.
Result<std::vector<RenderedPin>> pins_of_intent(const RecordFact& intent, std::string_view body);

/// What is to be done, in order; nothing where `later` is set: too much was recorded in this hour.
struct Restoring {
  std::vector<Action> actions;
  std::optional<TimePoint> later;
};

/// A Restored record for exactly this Deployment, unless the ledger ends with one, then the pins of
/// the Intent that the last Applied closed, under that Intent's sequence. `pins`: pins_of_intent()
/// of it. Only where lost_its_pins(). Pure.
Restoring restore(const TargetState& state, const std::vector<RenderedPin>& pins, TimePoint now);

}  // namespace stagekeeper::promotion::serving
