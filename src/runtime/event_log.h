#pragma once

#include "base/clock.h"
#include "kube/resource.h"
#include "runtime/backoff.h"

#include <chrono>
#include <map>
#include <string>
#include <utility>

namespace stagekeeper::runtime {

/// The object that an Event is about.
struct ObjectRef {
  kube::ResourceType type;
  kube::ObjectKey key;
  std::string uid;
};

enum class EventType { kNormal, kWarning };

/// What happened, for people. `reason` and `action` are short stable words in CamelCase ("Blocked",
/// "EvaluateGates"); `note` is a sentence, cut at 1 kB. No secrets.
struct EventDraft {
  EventType type = EventType::kNormal;
  ObjectRef regarding;
  std::string reason;
  std::string action;
  std::string note;
};

/// What to do about one draft.
struct EventPlan {
  enum class Kind {
    kCreate,
    kPatchSeries,  ///< write the count into the Event that exists
    kMerge,        ///< counted here only: the Event was written less than a minute ago
  };
  Kind kind = Kind::kCreate;
  std::string name;  ///< of the Event
  int count = 1;
};

/// Recognises repeats: the same about the same object within 10 minutes is one Event with a count.
/// The count is written at the second time and then at most once a minute, so that the last few
/// repeats may be missing from it. Remembers at most 1,000 Events. Pure; not thread-safe.
class EventLog {
 public:
  /// `suffix` makes a new Event's name unique.
  EventPlan plan(const EventDraft& draft, const std::string& suffix, SteadyTime now);

  /// The Event could not be written, or is gone: the next repeat creates one.
  void forget(const EventDraft& draft);

 private:
  struct Series {
    std::string name;
    int count = 1;
    SteadyTime last_seen;
    SteadyTime written;
  };

  void make_room(SteadyTime now);

  std::map<std::string, Series> series_;
};

/// Who reports Events: "stagekeeper.dev/operator" and the pod's name.
struct EventSource {
  std::string controller;
  std::string instance;
};

/// JSON of an events.k8s.io/v1 Event.
std::string event_body(const EventDraft& draft, const EventPlan& plan, const EventSource& source,
                       TimePoint now);

/// JSON merge patch that sets the series.
std::string event_series_body(const EventPlan& plan, TimePoint now);

/// Where the Event of an object lives: its namespace, or "default" for a cluster-scoped one.
std::string event_namespace(const EventDraft& draft);

}  // namespace stagekeeper::runtime
