#include "runtime/shutdown.h"

#include "base/log.h"

#include <csignal>
#include <pthread.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace stagekeeper::runtime {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

/// Detached on purpose: whoever hangs must not be able to keep the process alive.
void end_hard_after(std::chrono::milliseconds limit, int code) {
  std::thread([limit, code] {
    std::this_thread::sleep_for(limit);
    log(LogLevel::kError, "time to end is over, ending hard", {{"code", std::to_string(code)}});
    _exit(code);
  }).detach();
}

}  // namespace

Shutdown::Shutdown() {
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int Shutdown::wait(std::chrono::milliseconds grace) {
  const sigset_t set = ending_signals();
  int received = 0;
  while (sigwait(&set, &received) != 0) {
  }
  const int code = exit_code_;
  log(LogLevel::kInfo, "stopping",
      {{"reason", received == SIGINT ? "SIGINT" : "SIGTERM"},
       {"graceMs", std::to_string(grace.count())}});
  end_hard_after(grace, code == 0 ? 1 : code);
  source_.request_stop();
  return code;
}

void Shutdown::request(int exit_code, std::string_view why,
                       std::optional<std::chrono::milliseconds> within) {
  if (within) end_hard_after(*within, exit_code == 0 ? 1 : exit_code);
  int none = 0;
  if (exit_code != 0) exit_code_.compare_exchange_strong(none, exit_code);
  log(exit_code == 0 ? LogLevel::kInfo : LogLevel::kError, "stop requested",
      {{"reason", std::string(why)}, {"exitCode", std::to_string(exit_code)}});
  // To the process, not to this thread: all threads block it, so that sigwait above takes it.
  kill(getpid(), SIGTERM);
}

}  // namespace stagekeeper::runtime
