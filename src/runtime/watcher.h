#pragma once

#include "kube/api.h"
#include "kube/object_head.h"
#include "runtime/health.h"
#include "runtime/metrics.h"
#include "runtime/watch_machine.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace stagekeeper::runtime {

/// Port: takes what a watcher sees of one kind. Called by one thread at a time.
class ObjectSink {
 public:
  ObjectSink() = default;
  ObjectSink(const ObjectSink&) = delete;
  ObjectSink& operator=(const ObjectSink&) = delete;
  ObjectSink(ObjectSink&&) = delete;
  ObjectSink& operator=(ObjectSink&&) = delete;
  virtual ~ObjectSink() = default;

  /// A list begins (again): what it does not hold is gone when end_list() comes.
  virtual void begin_list() = 0;
  virtual void end_list() = 0;

  /// The object exists in this version. `raw` is valid during the call only. An exception is a bug
  /// of the sink: it is logged, and the object or event is delivered again after a wait.
  virtual void apply(const kube::ObjectHead& head, std::string_view raw, bool from_list) = 0;
  virtual void remove(const kube::ObjectKey& key) = 0;

  /// Whether a whole list has been taken in, and how many objects are held.
  [[nodiscard]] virtual CheckResult synced() const = 0;
};

/// What to follow.
struct WatchTarget {
  kube::ResourceType type;
  std::string ns = {};  ///< empty: all namespaces
  kube::Selection selection = {};
  WatchOptions options = {};
};

/// Follows one kind in a thread of its own: list, watch, resume, list again, for ever (see
/// WatchMachine). Nothing that the API server does ends it; only stop() does.
class Watcher {
 public:
  /// All references must outlive the watcher. `api` needs an idle timeout above 60 s on watches.
  Watcher(WatchTarget target, kube::Api& api, ObjectSink& sink, Metrics& metrics,
          Random random = system_random());
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  Watcher(Watcher&&) = delete;
  Watcher& operator=(Watcher&&) = delete;

  /// Stops and joins.
  ~Watcher() = default;

  void start();

  /// Asks the thread to end: a wait or a watch ends within milliseconds, a list call under way by
  /// its timeout. Does not block.
  void request_stop() { thread_.request_stop(); }

  /// Live while the thread runs and has moved within 15 minutes (a watch is renewed every ten).
  [[nodiscard]] CheckResult check_live() const;

  /// Ready once a whole list has been taken in; says what is in the way.
  [[nodiscard]] CheckResult check_synced() const;

  [[nodiscard]] const std::string& kind() const { return target_.type.kind; }

 private:
  void run(const std::stop_token& stop);
  WatchStep carry_out(const WatchStep& step, const std::stop_token& stop);
  WatchStep list(const ListPage& step);
  WatchStep watch(const StartWatch& step, const std::stop_token& stop);
  WatchStep pause(const Pause& step, const std::stop_token& stop);
  WatchStep take_page(std::string& body);
  void note_list_failure(const ListPage& step, const Error& error);
  bool take_line(std::string_view line);
  bool deliver(const kube::ObjectHead& head, EventAction action, std::string_view raw);
  bool obey(EventAction action, const kube::WatchEvent& event);
  void note_error(const std::string& message);
  void touch();

  const WatchTarget target_;
  kube::Api& api_;
  ObjectSink& sink_;
  Metrics& metrics_;
  WatchMachine machine_;
  kube::WatchEventDecoder events_;
  kube::ObjectHeadDecoder heads_;
  std::string last_;          ///< the object that the last page ended with
  bool sink_failed_ = false;  ///< by an exception, on the stream under way
  std::atomic<bool> alive_{false};
  std::atomic<std::chrono::steady_clock::rep> touched_{0};
  mutable Mutex mutex_;
  std::condition_variable_any wake_;
  std::string last_error_ SK_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace stagekeeper::runtime
