#pragma once

#include "gates/gate_input.h"
#include "gates/reason.h"
#include "operator/gate/objects.h"
#include "operator/gate/timer.h"

#include <cstdint>
#include <string>

namespace stagekeeper::gate {

/// Where the two inputs of a gate lie below the work directory.
inline constexpr const char* kDatasetFile = "dataset.csv";
inline constexpr const char* kArtifactFile = "artifact";

/// What is fetched at most. The volume has a limit of its own; this one ends with a reason.
struct FetchLimits {
  std::uint64_t dataset_bytes = std::uint64_t{256} << 20U;
  std::uint64_t artifact_bytes = std::uint64_t{4} << 30U;
  int attempts = 3;  ///< for errors that may pass
};

/// Downloads dataset and artifact into `directory`, hashing as the bytes arrive. A file has its
/// name only once its digest is right. Reasons: DatasetDigestMismatch, ArtifactDigestMismatch (with
/// both digests), FetchFailed (may pass), FetchRefused (will not: no such object, no right, a bad
/// URI), ObjectTooLarge, DiskFull.
gates::Reasoned<void> fetch_inputs(const gates::GateInput& input, const std::string& directory,
                                   ObjectSource& source, Timer& timer,
                                   const FetchLimits& limits = {});

}  // namespace stagekeeper::gate
