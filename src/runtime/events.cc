#include "runtime/events.h"

#include "base/crypto.h"
#include "base/log.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace stagekeeper::runtime {
namespace {

constexpr std::size_t kSuffixBytes = 8;

const kube::ResourceType& event_type() {
  static const kube::ResourceType kType{"events.k8s.io", "v1", "events", "Event", true};
  return kType;
}

const char* result_name(EventPlan::Kind kind) {
  switch (kind) {
    case EventPlan::Kind::kCreate:
      return "created";
    case EventPlan::Kind::kPatchSeries:
      return "repeated";
    case EventPlan::Kind::kMerge:
      return "merged";
  }
  return "unknown";
}

}  // namespace

EventRecorder::EventRecorder(EventSource source, Ports ports)
    : EventRecorder(std::move(source), std::move(ports), Options{}) {}

EventRecorder::EventRecorder(EventSource source, Ports ports, Options options)
    : source_(std::move(source)), ports_(std::move(ports)), options_(options) {}

EventRecorder::~EventRecorder() {
  stop();
}

void EventRecorder::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EventRecorder::stop() {
  {
    const MutexLock lock(mutex_);
    if (!flush_until_) flush_until_ = std::chrono::steady_clock::now() + options_.flush;
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void EventRecorder::record(EventDraft draft) {
  {
    const MutexLock lock(mutex_);
    if (queue_.size() < options_.max_queued) {
      queue_.push_back(std::move(draft));
      changed_.notify_one();
      return;
    }
  }
  ports_.metrics.event_recorded("dropped");
}

void EventRecorder::run(const std::stop_token& stop) {
  while (true) {
    EventDraft draft;
    bool late = false;
    {
      const MutexLock lock(mutex_);
      changed_.wait(mutex_, stop, [this]() SK_REQUIRES(mutex_) { return !queue_.empty(); });
      if (queue_.empty()) return;  // stopping, and all is written
      draft = std::move(queue_.front());
      queue_.pop_front();
      late = flush_until_ && std::chrono::steady_clock::now() >= *flush_until_;
    }
    if (late) {
      ports_.metrics.event_recorded("dropped");
    } else {
      write(draft, stop);
    }
  }
}

void EventRecorder::write(const EventDraft& draft, const std::stop_token& stop) {
  EventPlan plan = log_.plan(draft, random_hex(kSuffixBytes), ports_.steady());
  Status sent = send(draft, plan);
  if (!sent && sent.error().code == ErrorCode::kNotFound && !stop.stop_requested() &&
      plan.kind == EventPlan::Kind::kPatchSeries) {
    log_.forget(draft);  // the Event has aged out: begin a new one
    plan = log_.plan(draft, random_hex(kSuffixBytes), ports_.steady());
    sent = send(draft, plan);
  }
  if (!sent && is_transient(sent.error()) && !stop.stop_requested()) {
    const auto wait = std::clamp(sent.error().retry_after.value_or(options_.retry_wait),
                                 options_.retry_wait, options_.retry_wait * 10);
    {
      const MutexLock lock(mutex_);
      changed_.wait_for(mutex_, stop, wait, [] { return false; });
    }
    // A call may last as long as its timeout: when ending, the one under way was the last.
    if (!stop.stop_requested()) sent = send(draft, plan);
  }
  if (sent) {
    ports_.metrics.event_recorded(result_name(plan.kind));
    return;
  }
  log_.forget(draft);
  ports_.metrics.event_recorded("failed");
  log(LogLevel::kWarn, "event not written",
      {{"object", draft.regarding.key.str()},
       {"reason", draft.reason},
       {"err", sent.error().message}});
}

Status EventRecorder::send(const EventDraft& draft, const EventPlan& plan) {
  const std::string ns = event_namespace(draft);
  const TimePoint now = ports_.clock.now();
  if (plan.kind == EventPlan::Kind::kMerge) return {};
  const auto answer = plan.kind == EventPlan::Kind::kCreate
                          ? ports_.api.call(kube::create_request(
                                event_type(), ns, event_body(draft, plan, source_, now)))
                          : ports_.api.call(kube::merge_patch_request(
                                event_type(), {ns, plan.name}, "", event_series_body(plan, now)));
  // A create whose answer was lost has been repeated: the name is ours alone.
  if (answer || answer.error().code == ErrorCode::kAlreadyExists) return {};
  return tl::unexpected<Error>(answer.error());
}

}  // namespace stagekeeper::runtime
