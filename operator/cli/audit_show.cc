#include "operator/cli/audit_show.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::cli {
namespace {

using audit::LedgerReport;
using audit::Record;
using audit::RecordKind;
using nlohmann::json;

/// One record about the version, with its place.
struct Told {
  const LedgerReport* ledger;
  const Record* record;
  const audit::RecordRef* ref;
  json body;
};

/// A text, number or flag at a path of names, as text; "" where there is none. Bodies are the
/// operator's, of this version or another: nothing in them is taken for granted.
std::string at(const json& value, JsonPath path) {
  const json* found = find_at(value, path);
  if (found == nullptr) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->is_number() || found->is_boolean() ? found->dump() : std::string();
}

/// "1 -> 2": whether this is the record's own version, on either side.
bool names_version(const Record& record, const std::string& model, const std::string& version) {
  if (record.draft.model != model) return false;
  return (record.draft.to && record.draft.to->version == version) ||
         (!record.draft.to && record.draft.from && record.draft.from->version == version);
}

std::vector<Told> find_told(const AuditView& view, const std::string& model,
                            const std::string& version) {
  std::vector<Told> out;
  for (const LedgerReport& ledger : view.ledgers) {
    for (std::size_t i = 0; i < ledger.records.size(); ++i) {
      const Record& record = ledger.records[i];
      if (!names_version(record, model, version)) continue;
      Result<json> body = parse_strict_json(record.draft.body, audit::kMaxPayloadBytes);
      out.push_back({.ledger = &ledger,
                     .record = &record,
                     .ref = &ledger.state.records[i].ref,
                     .body = body ? std::move(*body) : json::object()});
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Told& a, const Told& b) { return a.ref->recorded < b.ref->recorded; });
  return out;
}

/// The ledgers whose target serves exactly this version now.
std::vector<const LedgerReport*> serving(const AuditView& view, const std::string& model,
                                         const std::string& version) {
  std::vector<const LedgerReport*> out;
  for (const LedgerReport& ledger : view.ledgers) {
    const auto& now = ledger.state.serving;
    if (!now || now->what.version != version) continue;
    const audit::RecordEntry* applied = ledger.state.find(now->by.sequence);
    if (applied != nullptr && applied->model == model) out.push_back(&ledger);
  }
  return out;
}

/// The records to show whole: the Intents, and what ended without one.
bool is_decision(RecordKind kind) {
  switch (kind) {
    case RecordKind::kIntent:
    case RecordKind::kGateResult:
    case RecordKind::kStaged:
    case RecordKind::kBlocked:
    case RecordKind::kRejected:
    case RecordKind::kExpired:
      return true;
    default:
      return false;
  }
}

std::string label(std::string_view what, const std::string& value) {
  if (value.empty()) return {};
  return fmt::format("  {:<14}{}\n", what, escaped(value));
}

/// The parts that are there, in one line.
std::string joined(std::initializer_list<std::string_view> parts) {
  return join_filled(parts, "  ");
}

std::string transition(const Record& record) {
  const auto& draft = record.draft;
  if (draft.from && draft.to && draft.from->version == draft.to->version) {
    const std::string& stage = draft.to->stage;
    const bool moved = draft.from->stage != stage;
    return joined({draft.action, draft.to->version,
                   moved ? draft.from->stage + " -> " + stage : "stays in " + stage});
  }
  const std::string from = draft.from ? draft.from->version : "nothing";
  const std::string to = draft.to ? draft.to->version : "nothing";
  const std::string stage = draft.to ? draft.to->stage : "";
  return joined({draft.action, from + " -> " + to, stage.empty() ? "" : "stage " + stage});
}

std::string gates_table(const Told& told, const Style& style) {
  Table table({"CHECK", "TYPE", "VERDICT", "OBSERVED", "THRESHOLD", "CHAMPION", "N", "MESSAGE"});
  for (const json& gate : list_at(told.body, {"gates"})) {
    table.add({at(gate, {"name"}), at(gate, {"type"}), at(gate, {"verdict"}),
               at(gate, {"observed"}), at(gate, {"threshold"}), at(gate, {"champion"}),
               at(gate, {"samples"}), at(gate, {"message"})});
  }
  return table.str(2, style);
}

std::string approvals_table(const Told& told, const Style& style) {
  Table table({"APPROVER", "ROLE", "DECISION", "COUNTED", "AT", "AFTER", "COMMENT"});
  for (const json& approval : list_at(told.body, {"approvals"})) {
    const std::string elapsed = at(approval, {"elapsedSeconds"});
    table.add({at(approval, {"approver", "username"}), at(approval, {"role"}),
               at(approval, {"decision"}), at(approval, {"verdict"}), at(approval, {"createdAt"}),
               elapsed.empty() ? "" : elapsed + " s", at(approval, {"comment"})});
  }
  return table.str(2, style);
}

std::string decision_text(const Told& told, const Style& style) {
  const Record& record = *told.record;
  const std::string requester = record.draft.requester.username;
  std::string out = bold(fmt::format("{} {}  {}", audit::name(record.draft.kind),
                                     told.ref->sequence, format_time(told.ref->recorded)),
                         style) +
                    "\n";
  out += label("decision", transition(record));
  out += label("target", record.draft.kind == RecordKind::kIntent ? told.ledger->state.id.path()
                                                                  : std::string());
  out += label(
      "requested by",
      joined(
          {requester.empty() ? at(told.body, {"requester", "username"}) : requester,
           record.draft.request.name.empty() ? "" : "with request " + record.draft.request.name}));
  out += label("reason", joined({at(told.body, {"reason"}), record.draft.reason}));
  out += label("dataset", joined({at(told.body, {"evaluation", "dataset", "uri"}),
                                  at(told.body, {"evaluation", "dataset", "version"}),
                                  at(told.body, {"evaluation", "dataset", "digest"})}));
  if (record.draft.to) {
    out += label("artifact", joined({record.draft.to->artifact_uri, record.draft.to->digest}));
  }
  out += label("features", at(told.body, {"modelVersion", "featurePipelineVersion"}));
  out += label("trained by", at(told.body, {"modelVersion", "trainedBy"}));
  out += label("digest", record.draft.decision_digest);
  out += label("record", told.ref->key);
  if (const std::string gates = gates_table(told, style); !gates.empty()) out += "\n" + gates;
  const std::string approvals = approvals_table(told, style);
  if (!approvals.empty()) out += "\n" + approvals;
  return out + "\n";
}

std::string history_text(const std::vector<Told>& all, const Style& style) {
  Table table({"TIME", "RECORD", "DECISION", "LEDGER", "SEQ", "DIGEST", "LOCKED UNTIL"});
  for (const Told& told : all) {
    table.add({format_time(told.ref->recorded), std::string(audit::name(told.ref->kind)),
               transition(*told.record), told.ledger->state.id.path(),
               std::to_string(told.ref->sequence), told.ref->digest.str().substr(0, 19),
               format_time(told.ref->retain_until)});
  }
  return bold("History", style) + "\n" + table.str(2, style);
}

std::string deviations_text(const std::vector<Told>& all) {
  std::string out;
  for (const Told& told : all) {
    for (const audit::Deviation& deviation : told.record->frame.deviations) {
      const std::string line =
          fmt::format("  ({}) {}\n", escaped(deviation.point), escaped(deviation.reason));
      if (out.find(line) == std::string::npos) out += line;
    }
  }
  if (out.empty()) return out;
  return "\nThe store does not do all that is asked of it; acknowledged:\n" + out;
}

json told_json(const Told& told) {
  const Record& record = *told.record;
  json out = {{"kind", audit::name(told.ref->kind)},
              {"ledger", told.ledger->state.id.path()},
              {"sequence", told.ref->sequence},
              {"key", told.ref->key},
              {"versionId", told.ref->version_id},
              {"digest", told.ref->digest.str()},
              {"recorded", format_time(told.ref->recorded)},
              {"retainUntil", format_time(told.ref->retain_until)},
              {"action", record.draft.action},
              {"request", record.draft.request.name},
              {"requester", record.draft.requester.username},
              {"decisionDigest", record.draft.decision_digest},
              {"reason", record.draft.reason},
              {"body", told.body}};
  if (record.draft.from) out["from"] = record.draft.from->version;
  if (record.draft.to) out["to"] = record.draft.to->version;
  if (record.draft.of) out["of"] = *record.draft.of;
  return out;
}

}  // namespace

