#pragma once

#include "base/log.h"
#include "runtime/store.h"
#include "runtime/watcher.h"

#include <functional>
#include <map>
#include <string>
#include <utility>

namespace stagekeeper::runtime {

/// Puts what a watcher sees into a store and tells a hook about each change.
///
/// An object that its decoder refuses is kept out (a version that was readable before is taken
/// out): logged when it happens, counted in store_undecodable_objects, and the rest lives on.
/// Its raw JSON is not kept, nor is that of any other.
template <typename T>
class StoreWriter final : public ObjectSink {
 public:
  using Decoder = std::function<Result<T>(std::string_view raw)>;

  /// Maps changes to work-queue keys. Called in order by one thread at a time, the watcher's or one
  /// of the HTTP library's; must be quick. Not called for an object that a list shows in the
  /// version already held. If it throws, it is called with the same change again when the object
  /// comes again, which the watcher sees to.
  using Hook = std::function<void(const Change<T>& change)>;

  /// `store` and `metrics` must outlive the writer.
  StoreWriter(std::string kind, Store<T>& store, Decoder decoder, Hook hook, Metrics& metrics)
      : kind_(std::move(kind)),
        store_(store),
        decoder_(std::move(decoder)),
        hook_(std::move(hook)),
        metrics_(metrics) {}

  void begin_list() override {
    store_.begin_list();
    for (auto& [key, refused] : refused_)
      refused.in_list = false;
  }

  void apply(const kube::ObjectHead& head, std::string_view raw, bool from_list) override {
    if (store_.is_current(head.key, head.resource_version)) {
      tell_again(head.key);
      return;
    }
    auto object = decoder_(raw);
    if (!object) {
      refuse(head, object.error());
      return;
    }
    refused_.erase(head.key);
    Change<T> change = store_.put(head.key, head.resource_version, *std::move(object));
    change.from_list = from_list;
    publish();
    tell(std::move(change));
  }

  void remove(const kube::ObjectKey& key) override {
    refused_.erase(key);
    auto change = store_.remove(key);
    publish();
    if (change) {
      tell(*std::move(change));
    } else {
      tell_again(key);
    }
  }

  void end_list() override {
    std::erase_if(refused_, [](const auto& entry) { return !entry.second.in_list; });
    for (auto& change : store_.end_list()) {
      change.from_list = true;
      owe(std::move(change));
    }
    publish();
    while (!owed_.empty())
      tell_again(kube::ObjectKey(owed_.begin()->first));
  }

  [[nodiscard]] CheckResult synced() const override {
    return {store_.synced(), store_.synced() ? std::to_string(store_.size()) + " objects"
                                             : "waiting for the first list"};
  }

 private:
  struct Refused {
    std::string resource_version;
    bool in_list = false;
  };

  void refuse(const kube::ObjectHead& head, const Error& error) {
    Refused& refused = refused_[head.key];
    refused.in_list = true;
    if (std::exchange(refused.resource_version, head.resource_version) != head.resource_version) {
      log(LogLevel::kError, "object cannot be read and is ignored",
          {{"kind", kind_}, {"object", head.key.str()}, {"err", error.message}});
    }
    auto change = store_.remove(head.key);
    publish();
    if (change) tell(*std::move(change));
  }

  /// Notes a change of which the hook has not heard; several of one object become one.
  void owe(Change<T> change) {
    const auto before = owed_.find(change.key);
    if (before != owed_.end()) change.old = before->second.old;
    const kube::ObjectKey key = change.key;
    owed_.insert_or_assign(key, std::move(change));
  }

  void tell(Change<T> change) {
    const kube::ObjectKey key = change.key;
    owe(std::move(change));
    tell_again(key);
  }

  void tell_again(const kube::ObjectKey& key) {
    const auto owed = owed_.find(key);
    if (owed == owed_.end()) return;
    hook_(owed->second);
    owed_.erase(owed);
  }

  void publish() {
    metrics_.store_size(kind_, store_.size());
    metrics_.store_undecodable(kind_, refused_.size());
  }

  const std::string kind_;
  Store<T>& store_;
  const Decoder decoder_;
  const Hook hook_;
  Metrics& metrics_;
  std::map<kube::ObjectKey, Refused> refused_;
  std::map<kube::ObjectKey, Change<T>> owed_;  ///< empty but while the hook throws
};

}  // namespace stagekeeper::runtime
