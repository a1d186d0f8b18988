#pragma once

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/mutex.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <optional>
#include <string>

namespace stagekeeper::aws {

/// When temporary credentials are asked for anew.
struct RefreshOptions {
  std::string what;  ///< for messages: "web identity"
  /// How long before their end: drawn between the two for each, so that many operators do not ask
  /// at once; never more than a third of their life.
  std::chrono::seconds earliest = std::chrono::minutes(10);
  std::chrono::seconds latest = std::chrono::minutes(5);
  std::chrono::seconds unknown_life = std::chrono::hours(1);  ///< of those without an end
  /// After a failure: doubled each time, up to the second.
  std::chrono::seconds retry_first{1};
  std::chrono::seconds retry_last = std::chrono::minutes(1);
  std::function<double()> random = {};  ///< in [0, 1]; the kernel's numbers when not set
};

/// Temporary credentials, kept and asked for again ahead of their end.
///
/// Guarantees: one thread at a time asks, and the others go on with what there is; they wait for it
/// only when there is nothing. The last good credentials stay in use until they really end, however
/// often asking fails. Failures are spaced; in between, the last error is the answer. No thread of
/// its own: whoever needs credentials asks for them.
///
/// Thread-safe; the clock outlives it.
class RefreshingSource final : public CredentialSource {
 public:
  /// One attempt to get credentials, bounded in time by its client. Never called concurrently.
  using Fetch = std::function<Result<Credentials>()>;

  RefreshingSource(Fetch fetch, RefreshOptions options, const Clock& clock);

  /// Errors: those of `fetch`, and Unavailable when what it brought had ended already.
  Result<Credentials> get() override { return take(nullptr); }

  Result<Credentials> renew(const Credentials& refused) override { return take(&refused); }

 private:
  Result<Credentials> take(const Credentials* refused);

  /// The answer for this caller, or nothing when he is the one to fetch.
  std::optional<Result<Credentials>> answer(const Credentials* refused) SK_EXCLUDES(mutex_);

  /// The answer for the one who has fetched.
  Result<Credentials> settle(Result<Credentials> fetched) SK_EXCLUDES(mutex_);
  void succeeded(Credentials fetched, TimePoint now) SK_REQUIRES(mutex_);
  void failed(Error error, TimePoint now) SK_REQUIRES(mutex_);

  /// The current ones until they end, then null.
  [[nodiscard]] const Credentials* good(TimePoint now) const SK_REQUIRES(mutex_);

  const Fetch fetch_;
  const RefreshOptions options_;
  const Clock& clock_;
  Mutex mutex_;
  std::condition_variable_any settled_;
  std::optional<Credentials> current_ SK_GUARDED_BY(mutex_);
  TimePoint renew_at_ SK_GUARDED_BY(mutex_) = {};  ///< of the current ones
  /// Of the last attempt, if that failed.
  Error error_ SK_GUARDED_BY(mutex_) = {ErrorCode::kUnavailable, {}};
  bool busy_ SK_GUARDED_BY(mutex_) = false;
  int failures_ SK_GUARDED_BY(mutex_) = 0;  ///< in a row
  TimePoint tried_at_ SK_GUARDED_BY(mutex_) = TimePoint::min();
  TimePoint next_try_ SK_GUARDED_BY(mutex_) = TimePoint::min();
};

}  // namespace stagekeeper::aws
