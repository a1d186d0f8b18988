#include "operator/controllers/body_cache.h"

namespace stagekeeper {

std::optional<std::string> BodyCache::get(const std::string& key) {
  const MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return found->second->second;
}

void BodyCache::put(const std::string& key, std::string text) {
  const MutexLock lock(mutex_);
  if (by_key_.contains(key) || text.size() > max_bytes_) return;
  bytes_ += text.size();
  by_use_.emplace_front(key, std::move(text));
  by_key_[key] = by_use_.begin();
  while (bytes_ > max_bytes_) {
    const Entry& oldest = by_use_.back();
    bytes_ -= oldest.second.size();
    by_key_.erase(oldest.first);
    by_use_.pop_back();
  }
}

std::size_t BodyCache::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace stagekeeper