Output audit_show(const AuditView& view, const std::string& model, const std::string& version,
                  bool as_json, const Style& style) {
  const std::vector<Told> all = find_told(view, model, version);
  const std::vector<const LedgerReport*> serves = serving(view, model, version);
  Output out{.errors = findings_text(view, style), .code = worst(view)};
  if (all.empty()) {
    out.errors +=
        fmt::format("error: no record names {} version {}\n", escaped(model), escaped(version));
    if (out.code == ExitCode::kOk) out.code = ExitCode::kIncomplete;
    if (!as_json) return out;
  }
  if (as_json) {
    json text = {{"cluster", view.cluster},  {"model", model},
                 {"version", version},       {"verified", worst(view) == ExitCode::kOk},
                 {"serving", json::array()}, {"records", json::array()}};
    for (const LedgerReport* ledger : serves) {
      text["serving"].push_back({{"target", ledger->state.id.path()},
                                 {"since", format_time(ledger->state.serving->by.recorded)},
                                 {"record", ledger->state.serving->by.key}});
    }
    for (const Told& told : all)
      text["records"].push_back(told_json(told));
    out.text = text.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
    return out;
  }
  out.text = bold(fmt::format("{} version {}", escaped(model), escaped(version)), style) + "\n";
  for (const LedgerReport* ledger : serves) {
    out.text +=
        fmt::format("  {} {} since {}\n", good("serves", style), escaped(ledger->state.id.path()),
                    format_time(ledger->state.serving->by.recorded));
  }
  if (serves.empty()) out.text += "  serves nowhere now\n";
  out.text += "\n";
  for (const Told& told : all)
    if (is_decision(told.ref->kind)) out.text += decision_text(told, style);
  out.text += history_text(all, style) + deviations_text(all);
  const bool sound = worst(view) == ExitCode::kOk;
  out.text +=
      fmt::format("\n{}\n", sound ? "Verified: signatures, chain and locks of all records read."
                                  : "NOT VERIFIED: see the findings above.");
  return out;
}

}  // namespace stagekeeper::cli
