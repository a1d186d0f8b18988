#pragma once

#include "base/mutex.h"
#include "kube/resource.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace stagekeeper::runtime {

/// What one write did to the store.
template <typename T>
struct Change {
  kube::ObjectKey key;
  std::shared_ptr<const T> old;  ///< null: was not there
  std::shared_ptr<const T> now;  ///< null: is gone
  bool from_list = false;        ///< seen by a list, not by a live event
};

/// Typed snapshots of the objects of one kind, as the last list and the events after it told.
/// Readers get shared pointers to constant objects that stay valid for as long as they hold them.
/// One writer (the watcher); readers on any thread. Reads lag behind the API server: whoever is
/// about to do something that cannot be undone reads live.
template <typename T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;

  /// The values under which an object is found again, e.g. the uid of the request that an approval
  /// is for. Pure.
  using Indexer = std::function<std::vector<std::string>(const T&)>;
  using Indexers = std::map<std::string, Indexer>;

  explicit Store(Indexers indexers = {}) : indexers_(std::move(indexers)) {}

  [[nodiscard]] Ptr get(const kube::ObjectKey& key) const {
    const MutexLock lock(mutex_);
    const auto it = entries_.find(key);
    return it == entries_.end() ? nullptr : it->second.object;
  }

  /// All objects, ordered by key.
  [[nodiscard]] std::vector<Ptr> list() const {
    const MutexLock lock(mutex_);
    std::vector<Ptr> out;
    out.reserve(entries_.size());
    for (const auto& [key, entry] : entries_)
      out.push_back(entry.object);
    return out;
  }

  /// The objects whose indexer `index` yields `value`, ordered by key.
  [[nodiscard]] std::vector<Ptr> find(const std::string& index, const std::string& value) const {
    const MutexLock lock(mutex_);
    std::vector<Ptr> out;
    const auto keys = index_.find({index, value});
    if (keys == index_.end()) return out;
    for (const auto& key : keys->second)
      out.push_back(entries_.at(key).object);
    return out;
  }

  [[nodiscard]] std::size_t size() const {
    const MutexLock lock(mutex_);
    return entries_.size();
  }

  /// Whether one whole list has been taken in since the start. Never goes back to false.
  [[nodiscard]] bool synced() const { return synced_; }

  // For the writer.

  /// From here on, what is not put again by the end of the list is gone.
  void begin_list() {
    const MutexLock lock(mutex_);
    ++generation_;
  }

  /// Whether the store holds this very version of the object; marks it as seen by the list.
  bool is_current(const kube::ObjectKey& key, const std::string& resource_version) {
    const MutexLock lock(mutex_);
    const auto it = entries_.find(key);
    if (it == entries_.end() || it->second.resource_version != resource_version) return false;
    it->second.generation = generation_;
    return true;
  }

  Change<T> put(const kube::ObjectKey& key, std::string resource_version, T object) {
    auto fresh = std::make_shared<const T>(std::move(object));
    const MutexLock lock(mutex_);
    Entry& entry = entries_[key];
    if (entry.object) unindex(key, *entry.object);
    index(key, *fresh);
    Ptr old = std::exchange(entry.object, fresh);
    entry.resource_version = std::move(resource_version);
    entry.generation = generation_;
    return {key, std::move(old), std::move(fresh)};
  }

  /// nullopt when it was not there.
  std::optional<Change<T>> remove(const kube::ObjectKey& key) {
    const MutexLock lock(mutex_);
    const auto it = entries_.find(key);
    if (it == entries_.end()) return std::nullopt;
    return erase(it);
  }

  /// The list is complete: forgets what it did not hold.
  std::vector<Change<T>> end_list() {
    const MutexLock lock(mutex_);
    std::vector<Change<T>> gone;
    for (auto it = entries_.begin(); it != entries_.end();) {
      const auto next = std::next(it);
      if (it->second.generation != generation_) gone.push_back(erase(it));
      it = next;
    }
    synced_ = true;
    return gone;
  }

 private:
  struct Entry {
    Ptr object;
    std::string resource_version;
    std::uint64_t generation = 0;
  };

  using Entries = std::map<kube::ObjectKey, Entry>;

  Change<T> erase(typename Entries::iterator it) SK_REQUIRES(mutex_) {
    Change<T> change{it->first, std::move(it->second.object), nullptr};
    unindex(change.key, *change.old);
    entries_.erase(it);
    return change;
  }

  void index(const kube::ObjectKey& key, const T& object) SK_REQUIRES(mutex_) {
    for (const auto& [name, indexer] : indexers_) {
      for (auto& value : indexer(object))
        index_[{name, std::move(value)}].insert(key);
    }
  }

  void unindex(const kube::ObjectKey& key, const T& object) SK_REQUIRES(mutex_) {
    for (const auto& [name, indexer] : indexers_) {
      for (auto& value : indexer(object)) {
        const auto it = index_.find({name, std::move(value)});
        if (it == index_.end()) continue;
        it->second.erase(key);
        if (it->second.empty()) index_.erase(it);
      }
    }
  }

  const Indexers indexers_;
  mutable Mutex mutex_;
  Entries entries_ SK_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, std::set<kube::ObjectKey>> index_
      SK_GUARDED_BY(mutex_);
  std::uint64_t generation_ SK_GUARDED_BY(mutex_) = 0;
  std::atomic<bool> synced_{false};
};

}  // namespace stagekeeper::runtime
