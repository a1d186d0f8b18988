#include "runtime/watcher.h"

#include "base/log.h"

#include <exception>
#include <fmt/format.h>
#include <malloc.h>
#include <utility>

namespace stagekeeper::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::minutes kFrozenAfter{15};

milliseconds since(steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

std::string event_name(kube::WatchEventType type) {
  switch (type) {
    case kube::WatchEventType::kAdded:
      return "ADDED";
    case kube::WatchEventType::kModified:
      return "MODIFIED";
    case kube::WatchEventType::kDeleted:
      return "DELETED";
    case kube::WatchEventType::kBookmark:
      return "BOOKMARK";
    case kube::WatchEventType::kError:
      return "ERROR";
  }
  return "UNKNOWN";
}

}  // namespace

Watcher::Watcher(WatchTarget target, kube::Api& api, ObjectSink& sink, Metrics& metrics,
                 Random random)
    : target_(std::move(target)),
      api_(api),
      sink_(sink),
      metrics_(metrics),
      machine_(target_.options, std::move(random)) {}

void Watcher::start() {
  alive_ = true;
  touch();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Watcher::touch() {
  touched_ = steady_clock::now().time_since_epoch().count();
}

void Watcher::note_error(const std::string& message) {
  const MutexLock lock(mutex_);
  last_error_ = message;
}

void Watcher::run(const std::stop_token& stop) {
  WatchStep step = machine_.start();
  while (!stop.stop_requested()) {
    touch();
    step = carry_out(step, stop);
  }
  alive_ = false;
}

WatchStep Watcher::carry_out(const WatchStep& step, const std::stop_token& stop) {
  if (const auto* page = std::get_if<ListPage>(&step)) return list(*page);
  if (const auto* start = std::get_if<StartWatch>(&step)) return watch(*start, stop);
  return pause(std::get<Pause>(step), stop);
}

WatchStep Watcher::list(const ListPage& step) {
  auto body = api_.call(kube::list_request(target_.type, target_.ns, target_.selection, step.limit,
                                           step.continue_token));
  if (!body) {
    note_list_failure(step, body.error());
    return machine_.list_failed(body.error());
  }
  try {
    if (step.continue_token.empty()) sink_.begin_list();
    return take_page(*body);
  } catch (const std::exception& e) {
    const Error bug{ErrorCode::kUnavailable, kind() + " could not be taken in: " + e.what()};
    log(LogLevel::kError, "bug in a watch", {{"kind", kind()}, {"err", e.what()}});
    note_error(bug.message);
    return machine_.list_failed(bug);
  }
}

void Watcher::note_list_failure(const ListPage& step, const Error& error) {
  std::string text = error.message;
  if (error.code == ErrorCode::kTooLarge) {
    if (step.limit == 1)
      text += ", for the single object after " + (last_.empty() ? "none" : last_);
    log(LogLevel::kWarn, "page of a list too large",
        {{"kind", kind()}, {"limit", std::to_string(step.limit)}, {"err", text}});
  }
  note_error(text);
}

WatchStep Watcher::take_page(std::string& body) {
  const auto page = kube::decode_list(body);
  if (!page) {
    note_error(page.error().message);
    return machine_.list_failed(page.error());
  }
  for (const std::string_view raw : page->items) {
    const auto head = heads_.decode(raw);
    if (head) {
      last_ = head->key.str();
      sink_.apply(*head, raw, true);
    } else {
      log(LogLevel::kError, "object without identity ignored",
          {{"kind", kind()}, {"err", head.error().message}});
    }
  }
  WatchStep next = machine_.page(page->resource_version, page->continue_token);
  if (std::holds_alternative<StartWatch>(next)) {
    sink_.end_list();
    last_.clear();
    note_error("");
    body.clear();
    body.shrink_to_fit();
    malloc_trim(0);  // pages are large, and nothing like them comes until the next list
  }
  return next;
}

WatchStep Watcher::watch(const StartWatch& step, const std::stop_token& stop) {
  const auto start = steady_clock::now();
  sink_failed_ = false;
  Status ended = api_.watch(
      kube::watch_request(target_.type, target_.ns, target_.selection, step.resource_version,
                          step.timeout),
      [this](std::string_view line) { return take_line(line); }, stop);
  if (!ended && !stop.stop_requested()) note_error(ended.error().message);
  if (sink_failed_) ended = fail(ErrorCode::kUnavailable, "an event could not be taken in");
  WatchStep next = machine_.stream_ended(ended, since(start));
  if (!stop.stop_requested() && std::holds_alternative<StartWatch>(next)) {
    metrics_.watch_restarted(kind(), "Ended");
  }
  return next;
}

WatchStep Watcher::pause(const Pause& step, const std::stop_token& stop) {
  if (stop.stop_requested()) return step;
  metrics_.watch_restarted(kind(), step.reason);
  const MutexLock lock(mutex_);
  log(LogLevel::kWarn, "watch interrupted",
      {{"kind", kind()},
       {"reason", step.reason},
       {"err", last_error_},
       {"againMs", std::to_string(step.duration.count())}});
  wake_.wait_for(mutex_, stop, step.duration, [] { return false; });
  return machine_.waited();
}

bool Watcher::take_line(std::string_view line) {
  touch();
  const auto event = events_.decode(line);
  if (!event) {
    note_error(event.error().message);
    metrics_.watch_event(kind(), "GARBAGE");
    return machine_.garbage() != EventAction::kStop;
  }
  metrics_.watch_event(kind(), event_name(event->type));
  if (const auto& error = event->error; error) note_error(error->message);
  return obey(machine_.event(*event), *event);
}

/// Ends the stream when the sink throws: the event stays undelivered and comes again.
bool Watcher::deliver(const kube::ObjectHead& head, EventAction action, std::string_view raw) {
  try {
    if (action == EventAction::kApply) {
      sink_.apply(head, raw, false);
    } else {
      sink_.remove(head.key);
    }
  } catch (const std::exception& e) {
    log(LogLevel::kError, "bug in a watch",
        {{"kind", kind()}, {"object", head.key.str()}, {"err", e.what()}});
    note_error(head.key.str() + " could not be taken in: " + e.what());
    sink_failed_ = true;
    return false;
  }
  machine_.delivered();
  return true;
}

bool Watcher::obey(EventAction action, const kube::WatchEvent& event) {
  if (action == EventAction::kStop) return false;
  if (action == EventAction::kNone) return true;
  const auto head = heads_.decode(event.object);
  if (!head) {
    note_error(head.error().message);
    return machine_.garbage() != EventAction::kStop;
  }
  return deliver(*head, action, event.object);
}

CheckResult Watcher::check_live() const {
  if (!alive_) return {false, "the watch of " + kind() + " has ended"};
  const steady_clock::time_point touched{steady_clock::duration(touched_)};
  if (steady_clock::now() - touched > kFrozenAfter) {
    return {false, fmt::format("the watch of {} has not moved for {} s", kind(),
                               since(touched).count() / 1000)};
  }
  return {true, ""};
}

CheckResult Watcher::check_synced() const {
  CheckResult result = sink_.synced();
  if (result.ok) return result;
  const MutexLock lock(mutex_);
  if (!last_error_.empty()) result.detail += ": " + last_error_;
  return result;
}

}  // namespace stagekeeper::runtime
