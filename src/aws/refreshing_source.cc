#include "aws/refreshing_source.h"

#include "base/crypto.h"
#include "base/log.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <utility>

namespace stagekeeper::aws {
namespace {

/// Between two renewals of credentials that a store refuses: it may refuse the next ones, too.
constexpr std::chrono::seconds kRenewalSpacing{5};

double random_fraction() {
  constexpr int kHex = 16;
  const auto drawn = static_cast<std::uint32_t>(std::stoul(random_hex(4), nullptr, kHex));
  return static_cast<double>(drawn) / std::numeric_limits<std::uint32_t>::max();
}

bool has_ended(const Credentials& credentials, TimePoint now) {
  return credentials.expires_at && *credentials.expires_at <= now;
}

std::string end_of(const Credentials& credentials) {
  return credentials.expires_at ? format_time(*credentials.expires_at) : "no time";
}

Result<Credentials> unless_ended(Credentials credentials, TimePoint now) {
  if (!has_ended(credentials, now)) return credentials;
  return fail(ErrorCode::kUnavailable,
              fmt::format("credentials were given out that ended at {} (compare this machine's "
                          "clock)",
                          end_of(credentials)));
}

}  // namespace

RefreshingSource::RefreshingSource(Fetch fetch, RefreshOptions options, const Clock& clock)
    : fetch_(std::move(fetch)),
      options_([&] {
        if (!options.random) options.random = random_fraction;
        return std::move(options);
      }()),
      clock_(clock) {}

Result<Credentials> RefreshingSource::take(const Credentials* refused) {
  if (std::optional<Result<Credentials>> now = answer(refused)) return *std::move(now);
  return settle(fetch_());
}

std::optional<Result<Credentials>> RefreshingSource::answer(const Credentials* refused) {
  const MutexLock lock(mutex_);
  while (true) {
    const TimePoint now = clock_.now();
    const Credentials* current = good(now);
    // Others mean that somebody else has renewed them since.
    const bool stale = refused != nullptr && current != nullptr && same_keys(*current, *refused);
    if (current != nullptr && !stale && (busy_ || now < renew_at_)) return *current;
    if (busy_) {
      settled_.wait(mutex_);
      continue;
    }
    // A clock that was set back must not hold up the next attempt.
    if (now >= next_try_ || now < tried_at_) break;
    if (current != nullptr) return *current;
    if (failures_ == 0) break;  // they ended sooner than the next attempt was due
    return tl::unexpected(error_);
  }
  busy_ = true;
  return std::nullopt;
}

const Credentials* RefreshingSource::good(TimePoint now) const {
  return current_ && !has_ended(*current_, now) ? &*current_ : nullptr;
}

Result<Credentials> RefreshingSource::settle(Result<Credentials> fetched) {
  const MutexLock lock(mutex_);
  const TimePoint now = clock_.now();
  busy_ = false;
  tried_at_ = now;
  if (fetched) fetched = unless_ended(*std::move(fetched), now);
  if (fetched) {
    succeeded(*std::move(fetched), now);
  } else {
    failed(std::move(fetched.error()), now);
  }
  settled_.notify_all();
  const Credentials* current = good(now);
  if (current == nullptr) return tl::unexpected(error_);
  return *current;
}

void RefreshingSource::succeeded(Credentials fetched, TimePoint now) {
  const auto life = fetched.expires_at ? *fetched.expires_at - now : options_.unknown_life;
  const auto spread = static_cast<double>((options_.earliest - options_.latest).count());
  const std::chrono::seconds drawn(static_cast<std::int64_t>(spread * options_.random()));
  renew_at_ = now + life - std::min<std::chrono::seconds>(options_.latest + drawn, life / 3);
  next_try_ = now + kRenewalSpacing;
  if (failures_ > 0 && current_)
    log(LogLevel::kInfo, "credentials renewed", {{"object", options_.what}});
  current_ = std::move(fetched);
  failures_ = 0;
}

void RefreshingSource::failed(Error error, TimePoint now) {
  std::chrono::seconds wait = options_.retry_first;
  for (int i = 0; i < failures_ && wait < options_.retry_last; ++i)
    wait *= 2;
  next_try_ = now + std::min(wait, options_.retry_last);
  error_ = std::move(error).context(options_.what);
  if (current_ && has_ended(*current_, now))
    error_.message += fmt::format("; the last ones ended at {}", end_of(*current_));
  // Once, and not each time. Without any, whoever asked tells.
  if (failures_++ == 0 && good(now) != nullptr) {
    log(LogLevel::kWarn, "credentials cannot be renewed; the last good ones stay in use",
        {{"object", options_.what}, {"err", error_.message}});
  }
}

}  // namespace stagekeeper::aws
