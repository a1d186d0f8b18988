#pragma once

#include "artifact/location.h"
#include "base/crypto.h"
#include "gates/reason.h"
#include "operator/artifacts/source.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::artifacts {

/// Takes the bytes of one object. What it has taken counts for nothing until finish().
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  Sink(Sink&&) = delete;
  Sink& operator=(Sink&&) = delete;
  virtual ~Sink() = default;

  /// The next piece. False: it cannot be kept.
  virtual bool write(std::string_view piece) = 0;

  /// Forgets what came so far: the object is read from its first byte again.
  virtual bool restart() = 0;

  /// Called once, when all has come and is what it should be.
  virtual bool finish() = 0;
};

/// Keeps nothing: the bytes are only verified.
class DropSink final : public Sink {
 public:
  bool write(std::string_view /*piece*/) override { return true; }

  bool restart() override { return true; }

  bool finish() override { return true; }
};

/// Keeps the bytes in memory.
class TextSink final : public Sink {
 public:
  bool write(std::string_view piece) override {
    text += piece;
    return true;
  }

  bool restart() override {
    text.clear();
    return true;
  }

  bool finish() override { return true; }

  std::string text;
};

/// How long a read goes on after errors that may pass.
struct Patience {
  int attempts = 3;        ///< in a row that brought nothing new
  int resumptions = 1000;  ///< of one object in all
  std::function<void(std::chrono::milliseconds)> sleep;
};

/// One object that is wanted.
struct Item {
  std::string what;  ///< for messages: "dataset"
  artifact::Location object;
  Digest digest = {};                                     ///< that its bytes must have; empty: any
  std::string mismatch = "ArtifactDigestMismatch";        ///< code when they have another
  std::optional<std::uint64_t> max_bytes = std::nullopt;  ///< more are refused: ObjectTooLarge
};

/// What came.
struct Received {
  Digest digest;
  std::uint64_t size_bytes = 0;
};

/// Reads an object once, whole and in order, and holds one piece of it at a time. After a broken
/// connection it goes on at the byte where it was, of the same object by its ETag; where the store
/// tells no ETag it begins again. Reasons: Item::mismatch, with both digests; FetchFailed (may
/// pass), FetchRefused (will not), ObjectChanged, ObjectTooLarge, DiskFull.
gates::Reasoned<Received> transfer(const Item& item, ObjectSource& source, Sink& sink,
                                   const Patience& patience);

}  // namespace stagekeeper::artifacts
