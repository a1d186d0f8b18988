#include "gates/report.h"

#include "base/canonical_json.h"
#include "gates/object_reader.h"
#include "gates/score.h"
#include "gates/text.h"

#include <nlohmann/json.hpp>

#include <array>
#include <fmt/format.h>

namespace stagekeeper::gates {
namespace {

using nlohmann::json;

constexpr std::uint64_t kSchema = 1;
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxMessage = 1000;
constexpr std::size_t kMaxGroups = 64;
constexpr std::uint64_t kMaxAttempt = 1000;

constexpr std::array<std::string_view, 3> kOutcomes{"Measured", "Inconclusive", "Errored"};

json to_json(const AccuracyMetrics& m) {
  json out{{"auc", m.auc.str()},
           {"rows", fmt::to_string(m.rows)},
           {"positives", fmt::to_string(m.positives)},
           {"goldenRow", fmt::to_string(m.golden_row)},
           {"goldenScore", m.golden_score}};
  if (m.champion_auc) out["championAuc"] = m.champion_auc->str();
  if (m.improvement_low) out["improvementLow"] = m.improvement_low->str();
  if (m.improvement_high) out["improvementHigh"] = m.improvement_high->str();
  return out;
}

json to_json(const LatencyMetrics& m) {
  return json{{"p50", m.p50.str()},
              {"p95", m.p95.str()},
              {"p99", m.p99.str()},
              {"samples", fmt::to_string(m.samples)}};
}

json to_json(const FairnessMetrics& m) {
  json groups = json::array();
  for (const GroupMetrics& group : m.groups) {
    json entry{{"column", group.column},
               {"value", group.value},
               {"positives", fmt::to_string(group.positives)},
               {"negatives", fmt::to_string(group.negatives)}};
    if (group.auc) entry["auc"] = group.auc->str();
    groups.push_back(std::move(entry));
  }
  return json{{"auc", m.auc.str()}, {"groups", std::move(groups)}};
}

json to_json(const SmokeMetrics& m) {
  json out{{"servedVersion", m.served_version}, {"healthy", m.healthy}};
  if (m.golden_score) out["goldenScore"] = *m.golden_score;
  return out;
}

/// Adds the member of the metrics, named for their type.
struct AddMetrics {
  json& out;

  void operator()(const std::monostate& /*unused*/) const {}

  void operator()(const AccuracyMetrics& m) const { out["accuracy"] = to_json(m); }

  void operator()(const LatencyMetrics& m) const { out["latency"] = to_json(m); }

  void operator()(const FairnessMetrics& m) const { out["fairness"] = to_json(m); }

