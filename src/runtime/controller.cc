#include "runtime/controller.h"

#include "base/log.h"

#include <algorithm>
#include <exception>
#include <fmt/format.h>

namespace stagekeeper::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMinDelay{10};
constexpr std::chrono::seconds kMaxDelay = std::chrono::minutes(10);

std::string millis(Seconds time) {
  return fmt::format("{:.1f}", time.count() * 1000);
}

std::string object_of(const Key& key) {
  return key.str();
}

}  // namespace

std::optional<milliseconds> Next::delay(TimePoint now) const {
  if (const auto* time = std::get_if<TimePoint>(&when_)) {
    if (*time <= now) return kMinDelay;
    // Compared in seconds: a far moment would overflow milliseconds.
    if (*time - now >= kMaxDelay) return kMaxDelay;
    return milliseconds(*time - now);
  }
  if (const auto* wait = std::get_if<milliseconds>(&when_)) {
    return std::clamp<milliseconds>(*wait, kMinDelay, kMaxDelay);
  }
  return std::nullopt;
}

std::optional<Failure> failure_of(const Error& error) {
  if (error.code == ErrorCode::kCancelled) return std::nullopt;
  return Failure{is_transient(error) ? Failure::Pace::kFast : Failure::Pace::kSlow,
                 error.retry_after};
}

Controller::Controller(ControllerOptions options, WorkQueue& queue, Reconciler& reconciler,
                       const Clock& clock, Metrics& metrics)
    : options_(std::move(options)),
      queue_(queue),
      reconciler_(reconciler),
      clock_(clock),
      metrics_(metrics) {}

Controller::~Controller() {
  queue_.shut_down();
  workers_.clear();
}

void Controller::start() {
  for (unsigned i = 0; i < options_.workers; ++i) {
    Worker& worker = *workers_.emplace_back(std::make_unique<Worker>());
    worker.alive = true;
    worker.thread =
        std::jthread([this, &worker](const std::stop_token& stop) { run(worker, stop); });
  }
}

bool Controller::stop(milliseconds limit) {
  queue_.shut_down();
  for (const auto& worker : workers_)
    worker->thread.request_stop();
  if (!queue_.wait_idle(limit)) return false;
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
  return true;
}

void Controller::run(Worker& worker, const std::stop_token& stop) {
  while (auto taken = queue_.get(stop)) {
    {
      const MutexLock lock(worker.mutex);
      worker.current = taken;
    }
    run_round(*taken);
    const MutexLock lock(worker.mutex);
    worker.current.reset();
  }
  worker.alive = false;
}

void Controller::run_round(const WorkQueue::Taken& taken) {
  bool panicked = false;
  const auto start = std::chrono::steady_clock::now();
  const Result<Next> outcome = guarded_reconcile(taken.key, panicked);
  count_panics(taken.key, panicked, outcome);
  settle(taken, outcome, panicked, std::chrono::steady_clock::now() - start);
}

Result<Next> Controller::guarded_reconcile(const Key& key, bool& panicked) {
  try {
    return reconciler_.reconcile(key);
  } catch (const std::exception& bug) {
    panicked = true;
    return fail(ErrorCode::kCorrupt, fmt::format("bug: exception escaped: {}", bug.what()));
  } catch (...) {
    panicked = true;
    return fail(ErrorCode::kCorrupt, "bug: exception of unknown type escaped");
  }
}

void Controller::count_panics(const Key& key, bool panicked, const Result<Next>& outcome) {
  int row = 0;
  {
    const MutexLock lock(panics_mutex_);
    if (!panicked) {
      panics_.erase(key);
      return;
    }
    row = ++panics_[key];
  }
  if (row != options_.panics_until_broken) return;
  try {
    reconciler_.broken(key, outcome.error().message);
  } catch (const std::exception& bug) {
    log(LogLevel::kError, "cannot show a bug", {{"object", object_of(key)}, {"err", bug.what()}});
  }
}

void Controller::settle(const WorkQueue::Taken& taken, const Result<Next>& outcome, bool panicked,
                        Seconds took) {
  const std::string round = std::to_string(++rounds_);
  if (outcome) {
    const auto delay = outcome->delay(clock_.now());
    queue_.finish(taken, delay);
    metrics_.reconciled(options_.name, delay ? "requeue_after" : "success", took);
    log(outcome->diff().empty() ? LogLevel::kDebug : LogLevel::kInfo, "reconciled",
        {{"controller", options_.name},
         {"object", object_of(taken.key)},
         {"round", round},
         {"reason", outcome->reason()},
         {"diff", outcome->diff()},
         {"tookMs", millis(took)},
         {"againMs", delay ? std::to_string(delay->count()) : ""}});
    return;
  }
  const auto failure = failure_of(outcome.error());
  if (!failure) {
    queue_.finish(taken, std::nullopt);
    metrics_.reconciled(options_.name, "cancelled", took);
    return;
  }
  const auto wait = queue_.finish_failed(taken, *failure);
  const bool slow = failure->pace == Failure::Pace::kSlow;
  metrics_.reconciled(options_.name, panicked ? "panic" : slow ? "terminal_error" : "error", took);
  log(panicked ? LogLevel::kError : LogLevel::kWarn, "reconcile failed",
      {{"controller", options_.name},
       {"object", object_of(taken.key)},
       {"round", round},
       {"reason", std::string(panicked ? "InternalError" : name(outcome.error().code))},
       {"err", outcome.error().message},
       {"tookMs", millis(took)},
       {"againMs", std::to_string(wait.count())}});
}

CheckResult Controller::check() const {
  const auto now = std::chrono::steady_clock::now();
  for (const auto& worker : workers_) {
    if (!worker->alive) return {false, "a worker of " + options_.name + " has ended"};
    const MutexLock lock(worker->mutex);
    const std::optional<WorkQueue::Taken> current = worker->current;
    if (!current || now - current->taken_at <= options_.stuck_after) continue;
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(now - current->taken_at);
    return {false, fmt::format("{} has been on {} for {} s", options_.name, current->key.str(),
                               since.count())};
  }
  return {true, fmt::format("{} workers", workers_.size())};
}

}  // namespace stagekeeper::runtime
