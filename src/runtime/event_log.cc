#include "runtime/event_log.h"

#include "base/text.h"
#include "base/time.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>

namespace stagekeeper::runtime {
namespace {

using nlohmann::json;

constexpr std::chrono::minutes kRepeatWindow{10};
constexpr std::chrono::minutes kWriteInterval{1};
constexpr std::size_t kMaxSeries = 1000;
// Limits of the API's validation, in bytes.
constexpr std::size_t kMaxNoteBytes = 1024;
constexpr std::size_t kMaxWordBytes = 128;
constexpr std::size_t kMaxNamePrefixBytes = 200;

std::string identity(const EventDraft& draft) {
  const ObjectRef& about = draft.regarding;
  std::string out;
  for (const auto& part : {about.type.kind, about.key.ns, about.key.name, about.uid, draft.reason,
                           draft.action, draft.note}) {
    out += part;
    out += '\0';
  }
  return out + (draft.type == EventType::kWarning ? 'W' : 'N');
}

std::string event_name(const EventDraft& draft, const std::string& suffix) {
  std::string prefix = cut_utf8(draft.regarding.key.name, kMaxNamePrefixBytes);
  // What is left must still end like a DNS name.
  while (!prefix.empty() && (prefix.back() == '.' || prefix.back() == '-'))
    prefix.pop_back();
  return prefix + "." + suffix;
}

}  // namespace

void EventLog::make_room(SteadyTime now) {
  std::erase_if(series_,
                [now](const auto& entry) { return now - entry.second.last_seen > kRepeatWindow; });
  if (series_.size() < kMaxSeries) return;
  series_.erase(std::min_element(series_.begin(), series_.end(), [](const auto& a, const auto& b) {
    return a.second.last_seen < b.second.last_seen;
  }));
}

EventPlan EventLog::plan(const EventDraft& draft, const std::string& suffix, SteadyTime now) {
  const std::string id = identity(draft);
  const auto it = series_.find(id);
  if (it == series_.end() || now - it->second.last_seen > kRepeatWindow) {
    make_room(now);
    Series fresh{event_name(draft, suffix), 1, now, now};
    series_.insert_or_assign(id, fresh);
    return {EventPlan::Kind::kCreate, fresh.name, 1};
  }
  Series& series = it->second;
  ++series.count;
  series.last_seen = now;
  if (series.count > 2 && now - series.written < kWriteInterval) {
    return {EventPlan::Kind::kMerge, series.name, series.count};
  }
  series.written = now;
  return {EventPlan::Kind::kPatchSeries, series.name, series.count};
}

void EventLog::forget(const EventDraft& draft) {
  series_.erase(identity(draft));
}

std::string event_namespace(const EventDraft& draft) {
  return draft.regarding.key.ns.empty() ? "default" : draft.regarding.key.ns;
}

std::string event_body(const EventDraft& draft, const EventPlan& plan, const EventSource& source,
                       TimePoint now) {
  const ObjectRef& about = draft.regarding;
  json regarding = {{"apiVersion", about.type.api_version()},
                    {"kind", about.type.kind},
                    {"name", about.key.name}};
  if (!about.key.ns.empty()) regarding["namespace"] = about.key.ns;
  if (!about.uid.empty()) regarding["uid"] = about.uid;
  const json body = {{"apiVersion", "events.k8s.io/v1"},
                     {"kind", "Event"},
                     {"metadata", {{"name", plan.name}, {"namespace", event_namespace(draft)}}},
                     {"eventTime", format_micro_time(now)},
                     {"type", draft.type == EventType::kWarning ? "Warning" : "Normal"},
                     {"reason", cut_utf8(draft.reason, kMaxWordBytes)},
                     {"action", cut_utf8(draft.action, kMaxWordBytes)},
                     {"note", cut_utf8(draft.note, kMaxNoteBytes)},
                     {"regarding", std::move(regarding)},
                     {"reportingController", cut_utf8(source.controller, kMaxWordBytes)},
                     {"reportingInstance", cut_utf8(source.instance, kMaxWordBytes)}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string event_series_body(const EventPlan& plan, TimePoint now) {
  const json body = {
      {"series", {{"count", plan.count}, {"lastObservedTime", format_micro_time(now)}}}};
  return body.dump();
}

}  // namespace stagekeeper::runtime
