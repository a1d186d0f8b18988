// kubectl-stagekeeper: what can be asked of Stagekeeper from the outside.
#include "base/clock.h"
#include "base/log.h"
#include "http/cpprest_client.h"
#include "operator/cli/artifact_digest.h"
#include "operator/cli/audit_show.h"
#include "operator/cli/audit_source.h"
#include "operator/cli/audit_verify.h"
#include "operator/cli/create.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <string>
#include <unistd.h>

namespace {

using namespace stagekeeper;  // NOLINT(google-build-using-namespace): a main

std::string from_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? std::string() : std::string(value);
}

void add_store_flags(CLI::App& command, cli::AuditFlags& flags) {
  command.add_option("-n,--namespace", flags.ns, "Namespace; all by default");
  command.add_option("--cluster", flags.cluster,
                     "uid of namespace kube-system; by default the only one in the bucket");
  command.add_option("--bucket", flags.bucket, "Bucket of the records")->required();
  command.add_option("--endpoint", flags.endpoint, "https://host[:port] of the S3 store")
      ->required();
  command.add_option("--region", flags.region, "Region of the store")->capture_default_str();
  command.add_option("--ca-file", flags.ca_file, "PEM of the authority of the store's certificate");
  command
      .add_option("--public-key", flags.public_key_files,
                  "PEM of a public key that records may be signed with; several after a rotation")
      ->required();
  command.add_flag("--json", flags.json, "JSON instead of text");
}

void add_create_flags(CLI::App& command, cli::CreateFlags& flags) {
  command.add_option("-f,--filename", flags.file, "Manifest; - for standard input")->required();
  command.add_option("-n,--namespace", flags.ns, "Namespace of objects that name none");
  command.add_option("--kubeconfig", flags.kubeconfig, "By default as kubectl");
  command.add_option("--context", flags.context, "Of the kubeconfig");
  command.add_flag("--dry-run", flags.dry_run,
                   "Let the API server check everything and store nothing");
}

CLI::App& add_digest(CLI::App& app, cli::DigestFlags& flags) {
  CLI::App& artifact = *app.add_subcommand("artifact", "What a version of a model is made of");
  artifact.require_subcommand(1);
  CLI::App& digest = *artifact.add_subcommand(
      "digest", "Type, digest and size of a file or folder, for spec.artifact of a ModelVersion");
  digest.add_option("WHAT", flags.what, "DIR, FILE, s3://BUCKET/KEY or https://…; / ends a folder")
      ->required();
  digest.add_flag("--write-manifest", flags.write_manifest,
                  "Write the list of a local folder's files into it, as gates and servers need it");
  digest.add_flag("--manifest", flags.manifest, "Print that list, and nothing else");
  digest.add_option("--endpoint", flags.endpoint,
                    "https://host[:port] of the S3 store; by default S3_ENDPOINT");
  digest.add_option("--region", flags.region, "Region of the store; by default S3_REGION");
  digest.add_option("--ca-file", flags.ca_file,
                    "PEM of the authority of the store's certificate; by default S3_CA_FILE");
  digest.add_flag("--json", flags.json, "JSON instead of YAML");
  return digest;
}

int print(const cli::Output& out) {
  std::cout << out.text << std::flush;
  std::cerr << out.errors << std::flush;
  return static_cast<int>(out.code);
}

/// Reads of the bucket what a command is about, and hands it over: everything, or one model.
template <typename Command>
cli::Output with_view(const cli::AuditFlags& flags, const std::string& model, Command command) {
  const SystemClock clock;
  const auto keys = cli::read_public_keys(flags);
  if (!keys) return cli::failed(keys.error());
  const Result<cli::OpenedStore> opened = cli::OpenedStore::open(flags, clock);
  if (!opened) return cli::failed(opened.error());
  const Result<cli::AuditView> view =
      model.empty() ? cli::read_view(opened->store(), flags, *keys)
                    : cli::read_model_view(opened->store(), flags, model, *keys);
  if (!view) return cli::failed(view.error());
  return command(*view);
}

int run(int argc, char** argv) {
  CLI::App app(
      "Asks Stagekeeper's records, with credentials from AWS_ACCESS_KEY_ID and "
      "AWS_SECRET_ACCESS_KEY, computes digests of artifacts, and creates objects in your name.",
      "kubectl-stagekeeper");
  app.set_version_flag("--version", STAGEKEEPER_VERSION);
  app.require_subcommand(1);
  CLI::App& audit = *app.add_subcommand("audit", "The ledger in the bucket");
  audit.require_subcommand(1);
  cli::AuditFlags flags;
  std::string model;
  std::string version;
  CLI::App& show = *audit.add_subcommand("show", "Why a version serves, or does not");
  show.add_option("MODEL", model, "Name of the model")->required();
  show.add_option("VERSION", version, "Version number")->required();
  add_store_flags(show, flags);
  CLI::App& verify = *audit.add_subcommand("verify", "Whether the ledger is whole and genuine");
  add_store_flags(verify, flags);
  cli::CreateFlags create_flags;
  CLI::App& create = *app.add_subcommand(
      "create", "Create ModelVersions, PromotionRequests and Approvals, saying that it was you");
  add_create_flags(create, create_flags);
  cli::DigestFlags digest_flags;
  const CLI::App& digest = add_digest(app, digest_flags);
  app.footer("Exit codes: 0 ok, 1 tampered or refused, 2 incomplete, 3 unreachable, 4 usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : static_cast<int>(cli::ExitCode::kUsage);
  }
  if (create.parsed()) return print(cli::run_create(create_flags));
  if (digest.parsed()) return print(cli::run_artifact_digest(digest_flags));
  flags.access_key_id = from_environment("AWS_ACCESS_KEY_ID");
  flags.secret_access_key = aws::Secret(from_environment("AWS_SECRET_ACCESS_KEY"));
  flags.session_token = aws::Secret(from_environment("AWS_SESSION_TOKEN"));
  const cli::Style style{.plain =
                             isatty(STDOUT_FILENO) == 0 || !from_environment("NO_COLOR").empty()};
  return print(with_view(flags, model, [&](const cli::AuditView& view) {
    if (verify.parsed()) return cli::audit_verify(view, flags.json, style);
    return cli::audit_show(view, model, version, flags.json, style);
  }));
}

}  // namespace

int main(int argc, char** argv) {
  stagekeeper::http::initialize_pool();
  stagekeeper::set_log_level(stagekeeper::LogLevel::kWarn);
  try {
    stagekeeper::http::end_process(run(argc, argv));
  } catch (const std::exception& e) {
    std::cerr << "error: bug: " << e.what() << '\n';
    return static_cast<int>(stagekeeper::cli::ExitCode::kUnreachable);
  }
}
