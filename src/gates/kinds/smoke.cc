#include "gates/kinds/smoke.h"

#include "base/text.h"
#include "gates/parameters.h"
#include "gates/score.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::gates {
namespace {

using nlohmann::json;

constexpr const char* kMember = "smoke";
constexpr std::size_t kMaxVersion = 1024;
constexpr std::size_t kMaxShown = 60;

struct Parameters {
  std::string version;
  bool proved_by_answers = true;
};

Reasoned<Parameters> read_parameters(std::string_view parameters) {
  Parameters out;
  SK_CHECK_OK(read_members(parameters, kMaxParameterBytes, kMember, [&](ObjectReader& reader) {
    out.version = reader.text("version", kMaxVersion);
    out.proved_by_answers = !reader.has("provedByAnswers") || reader.boolean("provedByAnswers");
    // It would equal the header that a server does not send.
    if (out.version.empty()) reader.problem("BadValue", "smoke.version is empty");
  }));
  return out;
}

Status check(std::string_view parameters) {
  const Reasoned<Parameters> read = read_parameters(parameters);
  if (!read) return invalid(read.error());
  return {};
}

Result<std::string> job_parameters(std::string_view parameters, const Carries& carries) {
  SK_CHECK_OK(check(parameters));
  const auto golden = carries.find(kGolden);
  if (golden == carries.end()) return "{}";
  const auto rows = read_golden(golden->second);
  if (!rows)
    return fail(ErrorCode::kInvalid, "what a gate carries is not golden: " + rows.error().message);
  return json{{kGolden, golden_text(*rows)}}.dump();
}

Reasoned<void> check_metrics(std::string_view metrics, const Expected& /*unused*/) {
  SK_CHECK_OK(read_smoke_metrics(metrics));
  return {};
}

bool same_row(const GoldenRow& expected, const GoldenRow& seen) {
  const std::optional<double> wanted = parse_score(expected.score);
  const std::optional<double> found = parse_score(seen.score);
  return wanted && found && expected.row == seen.row && same_score(*wanted, *found);
}

/// Compares the golden rows' scores with those that the candidate gave. Which rows they are stays
/// untold: a model could know them by heart.
Judgement judge_golden(Judgement out, const SmokeMetrics& measured, const std::string& carried) {
  const Reasoned<std::vector<GoldenRow>> expected = read_golden(carried);
  if (!expected || expected->size() != measured.golden.size())
    return errored({.code = "MissingMetric", .message = "the golden rows were not scored"});
  const auto [wanted, seen] = std::ranges::mismatch(*expected, measured.golden, same_row);
  if (wanted == expected->end()) return out;
  out.verdict = Verdict::kFailed;
  out.reason = "GoldenScoreDiffers";
  out.message = fmt::format("a golden row scores {}, at the gate it scored {} ({} rows are asked)",
                            seen->score, wanted->score, expected->size());
  return out;
}

Judgement judge(std::string_view parameters, const Report& report, const Carries& carries) {
  const Reasoned<Parameters> read = read_parameters(parameters);
  if (!read) return errored({.code = "BadPolicy", .message = read.error().message});
  const std::string& version = read->version;
  const Reasoned<SmokeMetrics> measured = read_smoke_metrics(report.metrics);
  if (!measured) return errored(measured.error());
  Judgement out;
  out.verdict = Verdict::kFailed;
  // Without a proof of their own the pods are attested, or no report is judged at all.
  const std::string unsaid = read->proved_by_answers ? "none" : version;
  out.observed = measured->served_version.value_or(unsaid);
  out.threshold = version;
  if (out.observed != version) {
    out.reason = "WrongVersion";
    out.message = fmt::format("the Service answers with version {}, the pin says {}",
                              printable(out.observed, kMaxShown), version);
    return out;
  }
  if (!measured->healthy) {
    out.reason = "NotHealthy";
    out.message = "the health path did not answer 200 every time";
    return out;
  }
  const auto golden = carries.find(kGolden);
  out.verdict = Verdict::kPassed;
  out.reason = "Passed";
  out.message = fmt::format("Smoke test OK - {} {} answer{}, {}",
                            measured->served_version ? "version" : "the pods of version", version,
                            measured->served_version ? "s" : "",
                            golden == carries.end() ? "healthy" : "the golden rows score the same");
  return golden == carries.end() ? out : judge_golden(std::move(out), *measured, golden->second);
}

Carries carries(const Report& /*unused*/) {
  return {};
}

}  // namespace

const Kind kSmoke{.name = "Smoke",
                  .member = kMember,
                  .in_policies = false,
                  .needs = {.clones = false},
                  .check = check,
                  .job_parameters = job_parameters,
                  .check_metrics = check_metrics,
                  .judge = judge,
                  .carries = carries};

std::string smoke_parameters(std::string_view version, bool proved_by_answers) {
  json out{{"version", version}};
  if (!proved_by_answers) out["provedByAnswers"] = false;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Reasoned<SmokeJob> read_smoke_job(std::string_view parameters) {
  SmokeJob out;
  SK_CHECK_OK(read_members(parameters, kMaxParameterBytes, "parameters", [&](ObjectReader& reader) {
    out.golden = golden_member(reader, true);
  }));
  return out;
}

std::string metrics_text(const SmokeMetrics& metrics) {
  json out{{"healthy", metrics.healthy}};
  if (metrics.served_version) out["servedVersion"] = *metrics.served_version;
  if (!metrics.golden.empty()) out[kGolden] = golden_text(metrics.golden);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Reasoned<SmokeMetrics> read_smoke_metrics(std::string_view text) {
  SmokeMetrics out;
  SK_CHECK_OK(read_members(text, kMaxReportBytes, kMember, [&](ObjectReader& reader) {
    out.served_version = reader.optional_text("servedVersion", kMaxVersion);
    out.golden = golden_member(reader, true);
    out.healthy = reader.boolean("healthy");
  }));
  return out;
}

}  // namespace stagekeeper::gates
