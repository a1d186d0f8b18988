#pragma once

#include "gates/reason.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

// What answers of model servers have in common, whatever the protocol.
namespace stagekeeper::inference {

/// Parses an answer of at most kMaxAnswerBytes.
/// Reasons: NotFinite (Python writes NaN and Infinity into JSON, where they do not belong),
/// BadPredictions (no JSON otherwise, or too large), with the first bytes of the answer.
gates::Reasoned<nlohmann::json> parse_answer(std::string_view body);

/// What an answer looks like, for messages: `an object with model_name, outputs`, `a list of 3`.
/// Names of members only, the first few and cut; no values, which may be rows.
std::string shape_of(const nlohmann::json& answer);

/// The first bytes of a text that is no JSON, in quotes and printable: `"<html><head>…"`; "nothing"
/// for an empty one.
std::string first_bytes(std::string_view body);

/// A reason BadPredictions or PredictionsMismatch of a list.
gates::Reasoned<void> check_list(const nlohmann::json& list, std::size_t rows,
                                 std::string_view what);

}  // namespace stagekeeper::inference
