#pragma once

#include "base/result.h"
#include "kube/list_decode.h"
#include "kube/page_size.h"
#include "runtime/backoff.h"

#include <chrono>
#include <optional>
#include <string>
#include <variant>

namespace stagekeeper::runtime {

struct WatchOptions {
  /// The server ends each watch after a random time in this range, so that many watches do not
  /// come back together.
  std::chrono::seconds watch_min{300};
  std::chrono::seconds watch_max{600};
  BackoffOptions backoff{std::chrono::seconds(1), std::chrono::seconds(30)};
  int page_limit = kube::PageSize::kUsual;  ///< objects in a page, while they fit
};

/// Read one page of the list, of at most `limit` objects; an empty token begins a new list.
struct ListPage {
  std::string continue_token = {};
  int limit = kube::PageSize::kUsual;
  friend bool operator==(const ListPage&, const ListPage&) = default;
};

/// Watch from a resourceVersion until the server ends it after `timeout`.
struct StartWatch {
  std::string resource_version;
  std::chrono::seconds timeout{};
  friend bool operator==(const StartWatch&, const StartWatch&) = default;
};

/// Wait, then call waited(). `reason` is a stable word for metrics and logs.
struct Pause {
  std::chrono::milliseconds duration{};
  std::string reason;
  friend bool operator==(const Pause&, const Pause&) = default;
};

using WatchStep = std::variant<ListPage, StartWatch, Pause>;

/// What to do with one watch event.
enum class EventAction {
  kApply,   ///< the object was added or changed
  kRemove,  ///< the object is gone
  kNone,    ///< a bookmark
  kStop,    ///< end this stream; the next step follows from stream_ended()
};

/// Decides how to follow one kind: list in pages, watch from there, resume from the last event or
/// bookmark, list again when the server has forgotten (410), talks nonsense or fails whatever it is
/// asked from here, wait longer after each failure in a row. Pure: no I/O and no clock, randomness
/// is injected.
///
/// The caller carries out the step it is given and reports how it went with exactly one of page(),
/// list_failed(), event()… stream_ended(), waited(); each event that is to be applied or removed is
/// followed by delivered() once that is done. After the last page (page() returns StartWatch) it
/// forgets every object that this list did not hold. Not thread-safe.
class WatchMachine {
 public:
  WatchMachine(WatchOptions options, Random random);

  /// The first step.
  WatchStep start() { return begin_list(); }

  /// A page was read. The resourceVersion of the first page counts: resuming from an older one
  /// repeats events, from a newer one could lose some. A page that leads to itself ends the list.
  WatchStep page(const std::string& resource_version, const std::string& continue_token);

  /// A page did not come. One that is too large is asked for again at once, with half the objects;
  /// a single object too large is waited for, because nothing else can be done.
  WatchStep list_failed(const Error& error);

  /// An event arrived on the stream. An ERROR stops it and leads to a new list.
  EventAction event(const kube::WatchEvent& event);

  /// The last event was applied or removed: only now a stream that breaks is resumed after it.
  void delivered();

  /// Something arrived that cannot be read, cut short or of an unknown type: nothing after it can
  /// be trusted to follow on what came before. Stops the stream and leads to a new list.
  EventAction garbage();

  /// The stream is over, for whatever reason, after `ran_for`.
  WatchStep stream_ended(const Status& how, std::chrono::milliseconds ran_for);

  WatchStep waited();

  /// Failures in a row without progress; 0 means healthy.
  [[nodiscard]] unsigned failures() const { return failures_; }

  [[nodiscard]] const std::string& resource_version() const { return resource_version_; }

 private:
  WatchStep begin_list();
  WatchStep watch();
  WatchStep pause(std::string reason, std::optional<std::chrono::milliseconds> asked);
  WatchStep list_again(std::string reason, std::optional<std::chrono::milliseconds> asked);
  EventAction stop(std::string reason);
  void progress();

  WatchOptions options_;
  Random random_;
  std::string resource_version_;  ///< empty: a list must come first
  std::string undelivered_;       ///< version of the event that the caller is busy with
  bool listing_ = false;          ///< between the first and the last page
  std::string token_;             ///< of the page under way
  kube::PageSize page_size_;
  unsigned failures_ = 0;
  unsigned failed_streams_ = 0;  ///< in a row, all from the same place
  unsigned barren_ = 0;          ///< streams in a row that brought nothing
  bool progressed_ = false;      ///< an event came on this stream
  bool listed_again_ = false;    ///< a new list was begun, and nothing went well since
  std::string relist_reason_;    ///< set by stop()
  std::optional<std::chrono::milliseconds> relist_after_;
};

}  // namespace stagekeeper::runtime
