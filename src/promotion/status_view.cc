#include "promotion/status_view.h"

#include "base/canonical_json.h"
#include "model/decode.h"
#include "promotion/review.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxMessage = 2000;
constexpr std::size_t kMaxGateMessage = 1000;
constexpr std::size_t kMaxValue = 256;
constexpr std::size_t kMaxApprovals = 64;
constexpr std::size_t kMaxRecords = 16;

/// The first `most` bytes, never ending inside a UTF-8 sequence.
std::string cut(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  return text.substr(0, end);
}

/// Adds a text unless it is empty: the CRD's patterns do not allow an empty one.
void put(json& object, const char* key, const std::string& value, std::size_t most = kMaxValue) {
  if (!value.empty()) object[key] = cut(value, most);
}

json version_json(const VersionRef& version) {
  json out = json::object();
  put(out, "version", version.version);
  put(out, "stage", version.stage);
  put(out, "digest", version.digest);
  return out;
}

json gates_json(const std::vector<GateState>& gates) {
  json out = json::array();
  for (const GateState& gate : gates) {
    json row = {{"name", gate.spec.name},
                {"type", name(gate.spec.type)},
                {"enforcement", gate.spec.blocking ? "Blocking" : "Advisory"},
                {"attempt", gate.attempt},
                {"verdict", name(gate.verdict)}};
    put(row, "jobName", gate.job_name);
    put(row, "jobUid", gate.job_uid);
    put(row, "podUid", gate.pod_uid);
    put(row, "nonce", gate.nonce);
    put(row, "reason", gate.reason, 128);
    put(row, "message", gate.message, kMaxGateMessage);
    put(row, "observed", gate.observed);
    put(row, "threshold", gate.threshold);
    put(row, "champion", gate.champion);
    if (!gate.samples.empty()) row["samples"] = std::strtoll(gate.samples.c_str(), nullptr, 10);
    out.push_back(std::move(row));
  }
  return out;
}

json approvals_json(const std::vector<ApprovalView>& approvals) {
  json out = json::array();
  for (const ApprovalView& view : approvals) {
    if (out.size() == kMaxApprovals) break;
    json row = {{"name", view.name},
                {"uid", view.uid},
                {"approver", view.approver},
                {"decision", view.approve ? "Approve" : "Reject"},
                {"counted", view.counted},
                {"reason", view.reason},
                {"createdAt", format_time(view.created)}};
    put(row, "role", view.role);
    out.push_back(std::move(row));
  }
  return out;
}

json records_json(const std::vector<RecordFact>& records) {
  json out = json::array();
  for (const RecordFact& record : records) {
    if (out.size() == kMaxRecords) break;
    const bool target = record.key.find("/target/") != std::string::npos;
    out.push_back({{"kind", record.kind},
                   {"ledger", target ? "target" : "model"},
                   {"sequence", std::to_string(record.sequence)},
                   {"digest", record.digest},
                   {"key", record.key}});
  }
  return out;
}

json condition(const char* type, const char* status, const std::string& reason,
               const std::string& message, std::int64_t generation) {
  return {{"type", type},
          {"status", status},
          {"reason", reason},
          {"message", cut(message, kMaxMessage)},
          {"observedGeneration", generation}};
}

bool has_record(const Decision& decision, std::string_view kind) {
  return std::ranges::any_of(decision.records,
                             [&](const RecordFact& record) { return record.kind == kind; });
}

json gates_condition(const std::vector<GateState>& gates, std::int64_t generation) {
  const auto passed = std::ranges::count(gates, Verdict::kPassed, &GateState::verdict);
  const bool open = std::ranges::any_of(gates, [](const GateState& gate) {
    return gate.verdict == Verdict::kPending || gate.verdict == Verdict::kRunning;
  });
  const bool all = std::ranges::all_of(gates, [](const GateState& gate) {
    return gate.verdict == Verdict::kPassed || !gate.spec.blocking;
  });
  const std::string text = fmt::format("{} of {} gates passed", passed, gates.size());
  if (open) return condition("GatesPassed", "Unknown", "GatesRunning", text, generation);
  return condition("GatesPassed", all ? "True" : "False", all ? "AllPassed" : "GatesFailed", text,
                   generation);
}

/// Whether it stands as asked: not yet known while something may still change by itself.
const char* readiness(Phase phase) {
  if (phase == Phase::kAwaitingApproval || is_bad_end(phase)) return "False";
  return is_terminal(phase) ? "True" : "Unknown";
}

json conditions_json(const PromotionRequest& request, const Decision& decision) {
  const std::int64_t generation = request.meta.generation;
  const std::string& reason = decision.reason;
  const std::string& message = decision.message;
  const bool bad = is_bad_end(decision.phase);
  const bool ended = is_terminal(decision.phase);
  json out =
      json::array({condition("Ready", readiness(decision.phase), reason, message, generation)});
  if (!ended) out.push_back(condition("Reconciling", "True", reason, message, generation));
  if (bad) out.push_back(condition("Stalled", "True", reason, message, generation));
  if (!decision.gates.empty()) out.push_back(gates_condition(decision.gates, generation));
  if (decision.review) {
    const bool enough = decision.review->counted >= decision.review->needed;
    out.push_back(condition(
        "Approved", enough ? "True" : "False", enough ? "Approved" : "ApprovalsMissing",
        enough ? "every approval is there" : "missing: " + decision.review->missing, generation));
  }
  if (!decision.records.empty()) {
    out.push_back(condition("AuditRecorded", "True", "Locked",
                            fmt::format("records that are locked: {}", decision.records.size()),
                            generation));
  }
  if (has_record(decision, "Intent")) {
    // The way back has an Applied record too.
    const bool applied = decision.phase == Phase::kPromoted;
    out.push_back(condition("Deployed", applied ? "True" : (ended ? "False" : "Unknown"), reason,
                            message, generation));
  }
  return out;
}