  void operator()(const SmokeMetrics& m) const { out["smoke"] = to_json(m); }
};

void check_score(ObjectReader& reader, const std::optional<std::string>& score) {
  if (score && !parse_score(*score))
    reader.problem("NotFinite", "goldenScore is not a finite number");
}

/// An AUC, so 0…1.
void check_auc(ObjectReader& reader, const std::optional<Decimal>& auc) {
  static const Decimal one = Decimal::parse("1").value();
  if (auc && (*auc < Decimal() || *auc > one))
    reader.problem("BadValue", "an AUC is not between 0 and 1");
}

AccuracyMetrics read_accuracy(ObjectReader& reader) {
  AccuracyMetrics out;
  out.auc = reader.decimal("auc");
  out.champion_auc = reader.optional_decimal("championAuc");
  out.rows = reader.count("rows");
  out.positives = reader.count("positives");
  out.improvement_low = reader.optional_decimal("improvementLow");
  out.improvement_high = reader.optional_decimal("improvementHigh");
  out.golden_row = reader.count("goldenRow");
  out.golden_score = reader.text("goldenScore", kMaxName);
  check_auc(reader, out.auc);
  check_auc(reader, out.champion_auc);
  check_score(reader, out.golden_score);
  if (out.positives == 0 || out.positives >= out.rows)
    reader.problem("BadValue", "accuracy: rows of one class have no AUC");
  return out;
}

LatencyMetrics read_latency(ObjectReader& reader) {
  LatencyMetrics out;
  out.p50 = reader.decimal("p50");
  out.p95 = reader.decimal("p95");
  out.p99 = reader.decimal("p99");
  out.samples = reader.count("samples");
  if (out.p50 < Decimal() || out.p95 < out.p50 || out.p99 < out.p95)
    reader.problem("BadValue", "latency: percentiles do not ascend from 0");
  return out;
}

FairnessMetrics read_fairness(ObjectReader& reader) {
  FairnessMetrics out;
  out.auc = reader.decimal("auc");
  check_auc(reader, out.auc);
  const json* groups = reader.member("groups");
  if (groups == nullptr) return out;
  if (!groups->is_array() || groups->size() > kMaxGroups) {
    reader.problem("BadValue", "fairness.groups is not a list of at most 64");
    return out;
  }
  for (const json& element : *groups) {
    ObjectReader inner(element, "fairness.groups");
    GroupMetrics group;
    group.column = inner.text("column", kMaxName);
    group.value = inner.text("value", kMaxMessage);
    group.auc = inner.optional_decimal("auc");
    group.positives = inner.count("positives");
    group.negatives = inner.count("negatives");
    check_auc(inner, group.auc);
    if (!group.auc && group.positives > 0 && group.negatives > 0)
      inner.problem("MissingMetric", "fairness.groups: a group of both classes has no auc");
    inner.refuse_unknown();
    reader.adopt(inner);
    out.groups.push_back(std::move(group));
  }
  return out;
}

SmokeMetrics read_smoke(ObjectReader& reader) {
  SmokeMetrics out;
  out.served_version = reader.text("servedVersion", kMaxName);
  out.golden_score = reader.optional_text("goldenScore", kMaxName);
  out.healthy = reader.boolean("healthy");
  check_score(reader, out.golden_score);
  return out;
}

template <typename Read>
void read_member(ObjectReader& reader, const char* key, Metrics& out, const Read& read) {
  const json* found = reader.member(key, true);
  if (found == nullptr) return;
  if (!std::holds_alternative<std::monostate>(out)) {
    reader.problem("UnexpectedMetric", "more than one kind of metrics");
    return;
  }
  ObjectReader inner(*found, key);
  out = read(inner);
  inner.refuse_unknown();
  reader.adopt(inner);
}

/// Metrics are there exactly when the report says Measured.
void read_metrics(ObjectReader& reader, Report& report) {
  read_member(reader, "accuracy", report.metrics, read_accuracy);
  read_member(reader, "latency", report.metrics, read_latency);
  read_member(reader, "fairness", report.metrics, read_fairness);
  read_member(reader, "smoke", report.metrics, read_smoke);
  const bool measured = report.outcome == ReportOutcome::kMeasured;
  const bool none = std::holds_alternative<std::monostate>(report.metrics);
  if (measured && none) reader.problem("MissingMetric", "Measured, but no metrics");
  if (!measured && !none) reader.problem("UnexpectedMetric", "metrics, but not Measured");
  if (!measured && report.code.empty())
    reader.problem("MissingField", "code is missing: why it was not measured");
}

/// Each way of not being this run's report has its own reason. The nonce is never repeated.
std::optional<Reason> mismatch(const Report& report, const Expected& expected) {
  const auto differs = [](const char* code, const char* what, std::string_view is,
                          std::string_view should) {
    return Reason{.code = code,
                  .message = fmt::format("the report is about {} {}, this run's is {}", what,
                                         printable(is, 100), printable(should, 100))};
  };
  if (report.request_uid != expected.request_uid)
    return differs("WrongRequest", "request", report.request_uid, expected.request_uid);
  if (report.gate != expected.gate) return differs("WrongGate", "gate", report.gate, expected.gate);
  if (report.attempt != expected.attempt) {
    return differs("WrongAttempt", "attempt", fmt::to_string(report.attempt),
                   fmt::to_string(expected.attempt));
  }
  if (report.nonce != expected.nonce || expected.nonce.empty())
    return Reason{.code = "NonceMismatch",
                  .message = "the report carries the nonce of another attempt"};
  if (report.dataset != expected.dataset)
    return differs("WrongDataset", "dataset", report.dataset.str(), expected.dataset.str());
  if (report.artifact != expected.artifact)
    return differs("WrongArtifact", "artifact", report.artifact.str(), expected.artifact.str());
  const auto* accuracy = std::get_if<AccuracyMetrics>(&report.metrics);
  if (accuracy != nullptr && expected.has_champion && !accuracy->champion_auc)
    return Reason{.code = "MissingMetric", .message = "the serving version was not measured"};
  if (accuracy != nullptr && !expected.has_champion && accuracy->champion_auc)
    return Reason{.code = "UnexpectedMetric", .message = "a champion's AUC, but nothing serves"};
  return std::nullopt;
}

/// Why text that is no strict JSON object is none.
Reason classify(std::string_view bytes, const Error& error) {
  if (error.message.find("duplicate key") != std::string::npos)
    return {.code = "DuplicateKey", .message = "the report repeats a key"};
  const bool begins = bytes.starts_with('{');
  const std::size_t last = bytes.find_last_not_of(" \t\r\n");
  const bool ends = last != std::string_view::npos && bytes[last] == '}';
  // The kubelet keeps the end of a long message, a crash leaves the beginning.
  if (begins != ends)
    return {.code = "Truncated", .message = "the report is only a part of a JSON object"};
  return {.code = "NotJson", .message = "the report is not JSON"};
}

}  // namespace

Reasoned<std::string> report_text(const Report& report) {
  json out{{"schema", kSchema},
           {"requestUid", report.request_uid},
           {"gate", report.gate},
           {"attempt", report.attempt},
           {"nonce", report.nonce},
           {"dataset", report.dataset.str()},
           {"artifact", report.artifact.str()},
           {"outcome", kOutcomes.at(static_cast<std::size_t>(report.outcome))},
           {"code", report.code},
           {"message", cut_utf8(report.message, kMaxMessage)}};
  std::visit(AddMetrics{out}, report.metrics);
  Result<std::string> text = canonical_json(out);
  if (!text) return because("BadValue", text.error().message);
  if (text->size() > kMaxReportBytes) {
    return because("ReportTooLarge", fmt::format("the report has {} bytes, at most {} fit: fewer "
                                                 "groups, or shorter names of groups",
                                                 text->size(), kMaxReportBytes));
  }
  return std::move(*text);
}

Reasoned<Report> parse_report(std::string_view bytes, const Expected& expected) {
  if (bytes.empty()) return because("NoReport", "the gate ended without a report");
  if (bytes.size() > kMaxReportBytes) {
    return because("Oversized", fmt::format("the report has {} bytes, at most {} are read",
                                            bytes.size(), kMaxReportBytes));
  }
  const Result<json> parsed = parse_strict_json(bytes, kMaxReportBytes);
  if (!parsed) return tl::unexpected(classify(bytes, parsed.error()));
  ObjectReader reader(*parsed, "");
  if (reader.number("schema", kMaxAttempt) != kSchema)
    reader.problem("UnsupportedSchema", "schema: this operator reads schema 1");
  Report out;
  out.request_uid = reader.text("requestUid", kMaxName);
  out.gate = reader.text("gate", kMaxName);
  out.attempt = reader.number("attempt", kMaxAttempt);
  out.nonce = reader.text("nonce", kMaxName);
  out.dataset = Digest(reader.text("dataset", kMaxName));
  out.artifact = Digest(reader.text("artifact", kMaxName));
  const std::string outcome = reader.text("outcome", kMaxName);
  if (outcome == kOutcomes[0]) {
    out.outcome = ReportOutcome::kMeasured;
  } else if (outcome == kOutcomes[1]) {
    out.outcome = ReportOutcome::kInconclusive;
  } else if (outcome != kOutcomes[2]) {
    reader.problem("BadValue", "outcome is none of Measured, Inconclusive, Errored");
  }
  out.code = reader.optional_text("code", kMaxName).value_or("");
  out.message = reader.optional_text("message", kMaxMessage).value_or("");
  if (out.code.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != std::string::npos)
    reader.problem("BadValue", "code is not a CamelCase word");
  read_metrics(reader, out);
  reader.refuse_unknown();
  if (const std::optional<Reason>& problem = reader.problem(); problem)
    return tl::unexpected(*problem);
  if (std::optional<Reason> wrong = mismatch(out, expected))
    return tl::unexpected(std::move(*wrong));
  return out;
}

}  // namespace stagekeeper::gates
