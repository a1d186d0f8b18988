#pragma once

#include "artifact/location.h"
#include "artifact/manifest.h"
#include "artifact/resume.h"
#include "base/result.h"
#include "http/client.h"

#include <functional>
#include <optional>
#include <vector>

namespace stagekeeper::artifacts {

/// Learns of an object before its first byte.
using Begun = std::function<void(const artifact::AnswerBody& body)>;

/// Port for reading objects and listing folders. Not thread-safe.
class ObjectSource {
 public:
  ObjectSource() = default;
  ObjectSource(const ObjectSource&) = delete;
  ObjectSource& operator=(const ObjectSource&) = delete;
  ObjectSource(ObjectSource&&) = delete;
  ObjectSource& operator=(ObjectSource&&) = delete;
  virtual ~ObjectSource() = default;

  /// Hands the bytes from `from` on over, piece by piece, after `begun`; the sink's false ends the
  /// read without an error. One attempt. Errors: NotFound, Denied, Invalid, Misconfigured,
  /// Throttled, Unavailable; Conflict when the object is another one than `from` says.
  virtual Status read(const artifact::Location& object, const artifact::ReadFrom& from,
                      const Begun& begun, const http::BodySink& sink) = 0;

  /// Every object below a folder, by its path relative to it; nothing where folders cannot be
  /// listed (https). Errors: as read; TooLarge beyond artifact::kMaxFiles and the manifest.
  virtual Result<std::optional<std::vector<artifact::Listed>>> list(
      const artifact::Location& folder) = 0;
};

}  // namespace stagekeeper::artifacts
