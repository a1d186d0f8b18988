#include "operator/controllers/job_memory.h"

namespace stagekeeper {

void JobMemory::made(const std::string& request_uid, const promotion::RememberedJob& attempt) {
  const MutexLock lock(mutex_);
  requests_[request_uid][attempt.name] = {.job = attempt};
}

void JobMemory::seen(const std::string& request_uid, const promotion::RememberedJob& attempt) {
  const MutexLock lock(mutex_);
  auto [found, is_new] = requests_[request_uid].try_emplace(attempt.name, Entry{.job = attempt});
  Entry& entry = found->second;
  if (is_new || entry.job.missed != TimePoint{}) return;
  if (entry.job.uid == attempt.uid) {
    entry.job = attempt;
  } else if (entry.removed) {
    entry = {.job = attempt};
  }
}

void JobMemory::removed(const std::string& request_uid, const std::string& name,
                        const std::string& uid) {
  const MutexLock lock(mutex_);
  Entry& entry = requests_[request_uid][name];
  if (entry.job.uid.empty()) entry.job = {.name = name, .uid = uid};
  if (entry.job.uid == uid) entry.removed = true;
}

std::vector<promotion::RememberedJob> JobMemory::of(const std::string& request_uid) const {
  const MutexLock lock(mutex_);
  std::vector<promotion::RememberedJob> out;
  const auto found = requests_.find(request_uid);
  if (found == requests_.end()) return out;
  for (const auto& [name, entry] : found->second)
    if (!entry.removed) out.push_back(entry.job);
  return out;
}

void JobMemory::missed(const std::string& request_uid, const std::string& name, TimePoint now) {
  const MutexLock lock(mutex_);
  requests_[request_uid][name].job.missed = now;
}

void JobMemory::forget(const std::string& request_uid) {
  const MutexLock lock(mutex_);
  requests_.erase(request_uid);
}

}  // namespace stagekeeper
