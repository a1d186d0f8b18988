#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::artifact {

/// What a version of a model is made of.
enum class Type {
  kFile,      ///< one object; its digest is that of its bytes
  kManifest,  ///< a folder; its digest is that of its manifest: see manifest.h
  kImage,     ///< an image in a registry; the kubelet verifies it, nobody else reads it
};

/// "File", "Manifest", "Image": spec.artifact.type of a ModelVersion.
std::string_view name(Type type);
std::optional<Type> type_named(std::string_view text);

/// How bytes are read.
enum class Scheme { kS3, kHttps, kFile };

/// Where an object or a folder lies. A folder's path ends with '/', an object's never does.
struct Location {
  Scheme scheme = Scheme::kS3;
  std::string authority;  ///< bucket, or host[:port]; empty for files
  std::string path;       ///< the key in the bucket, or what follows the '/' behind the authority

  [[nodiscard]] bool is_folder() const { return path.empty() || path.back() == '/'; }

  /// As it is written, for messages: "s3://models/credit-risk/47/".
  [[nodiscard]] std::string uri() const;

  /// The object at a relative path below this folder.
  [[nodiscard]] Location child(std::string_view relative) const;
};

/// The type that a URI is written for: oci://… is an Image, a '/' at the end makes a Manifest,
/// anything else is a File. A ModelVersion's type must agree, so that whoever knows the URI alone,
/// as a pinned container does, knows the type.
Type type_of_uri(std::string_view uri);

/// Reads s3://BUCKET/KEY, https://HOST[:PORT]/PATH or file:///PATH, of letters, digits and
/// . _ ~ = + , : - between the slashes, at most 1,024 bytes: what the CRD of a ModelVersion takes.
/// No part of the path is empty, "." or "..", so that no name means a place outside what it begins
/// with. Errors: Invalid, saying what to write; oci:// is Invalid, since nobody downloads it.
Result<Location> parse_location(std::string_view uri);

}  // namespace stagekeeper::artifact
