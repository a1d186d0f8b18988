#pragma once

#include "base/crypto.h"
#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The identity of a folder of files. Its manifest is the list of its files, sorted by the bytes of
// their paths, as JSON in canonical form (RFC 8785):
//
//     [{"path":"MLmodel","sha256":"<64 hex digits>","size":1024},…]
//
// and its digest is the SHA-256 of those bytes. The object kManifestName in the folder holds the
// list and is no part of it. Pure.
namespace stagekeeper::artifact {

/// Where a folder keeps its manifest.
inline constexpr std::string_view kManifestName = "stagekeeper-manifest.json";

// Bounds of what an outsider controls.
inline constexpr std::size_t kMaxManifestBytes = std::size_t{4} << 20U;
inline constexpr std::size_t kMaxFiles = 10'000;
inline constexpr std::size_t kMaxPathBytes = 512;
inline constexpr std::size_t kMaxPartBytes =
    255;  ///< of a path between two slashes, as Linux has it

/// One file of a folder.
struct ManifestFile {
  std::string path;  ///< relative, parts separated by '/'
  std::uint64_t size_bytes = 0;
  Digest digest;  ///< of its bytes

  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

/// A folder's files, sorted by the bytes of their paths.
struct Manifest {
  std::vector<ManifestFile> files;

  /// The bytes of all files together.
  [[nodiscard]] std::uint64_t size_bytes() const;
};

/// What is wrong with a path, or an empty text. Right are UTF-8 without control characters, 1 to
/// kMaxPathBytes, not absolute, no part empty, "." or "..", no '\', and not the manifest's own
/// name.
std::string path_flaw(std::string_view path);

/// Sorts and checks what was found in a folder. Errors: Invalid, naming the file: a bad path, one
/// that is there twice or is a file and a folder, no file at all, more than kMaxFiles, a size
/// beyond 2^50 or a bad digest.
Result<Manifest> make_manifest(std::vector<ManifestFile> files);

/// The canonical JSON. Errors: TooLarge beyond kMaxManifestBytes.
Result<std::string> manifest_text(const Manifest& manifest);

/// The digest of the canonical JSON. Errors: as manifest_text.
Result<Digest> manifest_digest(const Manifest& manifest);

/// Reads a manifest object, whose JSON need not be canonical: order of files and white space do not
/// count, and unknown members are refused. Errors: Invalid, naming what is wrong.
Result<Manifest> parse_manifest(std::string_view text);

/// One entry of a folder's listing.
struct Listed {
  std::string path;  ///< relative to the folder
  std::uint64_t size_bytes = 0;
};

/// Whether a listing shows exactly the manifest's files, in their sizes; kManifestName may be there
/// or not. Errors: Conflict, naming the first file that is extra, missing or of another size, and
/// how many there are.
Status check_listing(const Manifest& manifest, const std::vector<Listed>& listing);

}  // namespace stagekeeper::artifact
