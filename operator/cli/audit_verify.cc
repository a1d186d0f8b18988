#include "operator/cli/audit_verify.h"

#include "base/text.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper::cli {
namespace {

using audit::LedgerReport;
using nlohmann::json;

std::string_view verdict(ExitCode code) {
  switch (code) {
    case ExitCode::kOk:
      return "ok";
    case ExitCode::kTampered:
      return "tampered";
    default:
      return "incomplete";
  }
}

ExitCode judge(const LedgerReport& ledger) {
  return worst({.ledgers = {ledger}});
}

std::string unlock_text(const LedgerReport& ledger) {
  return ledger.first_unlock ? format_time(*ledger.first_unlock) : "";
}

/// Sequence of the open Intent; empty for none.
std::string open_text(const LedgerReport& ledger) {
  const RecordFact* open = ledger.history.open_intent();
  return open == nullptr ? std::string() : std::to_string(open->sequence);
}

json ledger_json(const LedgerReport& ledger) {
  json findings = json::array();
  for (const audit::Finding& finding : ledger.findings) {
    const bool tampered = finding.kind == audit::Finding::Kind::kTampered;
    findings.push_back({{"kind", tampered ? "Tampered" : "Incomplete"},
                        {"sequence", finding.sequence},
                        {"what", finding.what}});
  }
  return {{"ledger", ledger.id.path()},       {"verdict", verdict(judge(ledger))},
          {"records", ledger.records.size()}, {"head", ledger.history.head_digest()},
          {"openIntent", open_text(ledger)},  {"firstUnlock", unlock_text(ledger)},
          {"findings", std::move(findings)}};
}

}  // namespace

Output audit_verify(const AuditView& view, bool as_json, const Style& style) {
  const ExitCode code = worst(view);
  if (as_json) {
    json out = {{"cluster", view.cluster},
                {"verdict", verdict(code)},
                {"strangers", view.strangers},
                {"ledgers", json::array()}};
    for (const LedgerReport& ledger : view.ledgers)
      out["ledgers"].push_back(ledger_json(ledger));
    return {.text = out.dump(2, ' ', false, json::error_handler_t::replace) + "\n", .code = code};
  }
  Table table({"LEDGER", "RECORDS", "SERVES", "OPEN", "LOCKED UNTIL", "HEAD", "VERDICT"});
  std::size_t records = 0;
  for (const LedgerReport& ledger : view.ledgers) {
    records += ledger.records.size();
    const RecordFact* serving = ledger.history.serving();
    table.add({ledger.id.path(), std::to_string(ledger.records.size()),
               serving == nullptr ? "" : serving->to.version, open_text(ledger),
               unlock_text(ledger), ledger.history.head_digest().substr(0, 19),
               std::string(verdict(judge(ledger)))});
  }
  std::string text = fmt::format("Cluster {}\n\n", escaped(view.cluster)) + table.str(0, style);
  const std::string findings = findings_text(view, style);
  if (!findings.empty()) text += "\n" + findings;
  text += fmt::format("\n{}: {} record(s) in {} ledger(s)\n",
                      code == ExitCode::kOk ? good("ok", style) : bad(verdict(code), style),
                      records, view.ledgers.size());
  return {.text = std::move(text), .code = code};
}

}  // namespace stagekeeper::cli
