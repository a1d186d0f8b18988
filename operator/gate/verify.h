#pragma once

#include "gates/reason.h"

#include <string>

namespace stagekeeper::gate {

// Exit codes of `stagekeeper-gate verify`. The kubelet starts the container again after each but 0.
inline constexpr int kExitPlaced = 0;   ///< the files are there, and are what was approved
inline constexpr int kExitRefused = 1;  ///< nothing is there: the bytes or their place are wrong
inline constexpr int kExitNotSet = 2;   ///< nothing is there: no pin, or settings that cannot be
inline constexpr int kExitMayPass = 3;  ///< nothing is there: the store did not answer

/// What the command line sets.
struct VerifyOptions {
  std::string to = "/models/model";  ///< the folder that will hold the files
  std::string report_path = "/dev/termination-log";
};

/// The exit code that a reason calls for.
int exit_code(const gates::Reason& reason);

/// A reason as people read it in the status of a pod: what is wrong and what to do, at most 2 KiB.
std::string refusal_text(const gates::Reason& reason);

/// `stagekeeper-gate verify`, the init container of a model server: reads MODEL_URI and
/// MODEL_DIGEST, which the operator pins, fetches the artifact, verifies it, and puts its files
/// into a folder that appears whole or not at all. Settings of the store are those of `fetch`.
/// Writes the termination message on failure only.
int run_verify(const VerifyOptions& options);

}  // namespace stagekeeper::gate
