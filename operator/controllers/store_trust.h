#pragma once

#include "base/mutex.h"
#include "promotion/world.h"

namespace stagekeeper {

/// The reason before the first probe has ended.
inline constexpr const char* kNotProbed = "NotProbed";

/// Whether the bucket may be believed, as the last probe found. Written by the prober, read by
/// everybody. Thread-safe.
class StoreTrust {
 public:
  void set(promotion::StoreState state) {
    const MutexLock lock(mutex_);
    state_ = std::move(state);
  }

  [[nodiscard]] promotion::StoreState get() const {
    const MutexLock lock(mutex_);
    return state_;
  }

 private:
  mutable Mutex mutex_;
  promotion::StoreState state_ SK_GUARDED_BY(mutex_){
      .trusted = false, .reason = kNotProbed, .message = "the audit store has not been probed yet"};
};

}  // namespace stagekeeper
