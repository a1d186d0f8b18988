#pragma once

#include "artifact/manifest.h"
#include "operator/artifacts/transfer.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::artifacts {

/// Makes the sink for a file of the artifact, by its path in the folder; of an artifact that is one
/// file the path is empty. Reasons are its own.
using Keep = std::function<gates::Reasoned<std::unique_ptr<Sink>>(const std::string& path)>;

/// Learns of a folder's manifest, once it is known to be the right one and before its files are
/// read. Its reason ends the reading.
using Expect = std::function<gates::Reasoned<void>(const artifact::Manifest& manifest)>;

/// What is wanted of an artifact, and what becomes of it.
struct Reading {
  artifact::Location location;  ///< a folder: Manifest; else File
  Digest digest;
  Keep keep;
  Expect expect = {};  ///< may be left out
};

/// Lists a folder; nothing where folders cannot be listed. Reasons: FetchFailed (may pass),
/// FetchRefused (will not).
gates::Reasoned<std::optional<std::vector<artifact::Listed>>> list_folder(
    const artifact::Location& folder, ObjectSource& source, const Patience& patience);

/// Reads an artifact whole and verifies it: a File against its digest; of a Manifest the manifest
/// object against the digest, the folder's listing against the manifest (where folders can be
/// listed), and each file against its size and digest. Every sink's finish() was called for right
/// bytes only; whether all of the artifact is right is known when this returns.
/// Reasons: those of transfer() and of the callbacks; ManifestInvalid;
/// FolderDiffers, naming the file.
gates::Reasoned<void> read_artifact(const Reading& reading, ObjectSource& source,
                                    const Patience& patience);

}  // namespace stagekeeper::artifacts
