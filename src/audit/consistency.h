#pragma once

#include "audit/inspect.h"

#include <vector>

namespace stagekeeper::audit {

/// Adds to the reports of one cluster what contradicts itself between ledgers: an Intent that
/// refers to no Decided, or to one of another decision, request or target; a request that was
/// concluded as applied without its targets having been changed; a Concluded about another version
/// than was decided. Pure.
void judge_together(std::vector<LedgerReport>& reports);

}  // namespace stagekeeper::audit
