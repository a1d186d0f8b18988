#include "http/body_receiver.h"

#include <utility>

namespace stagekeeper::http {

bool BodyReceiver::accept(std::string_view piece) {
  const MutexLock lock(mutex_);
  if (mode_ == Mode::kClosed || end_ != BodyEnd::kOpen) return false;
  if (mode_ == Mode::kStream) {
    if (!(*sink_)(piece)) end_ = BodyEnd::kStopped;
  } else if (piece.size() > max_bytes_ - body_.size()) {
    end_ = BodyEnd::kTooLarge;
  } else if (deadline_ && std::chrono::steady_clock::now() > *deadline_) {
    end_ = BodyEnd::kTooSlow;
  } else {
    body_ += piece;
  }
  return end_ == BodyEnd::kOpen;
}

bool BodyReceiver::begin(bool success) {
  const MutexLock lock(mutex_);
  if (sink_ == nullptr || !success || end_ != BodyEnd::kOpen) return true;
  mode_ = Mode::kStream;
  const std::string held = std::exchange(body_, {});
  if (!held.empty() && !(*sink_)(held)) end_ = BodyEnd::kStopped;
  return end_ == BodyEnd::kOpen;
}

void BodyReceiver::close() {
  const MutexLock lock(mutex_);
  mode_ = Mode::kClosed;
}

BodyEnd BodyReceiver::end() const {
  const MutexLock lock(mutex_);
  return end_;
}

std::string BodyReceiver::take_body() {
  const MutexLock lock(mutex_);
  return std::exchange(body_, {});
}

}  // namespace stagekeeper::http
