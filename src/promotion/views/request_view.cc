#include "promotion/views/request_view.h"

#include "base/json_access.h"
#include "base/numbers.h"
#include "base/text.h"
#include "promotion/review/review.h"
#include "promotion/views/json.h"
#include "promotion/views/request_conditions.h"
#include "promotion/views/status_patch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;
using view::put;

constexpr std::size_t kMaxMessage = 2000;
constexpr std::size_t kMaxPartMessage = 1000;
constexpr std::size_t kMaxReason = 128;
constexpr std::size_t kMaxInterval = 64;
constexpr std::size_t kMaxApprovals = 64;
constexpr std::size_t kMaxRecords = 64;
constexpr std::size_t kMaxTargets = 16;
constexpr std::size_t kMaxTargetNames = 128;
constexpr std::size_t kMaxFrom = 64;

json gates_json(const std::vector<GateState>& gates) {
  json out = json::array();
  for (const GateState& gate : gates) {
    const gates::Judgement& judgement = gate.judgement;
    json row = {{"name", gate.spec.name},
                {"type", gate.spec.kind},
                {"enforcement", gate.spec.blocking ? "Blocking" : "Advisory"},
                {"attempt", gate.attempt},
                {"verdict", gates::name(gate.verdict)}};
    put(row, "jobName", gate.job_name);
    put(row, "reason", judgement.reason, kMaxReason);
    if (!judgement.message.empty())
      row["message"] = view::message(judgement.message, kMaxPartMessage);
    put(row, "observed", judgement.observed);
    put(row, "threshold", judgement.threshold);
    put(row, "champion", judgement.champion);
    put(row, "interval", judgement.interval, kMaxInterval);
    if (const auto samples = whole_number<std::int64_t>(judgement.samples))
      row["samples"] = *samples;
    out.push_back(std::move(row));
  }
  return out;
}

json approvals_json(const std::vector<ApprovalView>& approvals) {
  json out = json::array();
  for (const ApprovalView& each : approvals) {
    if (out.size() == kMaxApprovals) break;
    json row = {{"name", each.name},
                {"uid", each.uid},
                {"approver", each.approver},
                {"decision", each.approve ? "Approve" : "Reject"},
                {"counted", each.counted},
                {"reason", each.reason},
                {"createdAt", format_time(each.created)}};
    put(row, "role", each.role);
    out.push_back(std::move(row));
  }
  return out;
}

json targets_json(const std::vector<TargetView>& targets) {
  json out = json::array();
  for (const TargetView& each : targets) {
    if (out.size() == kMaxTargets) break;
    json row = {{"name", each.name}};
    if (!each.from.version.empty()) row["from"] = view::version(each.from);
    if (!each.to.version.empty()) row["to"] = view::version(each.to);
    put(row, "phase", each.phase);
    put(row, "message", each.message, kMaxPartMessage);
    if (each.record > 0) row["record"] = {{"sequence", std::to_string(each.record)}};
    out.push_back(std::move(row));
  }
  return out;
}

json records_json(const std::vector<RecordFact>& records) {
  json out = json::array();
  const std::size_t left_out = records.size() - std::min(records.size(), kMaxRecords);
  for (const RecordFact& each : records | std::views::drop(left_out)) {
    json row = view::record(each);
    row["kind"] = each.kind == RecordKind::kUnknown ? each.kind_text : std::string(name(each.kind));
    put(row, "key", each.key, 4 * view::kMaxValue);
    out.push_back(std::move(row));
  }
  return out;
}

json review_json(const PromotionRequest& request, const ReviewView& review) {
  return {{"decisionDigest", review.decision_digest},
          {"openedAt", format_time(review.opened_at)},
          {"expiresAt", format_time(review.expires_at)},
          {"approvalManifest", approval_manifest(request, review.decision_digest)}};
}

/// One line for `kubectl get`. What is not so is null.
json summary_json(const Decision& decision) {
  json out = {{"gates", nullptr},
              {"approvals", nullptr},
              {"waitingFor", nullptr},
              {"targets", nullptr},
              {"from", nullptr}};
  if (!decision.gates.empty()) {
    const auto passed = std::ranges::count(decision.gates, Verdict::kPassed, &GateState::verdict);
    out["gates"] = fmt::format("{}/{}", passed, decision.gates.size());
  }
  if (decision.review)
    out["approvals"] = fmt::format("{}/{}", decision.review->counted, decision.review->needed);
  if (decision.wait) put(out, "waitingFor", decision.wait->about);
  std::vector<std::string> names;
  std::vector<std::string> from;
  for (const TargetView& each : decision.targets) {
    names.push_back(each.name);
    const std::string& version = each.from.version;
    if (!version.empty() && std::ranges::find(from, version) == from.end()) from.push_back(version);
  }
  put(out, "targets", join(names, ", "), kMaxTargetNames);
  put(out, "from", join(from, ", "), kMaxFrom);
  return out;
}

/// Why nothing is known but what the status says already.
bool knows_nothing(const Decision& decision) {
  if (decision.blind) return true;
  if (!decision.wait) return false;
  const WaitCode code = decision.wait->code;
  return code == WaitCode::kAuditStoreNotTrusted || code == WaitCode::kAuditStoreUnavailable ||
         code == WaitCode::kAuditBroken;
}

/// The list, or null to take an old one away.
json list_or_null(json list, bool keep) {
  return list.empty() && !keep ? json(nullptr) : std::move(list);
}

std::optional<TimePoint> time_at(const json& status, const char* key) {
  const auto time = parse_time(text_at(status, {key}));
  return time ? std::optional(*time) : std::nullopt;
}

/// When the operator began: no later than the first record that it wrote.
TimePoint started_at(const Decision& decision, const json& current, TimePoint now) {
  TimePoint out = time_at(current, "startedAt").value_or(now);
  for (const RecordFact& record : decision.records)
    out = std::min(out, record.time);
  return out;
}

/// When it ended: as the record says, else as the status said first.
TimePoint finished_at(const Decision& decision, const json& current, TimePoint now) {
  for (const RecordFact& record : decision.records)
    if (record.kind == RecordKind::kConcluded) return record.time;
  return time_at(current, "finishedAt").value_or(now);
}

}  // namespace

Result<std::string> request_status_patch(const PromotionRequest& request, const Decision& decision,
                                         std::string_view current_json, TimePoint now) {
  const Result<json> current = view::status_of(current_json);
  if (!current) return tl::unexpected(current.error());
  json status = {{"observedGeneration", request.meta.generation},
                 {"phase", name(decision.phase)},
                 {"reason", decision.reason},
                 {"message", view::message(decision.message, kMaxMessage)},
                 {"startedAt", format_time(started_at(decision, *current, now))},
                 {"finishedAt", nullptr}};
  if (is_terminal(decision.phase))
    status["finishedAt"] = format_time(finished_at(decision, *current, now));
  const bool keep = knows_nothing(decision);
  const auto set = [&](const char* key, json list) {
    if (!list.empty() || !keep) status[key] = list_or_null(std::move(list), keep);
  };
  set("targets", targets_json(decision.targets));
  set("gates", gates_json(decision.gates));
  set("approvals", approvals_json(decision.approvals));
  set("records", records_json(decision.records));
  set("review", decision.review ? review_json(request, *decision.review) : json());
  status["summary"] = summary_json(decision);
  if (keep) status["summary"] = {{"waitingFor", status["summary"]["waitingFor"]}};
  return status_patch(request.meta, view::text_of(status), request_conditions(request, decision),
                      current_json, now);
}

}  // namespace stagekeeper::promotion
