#pragma once

#include "gates/gate_input.h"
#include "gates/reason.h"
#include "operator/gate/objects.h"
#include "operator/gate/timer.h"

#include <cstdint>
#include <string>

namespace stagekeeper::gate {

/// Where the evaluation rows lie below the work directory.
inline constexpr const char* kDatasetFile = "dataset.csv";

/// What is read at most. The dataset's volume has a limit of its own; this one ends with a reason.
/// The artifact's only ends a read that would not end by itself before the Job's deadline.
struct FetchLimits {
  std::uint64_t dataset_bytes = std::uint64_t{256} << 20U;
  std::uint64_t artifact_bytes = std::uint64_t{1} << 40U;
  int attempts = 3;  ///< of each object, for errors that may pass
};

/// Downloads the dataset, where there is one, into `directory`, hashing as the bytes arrive: the
/// file has its name only once its digest is right. Then, where the kind needs it, reads the
/// artifact once through SHA-256 and stores nothing of it: no gate uses its bytes, the model
/// servers load them themselves. `input` is one that parse_gate_input() accepted. Reasons:
/// DatasetDigestMismatch, ArtifactDigestMismatch (with both digests), FetchFailed (may pass),
/// FetchRefused (will not: no such object, no right, a bad URI), ObjectTooLarge, DiskFull.
gates::Reasoned<void> fetch_inputs(const gates::GateInput& input, const std::string& directory,
                                   ObjectSource& source, Timer& timer,
                                   const FetchLimits& limits = {});

}  // namespace stagekeeper::gate
