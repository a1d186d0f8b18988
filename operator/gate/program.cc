#include "operator/gate/program.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/files.h"
#include "base/log.h"
#include "gates/evaluation_set.h"
#include "gates/kind.h"
#include "http/cpprest_client.h"
#include "inference/protocol.h"
#include "operator/artifacts/stores.h"
#include "operator/gate/environment.h"
#include "operator/gate/fetch.h"
#include "operator/gate/measurers.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <utility>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Reasoned;
using gates::Report;
using gates::ReportOutcome;

constexpr std::size_t kMaxCaBytes = std::size_t{1} << 20U;
constexpr std::size_t kMaxTokenBytes = std::size_t{16} << 10U;

/// What the data cannot tell; another attempt would find the same.
constexpr std::array<std::string_view, 13> kInconclusive{
    "PredictionsMismatch", "MissingValue",  "NotFinite",     "ConstantScores",
    "ClassLabels",         "OneClass",      "NoRows",        "NoGroups",
    "NoSuchRow",           "TooManyGroups", "TooFewSamples", "MissingLabel",
    "UnclearLabels"};

Report base_report(const gates::GateInput& input) {
  Report out;
  out.request_uid = input.request_uid;
  out.gate = input.gate;
  out.attempt = input.attempt;
  out.nonce = input.nonce;
  if (input.dataset) out.dataset = input.dataset->digest;
  out.artifact = input.artifact.digest;
  return out;
}

/// The evaluation rows, from a file that has the right digest (again: it has been on a volume).
/// None where there is no dataset.
Reasoned<gates::EvaluationSet> load(const gates::GateInput& input, const gates::Kind& kind,
                                    const std::string& directory) {
  if (!input.dataset) return gates::EvaluationSet{};
  const std::string path = directory + "/" + kDatasetFile;
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size > gates::TableLimits{}.bytes) {
    return because("NoDataset",
                   fmt::format("cannot use {}: {}", path, error ? error.message() : "too large"));
  }
  const Result<std::string> csv = read_file(path, static_cast<std::size_t>(size));
  if (!csv) return because("NoDataset", csv.error().message);
  if (const Digest actual = sha256_digest(*csv); actual != input.dataset->digest) {
    return because("DatasetDigestMismatch", fmt::format("{} has digest {}, expected {}", path,
                                                        actual.str(), input.dataset->digest.str()));
  }
  return gates::read_evaluation_set(*csv, input, kind.needs);
}

/// What a container was given beside its input to reach model servers.
struct Access {
  std::string ca_pem;  ///< empty: the system's authorities
  std::string token;   ///< secret
};

/// Reads the file that a variable names; nothing where it is not set. Errors: Invalid.
Result<std::string> file_of(const char* variable, std::size_t max_bytes) {
  const std::string path = environment(variable);
  if (path.empty()) return std::string();
  Result<std::string> text = read_file(path, max_bytes);
  if (!text) return fail(text.error(), variable);
  while (text->ends_with('\n') || text->ends_with('\r'))
    text->pop_back();
  if (text->empty()) return fail(ErrorCode::kInvalid, path + " is empty");
  return text;
}

Result<Access> read_access() {
  Access out;
  SK_TRY(out.ca_pem, file_of("INFERENCE_CA_FILE", kMaxCaBytes));
  SK_TRY(out.token, file_of("INFERENCE_TOKEN_FILE", kMaxTokenBytes));
  const bool printable_only =
      std::ranges::all_of(out.token, [](char c) { return c > ' ' && c <= '~'; });
  if (!printable_only) {
    return fail(ErrorCode::kInvalid,
                "the bearer token has a space, a line break or another character that no token "
                "has: write the key of the Secret again");
  }
  return out;
}

/// Connections to model servers as the input and the container's files say; both outlive it.
Connect connector(const gates::Inference& inference, const Access& access) {
  return [&inference, &access](const std::string& origin) {
    http::ClientOptions options;
    options.origin = origin;
    options.ca_pem = access.ca_pem;
    if (origin.starts_with("https://")) options.server_name = inference.server_name;
    options.max_body_bytes = inference::kMaxAnswerBytes;
    options.user_agent = "stagekeeper-gate";
    return http::make_client(options);
  };
}

