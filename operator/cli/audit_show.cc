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
using nlohmann::json;

/// One record about the version, with its place.
struct Told {
  const LedgerReport* ledger;
  const Record* record;
  const RecordFact* fact;
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

/// Whether the record is about the version, or moves it.
bool names_version(const RecordContent& content, const std::string& model,
                   const std::string& version) {
  if (content.model != model) return false;
  const VersionRef& about = content.to.version.empty() ? content.from : content.to;
  return about.version == version ||
         std::any_of(content.moves.begin(), content.moves.end(),
                     [&](const StageMove& move) { return move.version.version == version; });
}

std::vector<Told> find_told(const AuditView& view, const std::string& model,
                            const std::string& version) {
  std::vector<Told> out;
  for (const LedgerReport& ledger : view.ledgers) {
    for (std::size_t i = 0; i < ledger.records.size(); ++i) {
      const Record& record = ledger.records[i];
      if (!names_version(record.content, model, version)) continue;
      Result<json> body = parse_strict_json(record.content.body, audit::kMaxPayloadBytes);
      out.push_back({.ledger = &ledger,
                     .record = &record,
                     .fact = ledger.history.at(i + 1),
                     .body = body ? std::move(*body) : json::object()});
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Told& a, const Told& b) { return a.fact->time < b.fact->time; });
  return out;
}

/// The ledgers whose target serves exactly this version now.
std::vector<const LedgerReport*> serving(const AuditView& view, const std::string& model,
                                         const std::string& version) {
  std::vector<const LedgerReport*> out;
  for (const LedgerReport& ledger : view.ledgers) {
    const RecordFact* now = ledger.history.serving();
    if (now != nullptr && now->to.version == version && now->model == model) out.push_back(&ledger);
  }
  return out;
}

/// The records to show whole: what was measured, what was decided and how it ended.
bool is_decision(RecordKind kind) {
  return kind == RecordKind::kGateResult || kind == RecordKind::kDecided ||
         kind == RecordKind::kConcluded;
}

std::string kind_text(const RecordContent& content) {
  return content.kind == RecordKind::kUnknown ? content.kind_text : std::string(name(content.kind));
}

std::string code_text(const RecordContent& content) {
  return content.code == EndCode::kNone ? std::string() : std::string(name(content.code));
}

std::string label(std::string_view what, const std::string& value) {
  if (value.empty()) return {};
  return fmt::format("  {:<14}{}\n", what, escaped(value));
}

/// The parts that are there, in one line.
std::string joined(std::initializer_list<std::string_view> parts) {
  return join_filled(parts, "  ");
}

std::string version_text(const VersionRef& version) {
  return version.version.empty() ? "nothing" : version.version;
}

std::string moves_text(const RecordContent& content) {
  std::vector<std::string> moves;
  moves.reserve(content.moves.size());
  for (const StageMove& move : content.moves) {
    moves.push_back(
        fmt::format("{}: {} -> {}", move.version.version, move.from, move.version.stage));
  }
  return join(moves, ", ");
}

std::string transition(const Record& record) {
  const RecordContent& content = record.content;
  if (content.from == VersionRef() && content.to == VersionRef())
    return join_filled({content.action, moves_text(content)}, "  ");
  const std::string way = version_text(content.from) + " -> " + version_text(content.to);
  const std::string stage = content.to.stage.empty() ? "" : "stage " + content.to.stage;
  return join_filled({content.action, way, stage}, "  ");
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
  const std::string requester = record.content.requester.username;
  std::string out = bold(fmt::format("{} {}  {}", kind_text(record.content), told.fact->sequence,
                                     format_time(told.fact->time)),
                         style) +
                    "\n";
  out += label("decision", transition(record));
  out += label("ended", code_text(record.content));
  out += label("moves", moves_text(record.content));
  out += label("targets", join(record.content.targets, ", "));
  out += label("requested by",
               joined({requester.empty() ? at(told.body, {"requester", "username"}) : requester,
                       record.content.request.name.empty()
                           ? ""
                           : "with request " + record.content.request.name}));
  out += label("reason", joined({at(told.body, {"request", "reason"}), record.content.text}));
  out += label("dataset", joined({at(told.body, {"evaluation", "dataset", "uri"}),
                                  at(told.body, {"evaluation", "dataset", "version"}),
                                  at(told.body, {"evaluation", "dataset", "digest"})}));
  out += label("artifact", joined({record.content.to.artifact_uri, record.content.to.digest}));
  out += label("features", at(told.body, {"modelVersion", "featurePipelineVersion"}));
  out += label("trained by", at(told.body, {"modelVersion", "source", "trainedBy"}));
  out +=
      label("trained on", joined({at(told.body, {"modelVersion", "training", "datasetVersion"}),
                                  at(told.body, {"modelVersion", "training", "datasetDigest"})}));
  out += label("registry", joined({at(told.body, {"modelVersion", "source", "registry"}),
                                   at(told.body, {"modelVersion", "source", "registeredModel"}),
                                   at(told.body, {"modelVersion", "source", "version"}),
                                   at(told.body, {"modelVersion", "source", "runId"})}));
  out += label("digest", record.content.decision_digest);
  out += label("record", told.fact->key);
  if (const std::string gates = gates_table(told, style); !gates.empty()) out += "\n" + gates;
  const std::string approvals = approvals_table(told, style);
  if (!approvals.empty()) out += "\n" + approvals;
  return out + "\n";
}

std::string history_text(const std::vector<Told>& all, const Style& style) {
  Table table({"TIME", "RECORD", "DECISION", "LEDGER", "SEQ", "DIGEST", "LOCKED UNTIL"});
  for (const Told& told : all) {
    table.add({format_time(told.fact->time),
               join_filled({kind_text(told.record->content), code_text(told.record->content)}, " "),
               transition(*told.record), told.ledger->id.path(),
               std::to_string(told.fact->sequence), told.fact->digest.substr(0, 19),
               format_time(told.fact->retain_until)});
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
  json out = {{"kind", kind_text(record.content)},
              {"ledger", told.ledger->id.path()},
              {"sequence", told.fact->sequence},
              {"key", told.fact->key},
              {"versionId", told.fact->version_id},
              {"digest", told.fact->digest},
              {"recorded", format_time(told.fact->time)},
              {"retainUntil", format_time(told.fact->retain_until)},
              {"action", record.content.action},
              {"request", record.content.request.name},
              {"requester", record.content.requester.username},
              {"decisionDigest", record.content.decision_digest},
              {"code", code_text(record.content)},
              {"text", record.content.text},
              {"body", told.body}};
  if (!record.content.from.version.empty()) out["from"] = record.content.from.version;
  if (!record.content.to.version.empty()) out["to"] = record.content.to.version;
  if (record.content.of != 0) out["of"] = record.content.of;
  if (!record.content.decided.empty()) out["decided"] = record.content.decided;
  if (!record.content.targets.empty()) out["targets"] = record.content.targets;
  for (const StageMove& move : record.content.moves) {
    out["moves"].push_back(
        {{"version", move.version.version}, {"from", move.from}, {"to", move.version.stage}});
  }
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
      text["serving"].push_back({{"target", ledger->id.path()},
                                 {"since", format_time(ledger->history.serving()->time)},
                                 {"record", ledger->history.serving()->key}});
    }
    for (const Told& told : all)
      text["records"].push_back(told_json(told));
    out.text = text.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
    return out;
  }
  out.text = bold(fmt::format("{} version {}", escaped(model), escaped(version)), style) + "\n";
  for (const LedgerReport* ledger : serves) {
    out.text += fmt::format("  {} {} since {}\n", good("serves", style), escaped(ledger->id.path()),
                            format_time(ledger->history.serving()->time));
  }
  if (serves.empty()) out.text += "  serves nowhere now\n";
  out.text += "\n";
  for (const Told& told : all)
    if (is_decision(told.fact->kind)) out.text += decision_text(told, style);
  out.text += history_text(all, style) + deviations_text(all);
  const bool sound = worst(view) == ExitCode::kOk;
  out.text += fmt::format(
      "\n{}\n", sound ? "Verified: signatures, chain, locks and agreement of all records read."
                      : "NOT VERIFIED: see the findings above.");
  return out;
}

}  // namespace stagekeeper::cli
