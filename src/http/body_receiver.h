#pragma once

#include "base/mutex.h"
#include "http/client.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::http {

/// Why a receiver drops further pieces.
enum class BodyEnd {
  kOpen,      ///< it does not
  kStopped,   ///< the sink has had enough
  kTooLarge,  ///< more than the limit
  kTooSlow,   ///< the deadline passed
  kBroken,    ///< the sink threw
};

/// Takes a body piece by piece while it is read: collects it within a limit or hands it to a sink.
/// Pieces that come before the status is known to the caller are held and given to the sink later.
/// Never throws, whatever the sink does. Thread-safe: pieces come from a pool thread, begin() and
/// close() from the caller's.
class BodyReceiver {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Collects everything, at most `max_bytes` and not after `deadline`.
  BodyReceiver(std::size_t max_bytes, Deadline deadline)
      : max_bytes_(max_bytes), deadline_(deadline) {}

  /// Streams to `sink` when begin(true) is called, else collects at most `max_bytes`. The sink must
  /// live until close() has returned.
  BodyReceiver(std::size_t max_bytes, const BodySink& sink) : max_bytes_(max_bytes), sink_(&sink) {}

  /// Takes the next piece. False: it was dropped, and so will be all that follow; end() says why.
  bool accept(std::string_view piece) SK_EXCLUDES(mutex_);

  /// Called before begin() when nobody wants the body: its pieces are dropped, kStopped.
  void stop() SK_EXCLUDES(mutex_);

  /// Called once when the status is known. False when the sink has already had enough.
  bool begin(bool success) SK_EXCLUDES(mutex_);

  /// After this the sink is not called again; waits for a call in progress.
  void close() SK_EXCLUDES(mutex_);

  [[nodiscard]] BodyEnd end() const SK_EXCLUDES(mutex_);

  /// What the sink threw; empty unless the end is kBroken.
  [[nodiscard]] std::string broken_by() const SK_EXCLUDES(mutex_);

  /// What was collected; empty when it was streamed.
  [[nodiscard]] std::string take_body() SK_EXCLUDES(mutex_);

 private:
  void hand_over(std::string_view piece) SK_REQUIRES(mutex_);
  void keep(std::string_view piece) SK_REQUIRES(mutex_);

  enum class Mode { kCollect, kStream, kClosed };

  const std::size_t max_bytes_;
  const std::optional<Deadline> deadline_;
  const BodySink* const sink_ = nullptr;
  mutable Mutex mutex_;
  Mode mode_ SK_GUARDED_BY(mutex_) = Mode::kCollect;
  BodyEnd end_ SK_GUARDED_BY(mutex_) = BodyEnd::kOpen;
  std::string body_ SK_GUARDED_BY(mutex_);
  std::string broken_by_ SK_GUARDED_BY(mutex_);
};

}  // namespace stagekeeper::http
