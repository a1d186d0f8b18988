#include "operator/wiring/app.h"

#include "audit/ledger.h"
#include "audit/s3_store.h"
#include "aws/credential_choice.h"
#include "aws/s3_address.h"
#include "aws/s3_client.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/files.h"
#include "base/log.h"
#include "http/cpprest_client.h"
#include "http/reloading_client.h"
#include "http/server.h"
#include "kube/connect.h"
#include "operator/wiring/engine.h"
#include "operator/wiring/metered_store.h"
#include "runtime/shutdown.h"

#include <cstdlib>
#include <memory>
#include <thread>

namespace stagekeeper {
namespace {

constexpr std::size_t kMaxSecretBytes = 64U << 10U;
constexpr std::chrono::seconds kGrace{25};  // of the pod's 30

std::string environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? fallback : value;
}

Result<std::string> read_secret(const std::string& path) {
  Result<std::string> text = read_file(path, kMaxSecretBytes);
  if (!text) return fail(text.error(), "mounted secret");
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r'))
    text->pop_back();
  return text;
}

/// The bucket and what talks to it, in the order of their lives.
struct AuditStack {
  std::unique_ptr<http::Client> http;
  std::unique_ptr<aws::S3Client> s3;
  std::unique_ptr<audit::S3Store> store;
  std::unique_ptr<MeteredStore> metered;
  std::unique_ptr<audit::Ledger> ledger;
};

/// A configuration that cannot work ends the start; an issuer that is away is waited for, and what
/// it says is shown with the store.
Result<std::shared_ptr<aws::CredentialSource>> make_credentials(const Config& config,
                                                                const AppOptions& options,
                                                                const Clock& clock) {
  aws::SourceOptions source = config.audit.credentials;
  source.user_agent = "stagekeeper/" + options.version;
  source.files = {.access_key_id = config.credentials_dir + "/accessKey",
                  .secret_access_key = config.credentials_dir + "/secretKey"};
  if (config.audit.session_token)
    source.files.session_token = config.credentials_dir + "/sessionToken";
  auto chosen = aws::choose_credentials(
      source, [](const char* name) { return environment(name, ""); }, clock);
  if (!chosen) return fail(std::move(chosen.error()), "auditStore.credentials");
  const auto now = (*chosen)->get();
  if (now) return chosen;
  const ErrorCode code = now.error().code;
  if (code == ErrorCode::kNotFound || code == ErrorCode::kInvalid)
    return fail(now.error(), "auditStore.credentials");
  log(LogLevel::kWarn, "no credentials for the audit store yet", {{"err", now.error().message}});
  return chosen;
}

Result<AuditStack> make_audit(const Config& config, const AppOptions& options, const Clock& clock,
                              runtime::Metrics& metrics) {
  AuditStack out;
  SK_TRY(const aws::S3Address address,
         aws::s3_address(config.audit.endpoint, config.audit.bucket, config.audit.addressing));
  auto client =
      http::make_reloading_client({.origin = address.origin}, {.ca = config.audit.ca_file});
  if (!client) return fail(client.error(), "audit store");
  out.http = std::move(*client);
  SK_TRY(std::shared_ptr<aws::CredentialSource> keys, make_credentials(config, options, clock));
  out.s3 = std::make_unique<aws::S3Client>(*out.http,
                                           aws::S3Options{.host = address.host,
                                                          .region = config.audit.region,
                                                          .bucket = config.audit.bucket,
                                                          .bucket_in = address.bucket_in,
                                                          .source = std::move(keys)},
                                           clock);
  out.store = std::make_unique<audit::S3Store>(*out.s3);
  out.metered = std::make_unique<MeteredStore>(*out.store, metrics);
  Result<std::string> pem = read_secret(config.signing_key_file);
  if (!pem) return fail(pem.error(), "without a signing key nothing can be recorded");
  Result<SigningKey> key = SigningKey::from_pem(*pem);
  if (!key) return tl::unexpected(key.error());
  audit::LedgerOptions ledger_options{
      .operator_version = options.version,
      .retention = std::chrono::duration_cast<std::chrono::seconds>(config.audit.retention),
      .deviations = deviations_of(config.audit),
      .trusted_keys = config.audit.trusted_keys};
  out.ledger = std::make_unique<audit::Ledger>(*out.metered, std::move(*key), clock,
                                               std::move(ledger_options));
  return out;
}

http::Handler health_handler(const runtime::Health& health, const runtime::Metrics& metrics) {
  return [&health, &metrics](const http::ServerRequest& request) {
    if (request.path == "/metrics") {
      return http::ServerResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                  .body = metrics.text()};
    }
    if (request.path == "/healthz" || request.path == "/livez" || request.path == "/readyz") {
      const auto report = request.path == "/readyz" ? health.readyz() : health.healthz();
      return http::ServerResponse{.status = report.http_status(), .body = report.text};
    }
    return http::ServerResponse{.status = 404, .body = "try /metrics, /healthz or /readyz\n"};
  };
}

int start_failed(const Error& error) {
  log(LogLevel::kError, "cannot start",
      {{"reason", std::string(name(error.code))}, {"err", error.message}});
  return 1;
}

}  // namespace

int run_operator(const Config& config, const AppOptions& options) {
  runtime::Shutdown shutdown;
  http::initialize_pool();
  const SystemClock clock;
  runtime::Metrics metrics;
  kube::ConnectOptions connect_options{.kubeconfig = options.kubeconfig,
                                       .user_agent = "stagekeeper/" + options.version};
  // Below the lease's renew deadline, so that a stuck call cannot outlive leadership.
  connect_options.call_timeout = std::chrono::seconds(8);
  auto connected = kube::connect(connect_options);
  if (!connected) return start_failed(connected.error());
  runtime::MeteredApi api(**connected, metrics);
  kube::ConnectOptions lease_options = connect_options;
  lease_options.call_timeout = std::chrono::seconds(3);
  auto lease_connected = kube::connect(lease_options);
  if (!lease_connected) return start_failed(lease_connected.error());
  runtime::MeteredApi lease_api(**lease_connected, metrics);
  auto audit = make_audit(config, options, clock, metrics);
  if (!audit) return start_failed(audit.error());

  runtime::Health health;
  Engine engine({.api = api,
                 .lease_api = lease_api,
                 .s3 = *audit->s3,
                 .ledger = *audit->ledger,
                 .clock = clock,
                 .metrics = metrics,
                 .health = health,
                 .on_lost = [&shutdown] { shutdown.request(2, "lost the lease", kEndAfterLoss); }},
                config,
                {.pod = environment("POD_NAME", "stagekeeper-local"),
                 .ns = environment("POD_NAMESPACE", "stagekeeper-system"),
                 .version = options.version});
  // After the engine, so that its checks are asked only while it lives.
  auto server = http::make_server("0.0.0.0", options.port, health_handler(health, metrics));
  if (!server) return start_failed(server.error());
  std::jthread work([&] { engine.run(shutdown.token()); });
  const int code = shutdown.wait(kGrace);
  work.join();
  log(LogLevel::kInfo, "stopped", {{"code", std::to_string(code)}});
  return code;
}

}  // namespace stagekeeper
