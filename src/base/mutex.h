#pragma once

#include <condition_variable>
#include <mutex>

// Clang's thread-safety attributes (checked by `make thread-safety`); nothing under GCC.
#if defined(__clang__)
#define SK_ATTRIBUTE(x) __attribute__((x))
#else
#define SK_ATTRIBUTE(x)
#endif
#define SK_GUARDED_BY(x) SK_ATTRIBUTE(guarded_by(x))
#define SK_REQUIRES(...) SK_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define SK_EXCLUDES(...) SK_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace stagekeeper {

/// std::mutex that the thread-safety analysis understands. Usable with std::condition_variable_any.
class SK_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() SK_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }

  void unlock() SK_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope.
class SK_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SK_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }

  ~MutexLock() SK_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  MutexLock(MutexLock&&) = delete;
  MutexLock& operator=(MutexLock&&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace stagekeeper
