#pragma once

#include "base/mutex.h"

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace stagekeeper {

/// Texts that were read from the bucket, by key, as far as they fit: the longest unused goes first.
/// Records never change, so that what is here is never outdated. Thread-safe.
class BodyCache {
 public:
  explicit BodyCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  [[nodiscard]] std::optional<std::string> get(const std::string& key);
  void put(const std::string& key, std::string text);

  /// Bytes of the texts that are kept.
  [[nodiscard]] std::size_t bytes() const;

 private:
  using Entry = std::pair<std::string, std::string>;

  const std::size_t max_bytes_;
  mutable Mutex mutex_;
  std::list<Entry> by_use_ SK_GUARDED_BY(mutex_);  // the last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_ SK_GUARDED_BY(mutex_);
  std::size_t bytes_ SK_GUARDED_BY(mutex_) = 0;
};

}  // namespace stagekeeper
