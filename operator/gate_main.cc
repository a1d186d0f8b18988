#include "base/log.h"
#include "gates/gate_input.h"
#include "http/cpprest_client.h"
#include "operator/gate/program.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <string>

namespace {

using stagekeeper::Result;
using stagekeeper::gate::ProgramOptions;
using stagekeeper::gates::GateInput;

constexpr const char* kInputVariable = "STAGEKEEPER_GATE_INPUT";

/// The gate's input; the subcommand must be the one for its type, or `fetch`.
Result<GateInput> read_input(const std::string& command) {
  const char* text = std::getenv(kInputVariable);
  if (text == nullptr) {
    return stagekeeper::fail(stagekeeper::ErrorCode::kInvalid,
                             std::string(kInputVariable) + " is not set");
  }
  Result<GateInput> input = stagekeeper::gates::parse_gate_input(text);
  if (!input) return input;
  std::string type(stagekeeper::gates::name(input->type));
  type[0] = static_cast<char>(type[0] - 'A' + 'a');
  if (command != "fetch" && command != type) {
    return stagekeeper::fail(stagekeeper::ErrorCode::kInvalid,
                             "the input is for " + type + ", not for " + command);
  }
  return input;
}

int run(const std::string& command, const ProgramOptions& options) {
  stagekeeper::http::initialize_pool();
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
  app.set_version_flag("--version", STAGEKEEPER_VERSION);
  app.require_subcommand(1);
  ProgramOptions options;
  long ready_timeout_seconds = options.ready_timeout.count();
  const char* const commands[][2] = {
      {"fetch", "Download dataset and artifact, verify their digests"},
      {"accuracy", "Score all rows through candidate and champion, report both AUCs"},
      {"latency", "Time one-row calls one after the other, report percentiles"},
      {"fairness", "Score all rows through the candidate, report the AUC of each group"},
      {"smoke", "Ask the serving Service for health, version and the golden row"}};
  for (const auto& [name, what] : commands) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("--dir", options.directory, "Directory of the fetched files")
        ->capture_default_str();
    command->add_option("--report", options.report_path, "File to write the report to")
        ->capture_default_str();
    command->add_option("--ready-timeout", ready_timeout_seconds, "Seconds to wait for a server")
        ->check(CLI::Range(1L, 600L))
        ->capture_default_str();
  }
  try {
    app.parse(argc, argv);
    options.ready_timeout = std::chrono::seconds(ready_timeout_seconds);
    return run(app.get_subcommands().front()->get_name(), options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : stagekeeper::gate::kExitUnusable;
  } catch (const std::exception& error) {
    // Only a bug or memory running out gets here; without a report the attempt counts as errored.
    log(stagekeeper::LogLevel::kError, "bug", {{"err", error.what()}});
    return stagekeeper::gate::kExitUnusable;
  }
}
