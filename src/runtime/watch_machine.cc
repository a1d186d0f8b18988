#include "runtime/watch_machine.h"

#include <algorithm>
#include <utility>

namespace stagekeeper::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMaxRetryAfter = std::chrono::minutes(5);
constexpr double kEqualJitter = 0.5;
/// A stream that ends sooner without an event is a failure, else a broken server is hammered.
constexpr milliseconds kShortStream{1000};
/// Bookmarks come every minute. So many longer streams without one and the place is not trusted.
constexpr milliseconds kLongStream = std::chrono::seconds(70);
constexpr unsigned kBarrenStreams = 3;
/// So many failures in a row from one place (some two minutes), whatever their reason: the place
/// itself may be what the server cannot serve.
constexpr unsigned kFailedStreams = 8;

}  // namespace

WatchMachine::WatchMachine(WatchOptions options, Random random)
    : options_(options), random_(std::move(random)), page_size_(options.page_limit) {}

WatchStep WatchMachine::begin_list() {
  token_.clear();
  return ListPage{"", page_size_.limit()};
}

WatchStep WatchMachine::watch() {
  progressed_ = false;
  relist_reason_.clear();
  relist_after_.reset();
  const auto span = static_cast<double>((options_.watch_max - options_.watch_min).count());
  const auto extra = static_cast<std::chrono::seconds::rep>(span * random_());
  return StartWatch{resource_version_, options_.watch_min + std::chrono::seconds(extra)};
}

void WatchMachine::progress() {
  progressed_ = true;
  listed_again_ = false;
  failures_ = 0;
  failed_streams_ = 0;
  barren_ = 0;
}

void WatchMachine::delivered() {
  if (undelivered_.empty()) return;
  resource_version_ = std::exchange(undelivered_, {});
  progress();
}

WatchStep WatchMachine::pause(std::string reason, std::optional<milliseconds> asked) {
  ++failures_;
  auto wait = jittered(backoff_ceiling(options_.backoff, failures_), kEqualJitter, random_());
  if (asked) {
    const auto patience = std::min(*asked, kMaxRetryAfter);
    wait = std::max(wait, patience + jittered(patience / 10, 0.0, random_()));
  }
  return Pause{wait, std::move(reason)};
}

/// Forgets the place. Goes at once if things went well since the last time, else after a wait.
WatchStep WatchMachine::list_again(std::string reason, std::optional<milliseconds> asked) {
  resource_version_.clear();
  listing_ = false;
  barren_ = 0;
  failed_streams_ = 0;
  if (!std::exchange(listed_again_, true) && !asked) {
    failures_ = std::max(failures_, 1U);
    return Pause{milliseconds(0), std::move(reason)};
  }
  return pause(std::move(reason), asked);
}

WatchStep WatchMachine::page(const std::string& resource_version,
                             const std::string& continue_token) {
  const bool stuck = !continue_token.empty() && continue_token == token_;
  if (resource_version.empty() || stuck) return list_again("BadList", std::nullopt);
  if (!listing_) resource_version_ = resource_version;
  listing_ = !continue_token.empty();
  token_ = continue_token;
  page_size_.page_done();
  if (listing_) return ListPage{token_, page_size_.limit()};
  page_size_.list_done();
  return watch();
}

WatchStep WatchMachine::list_failed(const Error& error) {
  if (error.code == ErrorCode::kTooLarge && page_size_.halve())
    return ListPage{token_, page_size_.limit()};
  if (error.code == ErrorCode::kGone && listing_) page_size_.expired();
  if (error.code == ErrorCode::kGone) return list_again("Gone", error.retry_after);
  resource_version_.clear();
  listing_ = false;
  return pause(std::string(name(error.code)), error.retry_after);
}

EventAction WatchMachine::stop(std::string reason) {
  relist_reason_ = std::move(reason);
  return EventAction::kStop;
}

EventAction WatchMachine::garbage() {
  return stop("Garbage");
}

EventAction WatchMachine::event(const kube::WatchEvent& event) {
  if (event.type == kube::WatchEventType::kError) {
    if (!event.error) return garbage();
    relist_after_ = event.error->retry_after;
    return stop(event.error->code == ErrorCode::kGone ? "Gone" : "ErrorEvent");
  }
  if (event.resource_version.empty()) return garbage();
  undelivered_ = event.resource_version;
  switch (event.type) {
    case kube::WatchEventType::kAdded:
    case kube::WatchEventType::kModified:
      return EventAction::kApply;
    case kube::WatchEventType::kDeleted:
      return EventAction::kRemove;
    case kube::WatchEventType::kBookmark:
    case kube::WatchEventType::kError:
      break;
  }
  delivered();  // nothing to do about a bookmark
  return EventAction::kNone;
}

WatchStep WatchMachine::stream_ended(const Status& how, milliseconds ran_for) {
  undelivered_.clear();
  if (relist_reason_ == "Gone") return list_again("Gone", relist_after_);
  if (!relist_reason_.empty()) {
    resource_version_.clear();
    return pause(relist_reason_, relist_after_);
  }
  if (!how && how.error().code == ErrorCode::kGone)
    return list_again("Gone", how.error().retry_after);
  if (!how && how.error().code == ErrorCode::kInvalid) {
    // The server refuses this very request (a resourceVersion it cannot parse): do not insist.
    resource_version_.clear();
    return pause("Invalid", std::nullopt);
  }
  if (!progressed_ && ran_for >= kLongStream && ++barren_ >= kBarrenStreams) {
    return list_again("Barren", std::nullopt);
  }
  if (!how && !progressed_ && ++failed_streams_ >= kFailedStreams) {
    failed_streams_ = 0;
    resource_version_.clear();
  }
  if (!how) return pause(std::string(name(how.error().code)), how.error().retry_after);
  if (!progressed_ && ran_for < kShortStream) return pause("ShortStream", std::nullopt);
  listed_again_ = false;
  failures_ = 0;
  return watch();
}

WatchStep WatchMachine::waited() {
  if (resource_version_.empty()) return begin_list();
  return watch();
}

}  // namespace stagekeeper::runtime