/// Runs what is particular to the kind, against the servers of the input.
Reasoned<std::string> measure(const gates::GateInput& input, const gates::EvaluationSet& rows,
                              const Access& access, std::chrono::seconds ready_timeout) {
  SteadyTimer timer;
  const Surroundings around{.connect = connector(input.inference, access),
                            .timer = timer,
                            .ready = {.timeout = ready_timeout},
                            .token = access.token};
  return find_measurer(input.kind)->measure(input, rows, around);
}

}  // namespace

Report failed_report(const gates::GateInput& input, const gates::Reason& reason) {
  Report out = base_report(input);
  const bool cannot_tell =
      std::find(kInconclusive.begin(), kInconclusive.end(), reason.code) != kInconclusive.end();
  out.outcome = cannot_tell ? ReportOutcome::kInconclusive : ReportOutcome::kErrored;
  out.code = reason.code;
  out.message = reason.message;
  return out;
}

Report measured_report(const gates::GateInput& input, std::string metrics) {
  Report out = base_report(input);
  out.outcome = ReportOutcome::kMeasured;
  out.metrics = std::move(metrics);
  return out;
}

int finish(const Report& report, const gates::Kind& kind, const std::string& path) {
  Report written = report;
  Reasoned<std::string> text = gates::report_text(written, kind);
  if (!text) {
    written.outcome = ReportOutcome::kErrored;
    written.code = text.error().code;
    written.message = text.error().message;
    written.metrics = {};
    text = gates::report_text(written, kind);
  }
  if (!text) {
    log(LogLevel::kError, "no report", {{"err", text.error().message}});
    return kExitUnusable;
  }
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << *text;
  out.close();
  if (!out.good()) {
    log(LogLevel::kError, "no report", {{"err", "cannot write " + path}});
    return kExitUnusable;
  }
  const bool errored = written.outcome == ReportOutcome::kErrored;
  log(errored ? LogLevel::kError : LogLevel::kInfo, "gate ended",
      {{"gate", written.gate},
       {"attempt", fmt::to_string(written.attempt)},
       {"outcome", std::string(gates::name(written.outcome))},
       {"reason", written.code},
       {"message", written.message}});
  return errored ? kExitErrored : kExitReported;
}

int run_fetch(const gates::GateInput& input, const ProgramOptions& options) {
  const gates::Kind& kind = *gates::find_kind(input.kind);
  const SystemClock clock;
  Result<artifacts::StoreOptions> options_of =
      artifacts::options_from(environment, clock, "stagekeeper-gate");
  if (!options_of) {
    const gates::Reason refused{.code = "FetchRefused", .message = options_of.error().message};
    return finish(failed_report(input, refused), kind, options.report_path);
  }
  const auto source = artifacts::make_source(*std::move(options_of));
  SteadyTimer timer;
  const artifacts::Patience patience{
      .sleep = [&timer](std::chrono::milliseconds pause) { timer.sleep(pause); }};
  const Reasoned<void> fetched = fetch_inputs(input, options.directory, *source, patience);
  if (!fetched) return finish(failed_report(input, fetched.error()), kind, options.report_path);
  log(LogLevel::kInfo, "fetched",
      {{"gate", input.gate},
       {"dataset", input.dataset ? input.dataset->digest.str() : "none"},
       {"artifact",
        input.artifact.uri.empty() ? "not verified here" : input.artifact.digest.str()}});
  return kExitReported;
}

int run_gate(const gates::GateInput& input, const ProgramOptions& options) {
  const gates::Kind& kind = *gates::find_kind(input.kind);
  const auto invalid = [&](const Error& error) {
    const gates::Reason reason{.code = "InvalidInput", .message = error.message};
    return finish(failed_report(input, reason), kind, options.report_path);
  };
  if (const Status usable = inference::check(input.inference); !usable)
    return invalid(usable.error());
  const Result<Access> access = read_access();
  if (!access) return invalid(access.error());
  const Reasoned<gates::EvaluationSet> rows = load(input, kind, options.directory);
  if (!rows) return finish(failed_report(input, rows.error()), kind, options.report_path);
  log(LogLevel::kInfo, "gate started",
      {{"gate", input.gate},
       {"rows", fmt::to_string(rows->features.rows)},
       {"candidate", input.candidate.url},
       {"champion", input.champion ? input.champion->url : ""}});
  const Reasoned<std::string> metrics = measure(input, *rows, *access, options.ready_timeout);
  if (!metrics) return finish(failed_report(input, metrics.error()), kind, options.report_path);
  return finish(measured_report(input, *metrics), kind, options.report_path);
}

}  // namespace stagekeeper::gate
