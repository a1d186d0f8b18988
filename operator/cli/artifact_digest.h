#pragma once

#include "operator/artifacts/source.h"
#include "operator/artifacts/transfer.h"
#include "operator/cli/audit_source.h"

#include <string>

// `artifact digest`: what to write into spec.artifact of a ModelVersion.
namespace stagekeeper::cli {

struct DigestFlags {
  std::string what;  ///< a path of this machine, s3://…, https://… or file:///…; / ends a folder
  std::string endpoint;         ///< of S3; by default S3_ENDPOINT
  std::string region;           ///< by default S3_REGION
  std::string ca_file;          ///< by default S3_CA_FILE
  bool write_manifest = false;  ///< into a folder of this machine
  bool manifest = false;        ///< print it, and nothing else
  bool json = false;
};

/// Hashes a file, or each file of a folder, and prints type, address, digest and size, or the
/// manifest; says on standard error when the folder lacks its manifest or holds another one.
/// Symbolic links in a folder are errors, since no bucket has them; one that leads to the file or
/// folder that is named is followed. Nothing is written unless it is asked for.
Output artifact_digest(const DigestFlags& flags, artifacts::ObjectSource& source,
                       const artifacts::Patience& patience);

/// The same with the stores that flags and environment name; credentials come from the environment
/// as those of a gate do.
Output run_artifact_digest(const DigestFlags& flags);

}  // namespace stagekeeper::cli
