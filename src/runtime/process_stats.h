#pragma once

#include <string>

namespace stagekeeper::runtime {

/// process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds and process_threads
/// of this process in Prometheus' text format; what /proc does not tell is left out.
std::string process_stats_text();

}  // namespace stagekeeper::runtime
