#pragma once

#include "base/mutex.h"
#include "kube/resource.h"
#include "runtime/queue_core.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace stagekeeper {

/// What a round of a request rests on, by kind, namespace and name: a change of it may change the
/// next round. Kinds are those of objects, and these:
using Interest = runtime::Key;
using Interests = std::set<Interest>;
/// The status of a Deployment, which changes far more often than the rest of it.
inline constexpr const char* kRolloutInterest = "Rollout";
/// Any Service of the namespace, by its name "".
inline constexpr const char* kServicesInterest = "Services";
/// A record written for another request of the model.
inline constexpr const char* kProgressInterest = "Progress";

/// Who waits for what. A round names what it rests on before it reads it, so that no change between
/// reading and waiting is lost; at its end only what it still waits for stays. Thread-safe.
class Waiters {
 public:
  /// From now on the request hears of it.
  void watch(const kube::ObjectKey& request, const Interest& what);

  /// The round has ended: exactly these stay.
  void keep(const kube::ObjectKey& request, Interests whats);

  /// The request is gone or has ended.
  void forget(const kube::ObjectKey& request) { keep(request, {}); }

  [[nodiscard]] std::vector<kube::ObjectKey> of(const Interest& what) const;

 private:
  mutable Mutex mutex_;
  std::map<Interest, std::set<kube::ObjectKey>> by_interest_ SK_GUARDED_BY(mutex_);
  std::map<kube::ObjectKey, Interests> by_request_ SK_GUARDED_BY(mutex_);
};

/// Our own writes come back as watch events, which tell nothing new. Remembers the latest
/// resourceVersions that writes of requests were answered with. Thread-safe.
class Echoes {
 public:
  void expect(const std::string& resource_version);

  /// Whether this version is one of ours; forgets it.
  bool take(const std::string& resource_version);

 private:
  mutable Mutex mutex_;
  std::set<std::string> expected_ SK_GUARDED_BY(mutex_);
};

/// Puts keys on the work queue: the one way in which anything wakes anything. Thread-safe if
/// `enqueue` is.
class Waker {
 public:
  using Enqueue = std::function<void(const runtime::Key& key, runtime::Priority priority)>;

  explicit Waker(Enqueue enqueue) : enqueue_(std::move(enqueue)) {}

  void wake(const char* kind, const std::string& ns, const std::string& name,
            runtime::Priority priority = runtime::Priority::kLive);

  /// Every request that waits for it.
  void changed(const Interest& what, runtime::Priority priority = runtime::Priority::kLive);

  /// A record was written that may end what other requests of the model wait for.
  void progressed(const std::string& ns, const std::string& model) {
    changed({.kind = kProgressInterest, .ns = ns, .name = model});
  }

  [[nodiscard]] Waiters& waiters() { return waiters_; }

  [[nodiscard]] Echoes& echoes() { return echoes_; }

 private:
  const Enqueue enqueue_;
  Waiters waiters_;
  Echoes echoes_;
};

}  // namespace stagekeeper
