#pragma once

#include "gates/gate_input.h"
#include "gates/reason.h"
#include "operator/artifacts/source.h"
#include "operator/artifacts/transfer.h"

#include <cstdint>
#include <string>

namespace stagekeeper::gate {

/// Where the evaluation rows lie below the work directory.
inline constexpr const char* kDatasetFile = "dataset.csv";

/// What of a dataset is read at most: its volume has a limit of its own, this one ends with a
/// reason. An artifact has none: nothing of it is stored.
inline constexpr std::uint64_t kMaxDatasetBytes = std::uint64_t{256} << 20U;

/// Downloads the dataset, where there is one, into `directory`, hashing as the bytes arrive: the
/// file has its name only once its digest is right. Then, where the input names the artifact's URI,
/// reads the artifact once through SHA-256 and stores nothing of it: no gate uses its bytes, the
/// model servers load them themselves. `input` is one that parse_gate_input() accepted. Reasons:
/// DatasetDigestMismatch, and those of artifacts::read_artifact().
gates::Reasoned<void> fetch_inputs(const gates::GateInput& input, const std::string& directory,
                                   artifacts::ObjectSource& source,
                                   const artifacts::Patience& patience,
                                   std::uint64_t max_dataset_bytes = kMaxDatasetBytes);

}  // namespace stagekeeper::gate
