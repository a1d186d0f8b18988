#include "promotion/views/json.h"
#include "promotion/views/object_views.h"
#include "promotion/views/status_patch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxWaiting = 32;
constexpr std::size_t kShortDigest = 12;

/// Since when, and by which record; null for nothing.
void add_record(json& fields, const RecordFact* record) {
  fields["since"] = record == nullptr ? json(nullptr) : json(format_time(record->time));
  fields["record"] = record == nullptr ? json(nullptr) : view::record(*record);
}

std::string short_digest(const std::string& digest) {
  const std::size_t colon = digest.find(':');
  return colon == std::string::npos ? "" : digest.substr(colon + 1, kShortDigest);
}

}  // namespace

Result<std::string> version_status_patch(const ModelVersion& version, std::string_view stage,
                                         const RecordFact* record, std::string_view current_json,
                                         TimePoint now) {
  Conditions conditions(version.meta.generation);
  conditions.add("Ready", Truth::kTrue, "Registered", fmt::format("in stage {}", stage));
  json fields = {{"observedGeneration", version.meta.generation}, {"stage", stage}};
  view::put(fields, "shortDigest", short_digest(version.artifact_digest));
  add_record(fields, record);
  return status_patch(version.meta, view::text_of(fields), conditions, current_json, now);
}

Result<std::string> stage_status_patch(const StageFacts& facts, std::string_view current_json,
                                       TimePoint now) {
  std::vector<std::string> waiting = facts.waiting;
  std::ranges::sort(waiting);
  json fields = {{"observedGeneration", facts.meta.generation},
                 {"model", facts.model},
                 {"stage", facts.stage},
                 {"version", facts.version.empty() ? json(nullptr) : json(facts.version)},
                 {"waitingCount", waiting.size()}};
  if (waiting.size() > kMaxWaiting) waiting.resize(kMaxWaiting);
  fields["waiting"] = waiting.empty() ? json(nullptr) : json(waiting);
  add_record(fields, facts.version.empty() ? nullptr : facts.record);
  Conditions conditions(facts.meta.generation);
  conditions.add("Ready", Truth::kTrue, facts.version.empty() ? "Empty" : "Occupied",
                 facts.version.empty() ? "no version is in this stage"
                                       : "version " + facts.version + " is in this stage");
  return status_patch(facts.meta, view::text_of(fields), conditions, current_json, now);
}

}  // namespace stagekeeper::promotion
