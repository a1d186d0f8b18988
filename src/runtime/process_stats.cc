#include "runtime/process_stats.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <string_view>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace stagekeeper::runtime {
namespace {

std::string sample(std::string_view name, std::string_view type, double value) {
  return fmt::format("# TYPE {0} {1}\n{0} {2}\n", name, type, value);
}

long entries(const char* directory) {
  std::error_code error;
  const std::filesystem::directory_iterator it(directory, error);
  return error ? 0 : static_cast<long>(std::distance(begin(it), end(it)));
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::string process_stats_text() {
  std::string out;
  long total_pages = 0;
  long resident_pages = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> total_pages >> resident_pages) {
    out += sample("process_resident_memory_bytes", "gauge",
                  static_cast<double>(resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    out += sample("process_cpu_seconds_total", "counter",
                  seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  out += sample("process_open_fds", "gauge", static_cast<double>(entries("/proc/self/fd")));
  out += sample("process_threads", "gauge", static_cast<double>(entries("/proc/self/task")));
  return out;
}

}  // namespace stagekeeper::runtime
