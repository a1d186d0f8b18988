#pragma once

#include "artifact/location.h"
#include "base/crypto.h"
#include "gates/reason.h"
#include "operator/artifacts/source.h"
#include "operator/artifacts/transfer.h"

#include <string>

namespace stagekeeper::artifacts {

/// An artifact, and where a server will find its files.
struct Placement {
  artifact::Location location;  ///< a folder: Manifest; else File
  Digest digest;
  /// Absolute. It will hold the folder's files and their manifest, or the one file under the last
  /// part of its URI's path. The folder above must be there; what is in this one goes.
  std::string directory;
};

/// How files came to be in place.
enum class Placed {
  kFetched,
  kWasThere,  ///< complete and verified again, nothing was fetched
};

/// Puts a verified artifact in place: the directory appears whole, once every byte is what the
/// digest says, or not at all. After a restart what is there is verified without the store, and
/// stays when it is right; anything else is removed before the store is asked. Nobody else may
/// write there meanwhile. Reasons: those of read_artifact(), DiskFull also before a folder that
/// will not fit is read; NotWritable.
gates::Reasoned<Placed> place_artifact(const Placement& wanted, ObjectSource& source,
                                       const Patience& patience);

}  // namespace stagekeeper::artifacts
