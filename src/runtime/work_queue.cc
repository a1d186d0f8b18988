#include "runtime/work_queue.h"

#include <utility>

namespace stagekeeper::runtime {

WorkQueue::WorkQueue(std::string name, QueueOptions options, Metrics& metrics, SteadyClock clock,
                     Random random)
    : name_(std::move(name)),
      metrics_(metrics.queue(name_)),
      clock_(std::move(clock)),
      core_(options, std::move(random)) {}

void WorkQueue::add(const Key& key, Priority priority) {
  add_after(key, std::chrono::milliseconds(0), priority);
}

void WorkQueue::add_after(const Key& key, std::chrono::milliseconds delay, Priority priority) {
  metrics_.added();
  {
    const MutexLock lock(mutex_);
    if (closed_) return;
    const SteadyTime now = clock_();
    core_.add_at(key, priority, now + delay, now);
    metrics_.depth(core_.depth());
  }
  changed_.notify_one();
}

std::optional<WorkQueue::Taken> WorkQueue::get(const std::stop_token& stop) {
  // A stop request must wake the wait below even though it comes without the lock.
  const std::stop_callback wake(stop, [this] {
    const MutexLock lock(mutex_);
    changed_.notify_all();
  });
  const MutexLock lock(mutex_);
  while (!closed_ && !stop.stop_requested()) {
    const SteadyTime now = clock_();
    if (auto taken = core_.take(now)) {
      metrics_.depth(core_.depth());
      metrics_.waited(now - taken->ready_since);
      return Taken{std::move(taken->key), now};
    }
    if (const auto due = core_.next_due()) {
      changed_.wait_for(mutex_, *due - now);
    } else {
      changed_.wait(mutex_);
    }
  }
  return std::nullopt;
}

void WorkQueue::finish(const Taken& taken, std::optional<std::chrono::milliseconds> after) {
  {
    const MutexLock lock(mutex_);
    const SteadyTime now = clock_();
    metrics_.worked(now - taken.taken_at);
    core_.finish(taken.key, after ? std::optional(now + *after) : std::nullopt, now);
    metrics_.depth(core_.depth());
  }
  // The caller comes back for one key itself; another worker may see to a second one.
  changed_.notify_one();
  idle_.notify_all();
}

std::chrono::milliseconds WorkQueue::finish_failed(const Taken& taken, const Failure& failure) {
  std::chrono::milliseconds wait{};
  {
    const MutexLock lock(mutex_);
    const SteadyTime now = clock_();
    metrics_.worked(now - taken.taken_at);
    metrics_.retried();
    wait = core_.finish_failed(taken.key, failure, now);
    metrics_.depth(core_.depth());
  }
  changed_.notify_one();
  idle_.notify_all();
  return wait;
}

void WorkQueue::shut_down() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool WorkQueue::wait_idle(std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  const MutexLock lock(mutex_);
  while (core_.running() > 0) {
    if (idle_.wait_until(mutex_, end) == std::cv_status::timeout && core_.running() > 0) {
      return false;
    }
  }
  return true;
}

std::size_t WorkQueue::depth() const {
  const MutexLock lock(mutex_);
  return core_.depth();
}

unsigned WorkQueue::failures(const Key& key) const {
  const MutexLock lock(mutex_);
  return core_.failures(key);
}

}  // namespace stagekeeper::runtime
