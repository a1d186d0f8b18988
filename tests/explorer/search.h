#pragma once

#include "tests/explorer/scene.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace stagekeeper::explorer {

/// How far to look.
struct Bounds {
  int deviations = 1;          ///< in one history: from what happens when nothing special does
  bool every_request = false;  ///< faults at reads, too
  std::uint64_t transitions = 1'000'000;
  std::chrono::milliseconds time = std::chrono::hours(24);
};

/// What was found.
struct Outcome {
  std::uint64_t states = 0;        ///< different ones
  std::uint64_t transitions = 0;   ///< moves made
  std::uint64_t ends = 0;          ///< histories followed until nothing moved any more
  int deviations = 0;              ///< of the histories that were followed
  bool complete = false;           ///< everything within the bounds was seen
  std::string violation;           ///< empty: none
  std::vector<std::string> trace;  ///< the moves that lead to it; none of them can be left out
};

/// Depth first over what may happen in a scope, without visiting a state twice (with as many
/// deviations left). A deviation is a move out of turn or a fault at a request; histories with none
/// come first, then those with one, and so on. The process is forked for each choice, so that going
/// back costs nothing and the operators' memory is part of a state. What violates is made as short
/// as it can be by leaving out moves, one at a time.
Outcome explore(const Scope& scope, const Bounds& bounds, const Bug* bug = nullptr);

}  // namespace stagekeeper::explorer
