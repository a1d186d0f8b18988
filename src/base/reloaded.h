#pragma once

#include "base/files.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stagekeeper {

/// A value made of files that somebody else replaces while the process runs (a mounted Secret, a
/// rotated authority). The files are read again when the value is asked for, at most once an
/// interval. A change counts when two readings in a row agree on it and the value can be made of
/// it; until then, and while the files cannot be read, the old value stays. Thread-safe.
template <typename T>
class Reloaded {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Texts = std::vector<std::string>;

  struct Options {
    std::vector<std::string> paths;
    std::size_t max_bytes = std::size_t{1} << 20U;  ///< of each file
    std::chrono::milliseconds interval = std::chrono::seconds(3);
    std::function<Time()> now = [] { return std::chrono::steady_clock::now(); };
  };

  /// Makes the value of the files' texts, in the order of the paths. Its errors must not quote
  /// them.
  using Make = std::function<Result<T>(const Texts& texts)>;

  Reloaded(Options options, Make make) : options_(std::move(options)), make_(std::move(make)) {}

  /// The value now. Errors: those of read_file and of `make`, and only before the first success.
  Result<std::shared_ptr<const T>> get() SK_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const Time now = options_.now();
    if (value_ && now - read_at_ < options_.interval) return value_;
    read_at_ = now;
    Result<Texts> texts = read();
    Status renewed = texts ? take(std::move(*texts)) : Status(tl::unexpected(texts.error()));
    if (!renewed && !value_) return tl::unexpected(renewed.error());
    report(renewed);
    return value_;
  }

 private:
  [[nodiscard]] Result<Texts> read() const {
    Texts out;
    for (const std::string& path : options_.paths) {
      Result<std::string> text = read_file(path, options_.max_bytes);
      if (!text) return tl::unexpected(text.error());
      out.push_back(std::move(*text));
    }
    return out;
  }

  Status take(Texts texts) SK_REQUIRES(mutex_) {
    if (value_ && texts == texts_) {
      seen_.reset();
      return {};
    }
    // A first sight may be half a file, or one of two files that belong together.
    if (value_ && seen_ != texts) {
      seen_ = std::move(texts);
      return {};
    }
    Result<T> made = make_(texts);
    if (!made) return tl::unexpected(made.error());
    if (value_) log(LogLevel::kInfo, "files reloaded", {{"object", options_.paths.front()}});
    value_ = std::make_shared<const T>(std::move(*made));
    texts_ = std::move(texts);
    seen_.reset();
    return {};
  }

  /// Logs when it begins to fail, and not each time.
  void report(const Status& renewed) SK_REQUIRES(mutex_) {
    if (!renewed && !failing_) {
      log(LogLevel::kWarn, "files cannot be reloaded; the last good ones stay in use",
          {{"object", options_.paths.front()}, {"err", renewed.error().message}});
    }
    failing_ = !renewed;
  }

  const Options options_;
  const Make make_;
  Mutex mutex_;
  std::shared_ptr<const T> value_ SK_GUARDED_BY(mutex_);
  Texts texts_ SK_GUARDED_BY(mutex_);
  std::optional<Texts> seen_ SK_GUARDED_BY(mutex_);  ///< new texts, read once so far
  Time read_at_ SK_GUARDED_BY(mutex_) = {};
  bool failing_ SK_GUARDED_BY(mutex_) = false;
};

}  // namespace stagekeeper
