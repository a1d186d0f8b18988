#include "base/log.h"
#include "http/cpprest_client.h"
#include "operator/wiring/app.h"
#include "operator/wiring/check.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>
#include <string>
#include <sys/resource.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace): a main

int main(int argc, char** argv) {
  // A core dump would hold the signing key.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);

  CLI::App app(
      "Stagekeeper promotes model versions through gates, approvals and a locked audit trail.");
  app.set_version_flag("--version", STAGEKEEPER_VERSION);
  std::string config_path = "/etc/stagekeeper/config.yaml";
  app.add_option("--config", config_path, "Configuration file (see the chart's ConfigMap)")
      ->capture_default_str();
  AppOptions options{.version = STAGEKEEPER_VERSION};
  app.add_option(
      "--kubeconfig", options.kubeconfig,
      "Cluster to work on; default: that of $KUBECONFIG, else the pod's own, else that of "
      "~/.kube/config");
  app.add_option("--port", options.port, "Port of /metrics, /healthz and /readyz")
      ->capture_default_str();
  std::string secrets;
  app.add_option(
      "--secrets-dir", secrets,
      "Directory with signing/key.pem and, for keys in files, s3/accessKey, s3/secretKey and "
      "s3/sessionToken; default: /etc/stagekeeper");
  bool debug = false;
  app.add_flag("--debug", debug, "Log every round, also those that change nothing");
  CheckOptions check_options{.version = STAGEKEEPER_VERSION};
  CLI::App& check = *app.add_subcommand(
      "check", "Look at an installation from outside; exit code 1 if something is wrong");
  check.add_option("--operator", check_options.operator_origin,
                   "http://host:port of the operator's /readyz and /metrics");
  check.add_option("--forge-in", check_options.forge_in,
                   "Try, as a dry run in this namespace, to ask in another's name");
  check.add_option("--gate-class", check_options.gate_classes,
                   "A GateClass that must be accepted; repeatable");
  CLI11_PARSE(app, argc, argv);

  if (check.parsed()) {
    check_options.kubeconfig = options.kubeconfig;
    http::end_process(run_check(check_options));
  }
  if (debug) set_log_level(LogLevel::kDebug);
  Result<Config> config = load_config(config_path);
  if (!config) {
    log(LogLevel::kError, "cannot start", {{"err", config.error().message}});
    return 1;
  }
  if (!secrets.empty()) {
    config->credentials_dir = secrets + "/s3";
    config->signing_key_file = secrets + "/signing/key.pem";
  }
  http::end_process(run_operator(*config, options));
}
