#pragma once

#include "base/result.h"
#include "kube/resource.h"

#include <memory>
#include <string>
#include <string_view>

namespace stagekeeper::kube {

/// What identifies an object and its version, whatever its kind.
struct ObjectHead {
  ObjectKey key;
  std::string uid;
  std::string resource_version;
};

/// Reads the head of a raw object without decoding the rest, reusing its memory. So an object that
/// its own decoder refuses can still be named. Not thread-safe.
class ObjectHeadDecoder {
 public:
  ObjectHeadDecoder();
  ObjectHeadDecoder(const ObjectHeadDecoder&) = delete;
  ObjectHeadDecoder& operator=(const ObjectHeadDecoder&) = delete;
  ObjectHeadDecoder(ObjectHeadDecoder&&) noexcept;
  ObjectHeadDecoder& operator=(ObjectHeadDecoder&&) noexcept;
  ~ObjectHeadDecoder();

  /// Errors: Unavailable when metadata.name or metadata.resourceVersion cannot be read.
  Result<ObjectHead> decode(std::string_view raw);

 private:
  struct Parser;

  std::unique_ptr<Parser> parser_;
};

}  // namespace stagekeeper::kube
