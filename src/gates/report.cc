#include "gates/report.h"

#include "base/canonical_json.h"
#include "base/enum_names.h"
#include "base/text.h"
#include "gates/kind.h"
#include "gates/object_reader.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper::gates {
namespace {

using nlohmann::json;

constexpr std::uint64_t kSchema = 1;
constexpr std::size_t kMaxName = 1024;
constexpr std::size_t kMaxMessage = 1000;
constexpr std::size_t kMaxShown = 100;
constexpr std::uint64_t kMaxAttempt = 1000;

constexpr EnumName<ReportOutcome> kOutcomes[] = {{ReportOutcome::kMeasured, "Measured"},
                                                 {ReportOutcome::kInconclusive, "Inconclusive"},
                                                 {ReportOutcome::kErrored, "Errored"}};
static_assert(names_all(kOutcomes, ReportOutcome::kErrored));

/// Metrics are there exactly when the report says Measured, and are those of the kind.
void read_metrics(ObjectReader& reader, const Expected& expected, const Kind& kind,
                  Report& report) {
  for (const Kind* other : kinds()) {
    // Told apart from a member that nobody knows: it is what another kind measures.
    if (other != &kind && reader.has(std::string(other->member).c_str()))
      reader.problem("UnexpectedMetric", "the report holds what another kind of gate measures");
  }
  const json* found = reader.member(std::string(kind.member).c_str(), true);
  const bool measured = report.outcome == ReportOutcome::kMeasured;
  if (measured && found == nullptr) reader.problem("MissingMetric", "Measured, but no metrics");
  if (!measured && found != nullptr)
    reader.problem("UnexpectedMetric", "metrics, but not Measured");
  if (!measured && report.code.empty())
    reader.problem("MissingField", "code is missing: why it was not measured");
  if (reader.problem() || found == nullptr) return;
  report.metrics = found->dump();
  const Reasoned<void> good = kind.check_metrics(report.metrics, expected);
  if (!good) reader.problem(good.error().code, good.error().message);
}

/// Each way of not being this run's report has its own reason. The nonce is never repeated.
std::optional<Reason> mismatch(const Report& report, const Expected& expected) {
  const auto differs = [](const char* code, const char* what, std::string_view is,
                          std::string_view should) {
    return Reason{.code = code,
                  .message = fmt::format("the report is about {} {}, this run's is {}", what,
                                         printable(is, kMaxShown), printable(should, kMaxShown))};
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

/// Everything but the metrics.
Report read_envelope(ObjectReader& reader) {
  Report out;
  if (reader.number("schema", kMaxAttempt) != kSchema)
    reader.problem("UnsupportedSchema", "schema: this operator reads schema 1");
  out.request_uid = reader.text("requestUid", kMaxName);
  out.gate = reader.text("gate", kMaxName);
  out.attempt = reader.number("attempt", kMaxAttempt);
  out.nonce = reader.text("nonce", kMaxName);
  out.dataset = Digest(reader.optional_text("dataset", kMaxName).value_or(""));
  out.artifact = Digest(reader.text("artifact", kMaxName));
  const auto outcome = enum_value(kOutcomes, reader.text("outcome", kMaxName));
  if (!outcome) reader.problem("BadValue", "outcome is none of Measured, Inconclusive, Errored");
  out.outcome = outcome.value_or(ReportOutcome::kErrored);
  out.code = reader.optional_text("code", kMaxName).value_or("");
  out.message = reader.optional_text("message", kMaxMessage).value_or("");
  if (out.code.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != std::string::npos)
    reader.problem("BadValue", "code is not a CamelCase word");
  return out;
}

}  // namespace

std::string_view name(ReportOutcome outcome) {
  return enum_name(kOutcomes, outcome);
}

Reasoned<std::string> report_text(const Report& report, const Kind& kind) {
  json out{{"schema", kSchema},
           {"requestUid", report.request_uid},
           {"gate", report.gate},
           {"attempt", report.attempt},
           {"nonce", report.nonce},
           {"artifact", report.artifact.str()},
           {"outcome", name(report.outcome)},
           {"code", report.code},
           {"message", cut_utf8(report.message, kMaxMessage)}};
  if (!report.dataset.str().empty()) out["dataset"] = report.dataset.str();
  if (!report.metrics.empty()) {
    const Result<json> metrics = parse_strict_json(report.metrics, std::size_t{1} << 20U);
    if (!metrics) return because("BadValue", metrics.error().message);
    out[std::string(kind.member)] = *metrics;
  }
  Result<std::string> text = canonical_json(out);
  if (!text) return because("BadValue", text.error().message);
  if (text->size() > kMaxReportBytes) {
    return because("ReportTooLarge", fmt::format("the report has {} bytes, at most {} fit",
                                                 text->size(), kMaxReportBytes));
  }
  return std::move(*text);
}

Reasoned<Report> parse_report(std::string_view bytes, const Expected& expected, const Kind& kind) {
  if (bytes.empty()) return because("NoReport", "the gate ended without a report");
  if (bytes.size() > kMaxReportBytes) {
    return because("Oversized", fmt::format("the report has {} bytes, at most {} are read",
                                            bytes.size(), kMaxReportBytes));
  }
  const Result<json> parsed = parse_strict_json(bytes, kMaxReportBytes);
  if (!parsed) return tl::unexpected(classify(bytes, parsed.error()));
  ObjectReader reader(*parsed, "");
  Report out = read_envelope(reader);
  read_metrics(reader, expected, kind, out);
  reader.refuse_unknown();
  if (const std::optional<Reason>& problem = reader.problem(); problem)
    return tl::unexpected(*problem);
  if (std::optional<Reason> wrong = mismatch(out, expected))
    return tl::unexpected(std::move(*wrong));
  return out;
}

}  // namespace stagekeeper::gates
