#include "runtime/leader.h"

#include "base/log.h"

#include <algorithm>
#include <utility>

namespace stagekeeper::runtime {
namespace {

const kube::ResourceType& lease_type() {
  static const kube::ResourceType kType{"coordination.k8s.io", "v1", "leases", "Lease", true};
  return kType;
}

}  // namespace

LeaderElector::LeaderElector(LeaseOptions options, Ports ports, std::function<void()> on_lost)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      on_lost_(std::move(on_lost)),
      machine_(options_) {}

LeaderElector::~LeaderElector() {
  join();
}

void LeaderElector::join() {
  renew_thread_.request_stop();
  guard_thread_.request_stop();
  if (renew_thread_.joinable()) renew_thread_.join();
  if (guard_thread_.joinable()) guard_thread_.join();
}

void LeaderElector::start() {
  ports_.metrics.leading(options_.name, false);
  guard_thread_ = std::jthread([this](const std::stop_token& stop) { guard(stop); });
  renew_thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

bool LeaderElector::wait_until_leading(const std::stop_token& stop) {
  const MutexLock lock(mutex_);
  return changed_.wait(mutex_, stop, [this]() SK_REQUIRES(mutex_) { return has_led_; });
}

bool LeaderElector::holds() const {
  const MutexLock lock(mutex_);
  return !lost_ && machine_.holds(ports_.steady());
}

void LeaderElector::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Status outcome = try_once();
    auto wait = options_.retry;
    {
      const MutexLock lock(mutex_);
      if (lost_) return;
      last_error_ = outcome ? "" : outcome.error().message;
      // Jitter only delays candidates: a leader keeps its rhythm.
      if (!machine_.holds(ports_.steady())) wait += jittered(wait / 5, 0.0, ports_.random());
      changed_.wait_for(mutex_, stop, wait, [this]() SK_REQUIRES(mutex_) { return lost_; });
    }
  }
}

/// Reads the lease and writes it when it is our turn. Conflict: another was faster.
Status LeaderElector::try_once() {
  std::optional<LeaseView> seen;
  auto body = ports_.api.call(kube::get_request(lease_type(), {options_.ns, options_.name}));
  if (body) {
    auto lease = parse_lease(*body);
    if (!lease) return fail(std::move(lease).error(), "leader election");
    seen = *std::move(lease);
  } else if (body.error().code != ErrorCode::kNotFound) {
    return fail(std::move(body).error(), "leader election");
  }
  std::optional<LeaseWrite> next;
  bool taken_away = false;
  {
    const MutexLock lock(mutex_);
    const bool led = machine_.deadline().has_value();
    next = machine_.observe(seen, ports_.steady(), ports_.clock.now());
    taken_away = led && !machine_.deadline();
  }
  if (taken_away) {
    lose(seen ? "another holds the lease: " + seen->holder : "the lease was deleted");
    return {};
  }
  return next ? write(*next) : Status();
}

Status LeaderElector::write(const LeaseWrite& write) {
  const SteadyTime sent_at = ports_.steady();
  const std::string body = lease_body(options_, write);
  const auto request =
      write.resource_version.empty()
          ? kube::create_request(lease_type(), options_.ns, body)
          : kube::merge_patch_request(lease_type(), {options_.ns, options_.name}, "", body);
  const auto answer = ports_.api.call(request);
  if (!answer) return fail(answer.error(), "leader election");
  const auto lease = parse_lease(*answer);
  if (!lease) return fail(lease.error(), "leader election");
  bool began = false;
  {
    const MutexLock lock(mutex_);
    if (lost_) return {};
    machine_.written(*lease, sent_at);
    began = !has_led_ && machine_.holds(ports_.steady());
    has_led_ = has_led_ || began;
  }
  changed_.notify_all();
  if (began) {
    ports_.metrics.leading(options_.name, true);
    log(LogLevel::kInfo, "leading",
        {{"object", options_.ns + "/" + options_.name}, {"identity", options_.identity}});
  }
  return {};
}

void LeaderElector::guard(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const MutexLock lock(mutex_);
    if (lost_) return;
    const auto deadline = machine_.deadline();
    if (!deadline) {
      changed_.wait(mutex_, stop, [this]() SK_REQUIRES(mutex_) {
        return lost_ || machine_.deadline().has_value();
      });
      continue;
    }
    const SteadyTime now = ports_.steady();
    if (now >= *deadline) break;
    changed_.wait_for(mutex_, stop, *deadline - now,
                      [this]() SK_REQUIRES(mutex_) { return lost_; });
  }
  if (!stop.stop_requested()) lose("not renewed within the renew deadline");
}

void LeaderElector::lose(std::string_view why) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(lost_, true)) return;
  }
  changed_.notify_all();
  ports_.metrics.leading(options_.name, false);
  log(LogLevel::kError, "leadership lost",
      {{"object", options_.ns + "/" + options_.name}, {"reason", std::string(why)}});
  on_lost_();
}

void LeaderElector::release() {
  join();
  std::optional<LeaseWrite> last;
  {
    const MutexLock lock(mutex_);
    if (lost_) return;
    last = machine_.release(ports_.clock.now());
    lost_ = true;  // holds() stays false from here on
  }
  ports_.metrics.leading(options_.name, false);
  if (!last) return;
  const auto answer = ports_.api.call(kube::merge_patch_request(
      lease_type(), {options_.ns, options_.name}, "", lease_body(options_, *last)));
  log(LogLevel::kInfo, "lease released",
      {{"object", options_.ns + "/" + options_.name},
       {"err", answer ? "" : answer.error().message}});
}

CheckResult LeaderElector::check() const {
  const MutexLock lock(mutex_);
  if (!lost_ && machine_.holds(ports_.steady())) return {true, "leading"};
  if (lost_) return {false, "leadership lost"};
  if (!last_error_.empty()) return {false, last_error_};
  if (machine_.holder().empty()) return {false, "led by nobody yet"};
  // A standby is ready: a rolling update waits for it before it ends the leader.
  return {true, "standing by, led by " + machine_.holder()};
}

}  // namespace stagekeeper::runtime
