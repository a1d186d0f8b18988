#include "runtime/queue_core.h"

#include <algorithm>
#include <utility>

namespace stagekeeper::runtime {
namespace {

constexpr std::chrono::milliseconds kMaxRetryAfter = std::chrono::minutes(5);
constexpr std::chrono::milliseconds kMaxAddDelay = std::chrono::seconds(1);
constexpr double kFullJitter = 0.0;
constexpr double kEqualJitter = 0.5;

}  // namespace

std::string Key::str() const {
  std::string out = kind + '/';
  if (!ns.empty()) out += ns + '/';
  return out + name;
}

QueueCore::QueueCore(QueueOptions options, Random random)
    : options_(options), random_(std::move(random)) {}

void QueueCore::add(const Key& key, Priority priority, SteadyTime now) {
  add_at(key, priority, now, now);
}

void QueueCore::add_at(const Key& key, Priority priority, SteadyTime due, SteadyTime now) {
  const auto it = keys_.try_emplace(key).first;
  State& state = it->second;
  const bool wanted = state.due.has_value();
  const bool raised = wanted && !state.running && priority > state.priority && state.ticket != 0;
  if (raised) displace(it);
  if (!wanted && !state.running) state.priority = priority;
  state.priority = std::max(state.priority, priority);
  if (raised) {
    ready(state.priority).emplace(state.ticket = ++tickets_, it);
    return;
  }
  want(it, due, now);
}

void QueueCore::want(Keys::iterator it, SteadyTime due, SteadyTime now) {
  State& state = it->second;
  due = std::max(due, state.not_before);
  if (state.due && *state.due <= due) return;
  if (!state.running) displace(it);
  state.due = due;
  if (!state.running) place(it, due, now);
}

/// Puts a key that is wanted at `due` among the ready or the delayed ones.
void QueueCore::place(Keys::iterator it, SteadyTime due, SteadyTime now) {
  State& state = it->second;
  if (due > now) {
    delayed_.emplace(due, it);
    return;
  }
  state.ready_since = due;
  state.ticket = ++tickets_;
  ready(state.priority).emplace(state.ticket, it);
}

/// Takes a key from where place() put it.
void QueueCore::displace(Keys::iterator it) {
  State& state = it->second;
  if (state.ticket != 0) {
    ready(state.priority).erase(std::exchange(state.ticket, 0));
  } else if (state.due) {
    const auto [from, to] = delayed_.equal_range(*state.due);
    delayed_.erase(std::find_if(from, to, [&](const auto& entry) { return entry.second == it; }));
  }
}

/// Moves delayed keys whose time has come to the ready ones, in order of their time.
void QueueCore::ripen(SteadyTime now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const auto [due, it] = *delayed_.begin();
    delayed_.erase(delayed_.begin());
    place(it, due, now);
  }
}

QueueCore::Ready* QueueCore::pick(SteadyTime now) {
  if (live_.empty()) return initial_.empty() ? nullptr : &initial_;
  if (initial_.empty()) return &live_;
  const bool aged = now - initial_.begin()->second->second.ready_since >= options_.ageing &&
                    live_in_a_row_ >= options_.live_per_aged;
  return aged ? &initial_ : &live_;
}

std::optional<QueueCore::Taken> QueueCore::take(SteadyTime now) {
  ripen(now);
  Ready* from = pick(now);
  if (from == nullptr) return std::nullopt;
  live_in_a_row_ = from == &live_ ? live_in_a_row_ + 1 : 0;
  const auto it = from->begin()->second;
  from->erase(from->begin());
  State& state = it->second;
  state.ticket = 0;
  state.due.reset();
  state.running = true;
  ++running_;
  return Taken{it->first, state.priority, state.ready_since};
}

void QueueCore::finish(const Key& key, std::optional<SteadyTime> again_at, SteadyTime now) {
  const auto it = keys_.find(key);
  if (it == keys_.end() || !it->second.running) return;
  it->second.failures = 0;
  it->second.not_before = SteadyTime::min();
  if (again_at) want(it, *again_at, now);
  end_run(it, now);
}

std::chrono::milliseconds QueueCore::finish_failed(const Key& key, const Failure& failure,
                                                   SteadyTime now) {
  const auto it = keys_.find(key);
  if (it == keys_.end() || !it->second.running) return std::chrono::milliseconds(0);
  State& state = it->second;
  ++state.failures;
  const bool slow = failure.pace == Failure::Pace::kSlow;
  auto wait = jittered(backoff_ceiling(slow ? options_.slow : options_.fast, state.failures),
                       slow ? kEqualJitter : kFullJitter, random_());
  if (failure.retry_after) {
    const auto asked = std::min(*failure.retry_after, kMaxRetryAfter);
    wait = std::max(wait, asked + jittered(asked / 10, kFullJitter, random_()));
    state.not_before = now + asked;
  } else {
    state.not_before = now + std::min(wait, kMaxAddDelay);
  }
  // An add that came during the run waits for not_before like any later one.
  if (state.due) state.due = std::max(*state.due, state.not_before);
  want(it, now + wait, now);
  end_run(it, now);
  return wait;
}

void QueueCore::end_run(Keys::iterator it, SteadyTime now) {
  State& state = it->second;
  state.running = false;
  --running_;
  if (state.due) {
    place(it, *state.due, now);
  } else if (state.failures == 0) {
    keys_.erase(it);
  }
}

std::optional<SteadyTime> QueueCore::next_due() const {
  if (delayed_.empty()) return std::nullopt;
  return delayed_.begin()->first;
}

std::size_t QueueCore::depth() const {
  return live_.size() + initial_.size();
}

unsigned QueueCore::failures(const Key& key) const {
  const auto it = keys_.find(key);
  return it == keys_.end() ? 0 : it->second.failures;
}

}  // namespace stagekeeper::runtime
