#include "operator/cluster/waiters.h"

#include "operator/cluster/stores.h"

#include <algorithm>

namespace stagekeeper {
namespace {

/// Echoes that never came back (a watch that broke, a replica that only stood by) are forgotten
/// together beyond this many: the price is a round more.
constexpr std::size_t kMaxEchoes = 4096;

}  // namespace

void Waiters::watch(const kube::ObjectKey& request, const Interest& what) {
  const MutexLock lock(mutex_);
  by_interest_[what].insert(request);
  by_request_[request].insert(what);
}

void Waiters::keep(const kube::ObjectKey& request, Interests whats) {
  const MutexLock lock(mutex_);
  const auto old = by_request_.find(request);
  if (old != by_request_.end()) {
    for (const Interest& what : old->second) {
      if (whats.contains(what)) continue;
      const auto waiting = by_interest_.find(what);
      if (waiting == by_interest_.end()) continue;
      waiting->second.erase(request);
      if (waiting->second.empty()) by_interest_.erase(waiting);
    }
  }
  if (whats.empty()) {
    by_request_.erase(request);
    return;
  }
  for (const Interest& what : whats)
    by_interest_[what].insert(request);
  by_request_[request] = std::move(whats);
}

std::vector<kube::ObjectKey> Waiters::of(const Interest& what) const {
  const MutexLock lock(mutex_);
  const auto found = by_interest_.find(what);
  if (found == by_interest_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

void Echoes::expect(const std::string& resource_version) {
  const MutexLock lock(mutex_);
  if (expected_.size() >= kMaxEchoes) expected_.clear();
  expected_.insert(resource_version);
}

bool Echoes::take(const std::string& resource_version) {
  const MutexLock lock(mutex_);
  return expected_.erase(resource_version) > 0;
}

void Waker::wake(const char* kind, const std::string& ns, const std::string& name,
                 runtime::Priority priority) {
  enqueue_({.kind = kind, .ns = ns, .name = name}, priority);
}

void Waker::changed(const Interest& what, runtime::Priority priority) {
  for (const kube::ObjectKey& request : waiters_.of(what))
    wake(kRequestKey, request.ns, request.name, priority);
}

}  // namespace stagekeeper
