#pragma once

#include "tests/explorer/scene.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <new>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace stagekeeper::explorer {

/// A value in memory that this process shares with its forks.
template <typename T>
class Shared {
 public:
  Shared()
      : memory_(
            mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        value_(new(memory_) T) {}

  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  Shared(Shared&&) = delete;
  Shared& operator=(Shared&&) = delete;

  ~Shared() { munmap(memory_, sizeof(T)); }

  T* operator->() { return value_; }

  T& operator*() { return *value_; }

 private:
  void* memory_;
  T* value_;
};

/// A text of bounded length in shared memory.
template <std::size_t N>
class SharedText {
 public:
  void set(const std::string& text) { std::snprintf(bytes_.data(), N, "%s", text.c_str()); }

  [[nodiscard]] std::string get() const { return bytes_.data(); }

 private:
  std::array<char, N> bytes_;
};

/// Runs something in a copy of this process and waits for it. False: it ended by a signal or an
/// error.
inline bool in_a_fork(const std::function<void()>& work) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    work();
    std::fflush(nullptr);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace stagekeeper::explorer
