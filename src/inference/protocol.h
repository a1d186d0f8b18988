#pragma once

#include "base/result.h"
#include "gates/gate_input.h"
#include "gates/reason.h"
#include "gates/table.h"
#include "inference/batch.h"

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::inference {

/// The largest answer that is read.
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{4} << 20U;

/// Where a protocol is spoken when the ServingTarget does not say. May hold ${model} and
/// ${version}.
struct Paths {
  std::string_view scoring;
  std::string_view health;
};

/// How one family of model servers is asked: everything that is particular to it stands in one file
/// of inference/protocols. Pure, thread-safe.
struct Protocol {
  std::string_view name;  ///< spec.inference.protocol: "MLflow"
  Paths paths;
  Paths versioned;  ///< with the version in them, for proof Path; empty: it has none of its own

  /// Whether `inference` holds what the protocol must be told.
  /// Errors: Invalid, naming the member.
  Status (*check)(const gates::Inference& inference);

  /// The body that scores the rows from `begin` on: at least one, and until a limit is reached.
  /// Assumptions: begin < table.rows; texts are UTF-8; check() has passed.
  /// Reasons: MissingValue, where the protocol has no way to write one. No values are repeated.
  gates::Reasoned<Batch> (*request)(const gates::Table& table, std::size_t begin,
                                    const BatchLimits& limits, const gates::Inference& inference);

  /// The predictions in an answer, as a JSON list with one element a row.
  /// Reasons: BadPredictions (not the form of the protocol), PredictionsMismatch (not `rows` of
  /// them).
  gates::Reasoned<nlohmann::json> (*predictions)(nlohmann::json answer, std::size_t rows,
                                                 const gates::Inference& inference);
};

/// The protocol of that name, or null. Adding one: its file, its row in protocol.cc, its words in
/// the CRD and in src/model/serving_target.cc.
const Protocol* find_protocol(std::string_view name);

/// Every protocol.
std::span<const Protocol* const> protocols();

/// Whether a server can be asked like that: a known protocol with what it needs, a known proof, and
/// for proof Path a version in both paths. Errors: Invalid, naming the member.
Status check(const gates::Inference& inference);

/// One score per row, negated where higher means negative.
/// Reasons: those of Protocol::predictions, and of its text and values: BadPredictions (no JSON, or
/// not what `scoring` says), NotFinite (NaN, infinity or null).
/// What the answer looks like is told (its first bytes, or the names of its members), its values
/// are not: they may hold rows.
gates::Reasoned<std::vector<double>> read_scores(std::string_view body, std::size_t rows,
                                                 const gates::Inference& inference,
                                                 const gates::Scoring& scoring);

/// Whether the answer has a prediction for each of the rows, whatever it is.
/// Reasons: those of Protocol::predictions.
gates::Reasoned<void> check_predictions(std::string_view body, std::size_t rows,
                                        const gates::Inference& inference);

}  // namespace stagekeeper::inference
