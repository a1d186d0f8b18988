#include "base/log.h"
#include "gates/gate_input.h"
#include "gates/kind.h"
#include "http/cpprest_client.h"
#include "operator/gate/measurers.h"
#include "operator/gate/program.h"
#include "operator/gate/verify.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <string>

namespace {

using stagekeeper::Result;
using stagekeeper::gate::ProgramOptions;
using stagekeeper::gates::GateInput;

constexpr const char* kInputVariable = "STAGEKEEPER_GATE_INPUT";

/// The gate's input; the subcommand must be the one for its kind, or `fetch`.
Result<GateInput> read_input(const std::string& command) {
  const char* text = std::getenv(kInputVariable);
  if (text == nullptr) {
    return stagekeeper::fail(stagekeeper::ErrorCode::kInvalid,
                             std::string(kInputVariable) + " is not set");
  }
  Result<GateInput> input = stagekeeper::gates::parse_gate_input(text);
  if (!input) return input;
  const std::string member(stagekeeper::gates::find_kind(input->kind)->member);
  if (command != "fetch" && command != member) {
    return stagekeeper::fail(stagekeeper::ErrorCode::kInvalid,
                             "the input is for " + member + ", not for " + command);
  }
  return input;
}

int run(const std::string& command, const ProgramOptions& options) {
  const Result<GateInput> input = read_input(command);
  if (!input) {
    // Whose report it would be is unknown, so there is none.
    log(stagekeeper::LogLevel::kError, "bad input", {{"err", input.error().message}});
    return stagekeeper::gate::kExitUnusable;
  }
  return command == "fetch" ? stagekeeper::gate::run_fetch(*input, options)
                            : stagekeeper::gate::run_gate(*input, options);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Measures one promotion gate of Stagekeeper inside its Job. Reads " +
      std::string(kInputVariable) +
      ", writes a report to the termination log. Exit: 0 measured or inconclusive, 1 errored (the "
      "report says why), 2 no report."};
  app.footer(
      "verify is for the pods of model servers. Exit: 0 the files are there, 1 refused, 2 no "
      "pin or unusable settings, 3 the store did not answer; the termination log says why.");
  app.set_version_flag("--version", STAGEKEEPER_VERSION);
  app.require_subcommand(1);
  ProgramOptions options;
  long ready_timeout_seconds = options.ready_timeout.count();
  const auto add_command = [&](const std::string& name, const char* help) {
    CLI::App* command = app.add_subcommand(name, help);
    command->add_option("--dir", options.directory, "Directory of the fetched files")
        ->capture_default_str();
    command->add_option("--report", options.report_path, "File to write the report to")
        ->capture_default_str();
    command->add_option("--ready-timeout", ready_timeout_seconds, "Seconds to wait for a server")
        ->check(CLI::Range(1L, 600L))
        ->capture_default_str();
  };
  add_command("fetch", "Download the dataset, verify its digest and the artifact's");
  for (const stagekeeper::gate::Measurer& measurer : stagekeeper::gate::measurers()) {
    const auto* const kind = stagekeeper::gates::find_kind(measurer.kind);
    add_command(std::string(kind->member), measurer.help);
  }
  stagekeeper::gate::VerifyOptions verifying;
  CLI::App& verify = *app.add_subcommand(
      "verify", "Download the artifact of MODEL_URI, verify it by MODEL_DIGEST, put it in place");
  verify.add_option("--to", verifying.to, "Folder for the files, made when all are verified")
      ->capture_default_str();
  verify.add_option("--report", verifying.report_path, "File to write a refusal to")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    stagekeeper::http::initialize_pool();
    if (verify.parsed()) stagekeeper::http::end_process(stagekeeper::gate::run_verify(verifying));
    options.ready_timeout = std::chrono::seconds(ready_timeout_seconds);
    stagekeeper::http::end_process(run(app.get_subcommands().front()->get_name(), options));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : stagekeeper::gate::kExitUnusable;
  } catch (const std::exception& error) {
    // Only a bug or memory running out gets here; without a report the attempt counts as errored.
    log(stagekeeper::LogLevel::kError, "bug", {{"err", error.what()}});
    return stagekeeper::gate::kExitUnusable;
  }
}
