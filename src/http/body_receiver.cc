#include "http/body_receiver.h"

#include <exception>
#include <new>
#include <utility>

namespace stagekeeper::http {

/// The thread may belong to a library that cannot bear an exception, so none gets past this.
void BodyReceiver::hand_over(std::string_view piece) {
  try {
    if (!(*sink_)(piece)) end_ = BodyEnd::kStopped;
  } catch (const std::exception& e) {
    end_ = BodyEnd::kBroken;
    broken_by_ = e.what();
  } catch (...) {
    end_ = BodyEnd::kBroken;
    broken_by_ = "an unknown exception";
  }
}

void BodyReceiver::keep(std::string_view piece) {
  try {
    body_ += piece;
  } catch (const std::bad_alloc&) {
    end_ = BodyEnd::kTooLarge;
  }
}

bool BodyReceiver::accept(std::string_view piece) {
  const MutexLock lock(mutex_);
  if (mode_ == Mode::kClosed || end_ != BodyEnd::kOpen) return false;
  if (mode_ == Mode::kStream) {
    hand_over(piece);
  } else if (piece.size() > max_bytes_ - body_.size()) {
    end_ = BodyEnd::kTooLarge;
  } else if (deadline_ && std::chrono::steady_clock::now() > *deadline_) {
    end_ = BodyEnd::kTooSlow;
  } else {
    keep(piece);
  }
  return end_ == BodyEnd::kOpen;
}

void BodyReceiver::stop() {
  const MutexLock lock(mutex_);
  if (end_ == BodyEnd::kOpen) end_ = BodyEnd::kStopped;
}

bool BodyReceiver::begin(bool success) {
  const MutexLock lock(mutex_);
  if (end_ == BodyEnd::kStopped) return false;
  if (sink_ == nullptr || !success || end_ != BodyEnd::kOpen) return true;
  mode_ = Mode::kStream;
  const std::string held = std::exchange(body_, {});
  if (!held.empty()) hand_over(held);
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

std::string BodyReceiver::broken_by() const {
  const MutexLock lock(mutex_);
  return broken_by_;
}

std::string BodyReceiver::take_body() {
  const MutexLock lock(mutex_);
  return std::exchange(body_, {});
}

}  // namespace stagekeeper::http