std::string approvals_summary(const Decision& decision) {
  if (!decision.review) return "";
  return fmt::format("{}/{}", decision.review->counted, decision.review->needed);
}

std::string gates_summary(const Decision& decision) {
  if (decision.gates.empty()) return "";
  const auto passed = std::ranges::count(decision.gates, Verdict::kPassed, &GateState::verdict);
  return fmt::format("{}/{}", passed, decision.gates.size());
}

/// Whether `current` shows all of `wanted`: the objects a merge patch would not change.
bool shows(const json& current, const json& wanted) {
  if (!wanted.is_object()) return current == wanted;
  if (!current.is_object()) return false;
  return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& member) {
    const auto found = current.find(member.key());
    if (member.value().is_null()) return found == current.end();
    return found != current.end() && shows(*found, member.value());
  });
}

/// Gives each condition the time its status last changed.
void date_conditions(json& fields, const json& current, TimePoint now) {
  if (!fields.contains("conditions")) return;
  const json old = current.value("conditions", json::array());
  for (json& condition : fields["conditions"]) {
    const auto before = std::find_if(old.begin(), old.end(), [&](const json& each) {
      return each.is_object() && each.value("type", json()) == condition["type"];
    });
    const bool same = before != old.end() && before->value("status", json()) == condition["status"];
    condition["lastTransitionTime"] =
        same ? before->value("lastTransitionTime", format_time(now)) : format_time(now);
  }
}

Result<json> current_status(std::string_view object) {
  Result<json> parsed = parse_strict_json(object, kMaxObjectBytes);
  if (!parsed || !parsed->is_object())
    return fail(ErrorCode::kCorrupt, "the object is no JSON object");
  return parsed->value("status", json::object());
}

}  // namespace

Result<std::string> status_patch(const ObjectMeta& meta, const std::string& fields,
                                 std::string_view current_json, TimePoint now) {
  Result<json> current = current_status(current_json);
  if (!current) return tl::unexpected(current.error());
  json wanted = json::parse(fields);
  date_conditions(wanted, *current, now);
  if (shows(*current, wanted)) return std::string();
  return json{{"metadata", {{"uid", meta.uid}, {"resourceVersion", meta.resource_version}}},
              {"status", wanted}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::string> request_status_patch(const PromotionRequest& request, const Decision& decision,
                                         std::string_view current_json, TimePoint now) {
  Result<json> current = current_status(current_json);
  if (!current) return tl::unexpected(current.error());
  json status = {{"observedGeneration", request.meta.generation},
                 {"phase", name(decision.phase)},
                 {"reason", decision.reason},
                 {"message", cut(decision.message, kMaxMessage)},
                 {"startedAt", current->value("startedAt", format_time(now))},
                 {"conditions", conditions_json(request, decision)}};
  if (is_terminal(decision.phase))
    status["finishedAt"] = current->value("finishedAt", format_time(now));
  put(status, "target", decision.target);
  if (!decision.from.version.empty()) status["from"] = version_json(decision.from);
  if (!decision.to.version.empty()) status["to"] = version_json(decision.to);
  // What is not known any more (a Job's details after its end) keeps its last value.
  json summary = json::object();
  put(summary, "gates", gates_summary(decision));
  put(summary, "approvals", approvals_summary(decision));
  summary["waitingFor"] = nullptr;
  if (!decision.waiting_for.empty()) summary["waitingFor"] = cut(decision.waiting_for, kMaxValue);
  status["summary"] = summary;
  if (!decision.gates.empty()) status["gates"] = gates_json(decision.gates);
  if (!decision.approvals.empty()) status["approvals"] = approvals_json(decision.approvals);
  if (!decision.records.empty()) status["records"] = records_json(decision.records);
  if (decision.review) {
    status["decisionDigest"] = decision.review->decision_digest;
    status["review"] = {
        {"decisionDigest", decision.review->decision_digest},
        {"openedAt", format_time(decision.review->opened_at)},
        {"expiresAt", format_time(decision.review->expires_at)},
        {"approvalManifest", approval_manifest(request, decision.review->decision_digest)}};
  }
  return status_patch(request.meta, status.dump(-1, ' ', false, json::error_handler_t::replace),
                      current_json, now);
}

Result<std::string> approval_status_patch(const Approval& approval, const ApprovalView& view,
                                          std::string_view current_json, TimePoint now) {
  json status = {{"counted", view.counted}, {"reason", view.reason}};
  put(status, "message", view.message, kMaxGateMessage);
  put(status, "role", view.role);
  status["observedGeneration"] = approval.meta.generation;
  status["conditions"] = json::array(
      {condition("Ready", "True", view.reason, view.message, approval.meta.generation)});
  return status_patch(approval.meta, status.dump(-1, ' ', false, json::error_handler_t::replace),
                      current_json, now);
}

}  // namespace stagekeeper::promotion
