#pragma once

#include "gates/gate_input.h"
#include "gates/reason.h"

#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::inference {

/// What an answer can prove about the version that gave it.
enum class Proof {
  kHeader,  ///< a header of each answer, of the health path too
  kBody,    ///< a value in the body of each scoring answer; the health path proves nothing
  kPath,    ///< the version is part of the paths, and a server without it answers 404
  kPods     ///< nothing: whoever knows the pods attests them
};

/// The proof of that name ("Header", "Body", "Path", "Pods").
std::optional<Proof> proof_of(std::string_view type);

/// The version that a body names at a JSON Pointer: a string, or a whole number as its digits.
/// Reasons: WrongVersion (no JSON, nothing there, or something else), telling what the answer looks
/// like.
gates::Reasoned<std::string> version_in_body(std::string_view body, const std::string& pointer);

/// Where a server is asked. Percent-encoded as they are sent.
struct AskedPaths {
  std::string scoring;
  std::string health;
};

/// The paths for one model and version: those that `inference` names, or else the protocol's own,
/// with ${model} and ${version} replaced.
AskedPaths asked_paths(const gates::Inference& inference, std::string_view model,
                       std::string_view version);

}  // namespace stagekeeper::inference
