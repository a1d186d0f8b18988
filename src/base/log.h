#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace stagekeeper {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

/// One key and value of a log line. Keys are lowerCamel and stable: `controller`, `object`,
/// `round`, `reason`, `diff`, `err`.
using LogField = std::pair<std::string_view, std::string>;

/// Writes one JSON line to standard error: time, level, event, then the fields in order. Values are
/// escaped and cut at 2,000 bytes, so that no name can forge a line. Thread-safe. Only shells log;
/// pure code returns reasons.
void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

/// Lines below this level are dropped. Default: Info.
void set_log_level(LogLevel level);

}  // namespace stagekeeper
