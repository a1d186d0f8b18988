#pragma once

#include "artifact/manifest.h"
#include "base/crypto.h"
#include "gates/reason.h"
#include "operator/artifacts/source.h"
#include "operator/artifacts/transfer.h"

#include <optional>

namespace stagekeeper::artifacts {

/// Lists a folder and hashes its files, whatever manifest lies there. Reasons: those of transfer();
/// FetchRefused where folders cannot be listed; ManifestInvalid for what no manifest can hold.
gates::Reasoned<artifact::Manifest> survey(const artifact::Location& folder, ObjectSource& source,
                                           const Patience& patience);

/// The digest of the manifest that lies in a folder; nothing where none lies there that can be
/// read.
std::optional<Digest> manifest_beside(const artifact::Location& folder, ObjectSource& source,
                                      const Patience& patience);

}  // namespace stagekeeper::artifacts
