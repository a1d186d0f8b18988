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

  /// Maps changes to work-queue keys. Called in order by the watcher's thread; must be quick and
  /// not throw. Not called for an object that a list shows in the version already held.
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
    if (store_.is_current(head.key, head.resource_version)) return;
    auto object = decoder_(raw);
    if (!object) {
      refuse(head, object.error());
      return;
    }
    refused_.erase(head.key);
    Change<T> change = store_.put(head.key, head.resource_version, *std::move(object));
    change.from_list = from_list;
    publish();
    hook_(change);
  }

  void remove(const kube::ObjectKey& key) override {
    refused_.erase(key);
    if (auto change = store_.remove(key)) hook_(*change);
    publish();
  }

  void end_list() override {
    std::erase_if(refused_, [](const auto& entry) { return !entry.second.in_list; });
    for (auto& change : store_.end_list()) {
      change.from_list = true;
      hook_(change);
    }
    publish();
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
    if (auto change = store_.remove(head.key)) hook_(*change);
    publish();
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
};

}  // namespace stagekeeper::runtime
