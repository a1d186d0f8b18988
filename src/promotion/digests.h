#pragma once

#include "promotion/world.h"

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::promotion {

/// What a request is about apart from any target: the request, the version's object and bytes, the
/// policy with its gate classes, the data. While a decision is carried out nothing of it may
/// change.
std::string basis_digest(const Subject& subject);

/// What the gates are about: the basis, the template and ServingTarget spec that clones are made
/// from, and the champion, both with the pins they get. Results of another evaluation digest are
/// worth nothing. `on` is EvaluationFacts::on.
std::string evaluation_digest(const Subject& subject, const std::optional<TargetState>& on);

/// What a decision names of one target.
DecidedFacts::Target decided_target(
    const TargetState& state, const VersionRef& to,
    std::uint64_t before = std::numeric_limits<std::uint64_t>::max());

/// What a decision is made of.
struct DecisionBasis {
  std::string_view cluster_uid;
  const Subject& subject;
  const std::optional<TargetState>& on;
  const GateResults* results = nullptr;  ///< null: the action has no gates
  const std::vector<DecidedFacts::Target>& targets;
};

/// What an approval names: the evaluation, every result with its evidence, and the state of every
/// target it would change. Any difference voids every approval. The order of targets is no
/// difference.
std::string decision_digest(const DecisionBasis& basis);

/// The GateResult record of the present evaluation, or null. Not always the latest one: something
/// may have been changed and changed back. Its body is World::evaluation.results.
const RecordFact* results_record(const History& model, std::string_view request_uid,
                                 std::string_view evaluation);

}  // namespace stagekeeper::promotion
