#pragma once

#include "base/result.h"
#include "promotion/world.h"

#include <string>
#include <string_view>
#include <vector>

// Bodies of records: each codec writes and reads back one kind, side by side. Reading is tolerant
// of members that a later version adds, and answers Corrupt for what it needs and does not find.
// Long texts are cut to fit kMaxBodyBytes; what no text is (pins, inputs, targets) is never cut.
namespace stagekeeper::promotion {

/// What every body says of its request: who asked and why, the version with its origin,
/// who registered it, the data, the policy. Enough to answer years later from the bucket alone.
struct ProvenanceFacts {
  const Subject& subject;
  const History& model_ledger;
};

/// Body of a GateResult: provenance and every gate with value, threshold, champion, interval, n,
/// image that measured and pod that was measured.
std::string gate_result_body(const ProvenanceFacts& facts, const std::vector<GateState>& gates);
/// Errors: Corrupt.
Result<GateResults> gate_results_of(const RecordFact& record, std::string_view body);

/// Body of a Decided: provenance, results, who approved (and the first 16 whose approval did not
/// count), and what becomes of each target: pins, images that serve, state it was in.
/// `facts.record` is not used. `states` tells which images serve.
std::string decided_body(const ProvenanceFacts& provenance, const DecidedFacts& facts,
                         const std::vector<ApprovalState>& approvals,
                         const std::vector<RolloutFacts>& states);
/// Errors: Corrupt.
Result<DecidedFacts> decided_facts_of(const RecordFact& record, std::string_view body);

/// Body of an Intent: the pins it is about to write and those it replaces.
std::string intent_body(const DecidedFacts::Target& target, const TargetState& state,
                        bool way_back);

/// Body of a record that closes an Intent: the smoke test, where there was one.
std::string end_body(const std::optional<GateState>& smoke);

/// Body of a Concluded: everything a status shows of a request that has ended, with its provenance.
/// `end.record` is not used.
std::string concluded_body(const ProvenanceFacts& provenance, const Conclusion& end,
                           const std::vector<ApprovalState>& approvals);
/// Errors: Corrupt.
Result<Conclusion> conclusion_of(const RecordFact& record, std::string_view body);

}  // namespace stagekeeper::promotion
