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
  // Detached on purpose: whoever hangs must not be able to keep the process alive.
  std::thread([grace, code] {
    std::this_thread::sleep_for(grace);
    log(LogLevel::kError, "grace period over, ending hard");
    _exit(code == 0 ? 1 : code);
  }).detach();
  source_.request_stop();
  return code;
}

void Shutdown::request(int exit_code, std::string_view why) {
  int none = 0;
  if (exit_code != 0) exit_code_.compare_exchange_strong(none, exit_code);
  log(exit_code == 0 ? LogLevel::kInfo : LogLevel::kError, "stop requested",
      {{"reason", std::string(why)}, {"exitCode", std::to_string(exit_code)}});
  // To the process, not to this thread: all threads block it, so that sigwait above takes it.
  kill(getpid(), SIGTERM);
}

}  // namespace stagekeeper::runtime
