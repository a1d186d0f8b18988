#include "operator/cli/audit_source.h"

#include "audit/consistency.h"
#include "audit/s3_store.h"
#include "aws/s3_address.h"
#include "base/files.h"
#include "base/text.h"
#include "http/cpprest_client.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace stagekeeper::cli {
namespace {

constexpr std::size_t kMaxPemBytes = 1U << 20U;

Status require(const std::string& value, std::string_view what) {
  if (!value.empty()) return {};
  return fail(ErrorCode::kInvalid, fmt::format("{} is missing", what));
}

}  // namespace

Result<OpenedStore> OpenedStore::open(const AuditFlags& flags, const Clock& clock) {
  for (const auto& [value, what] :
       {std::pair<const std::string&, std::string_view>(flags.bucket, "--bucket"),
        {flags.endpoint, "--endpoint"},
        {flags.access_key_id, "AWS_ACCESS_KEY_ID in the environment"},
        {flags.secret_access_key.reveal(), "AWS_SECRET_ACCESS_KEY in the environment"}}) {
    SK_CHECK_OK(require(value, what));
  }
  SK_TRY(const aws::S3Address address,
         aws::s3_address(flags.endpoint, flags.bucket, aws::S3Addressing::kAuto));
  http::ClientOptions options;
  options.origin = address.origin;
  options.user_agent = "kubectl-stagekeeper";
  if (!flags.ca_file.empty()) {
    Result<std::string> ca = read_file(flags.ca_file, kMaxPemBytes);
    if (!ca) return fail(ErrorCode::kInvalid, "--ca-file: " + ca.error().message);
    options.ca_pem = std::move(*ca);
  }
  Result<std::unique_ptr<http::Client>> http = http::make_client(options);
  if (!http) return fail(ErrorCode::kInvalid, "--endpoint: " + http.error().message);
  OpenedStore out;
  out.http_ = std::move(*http);
  out.client_ = std::make_unique<aws::S3Client>(
      *out.http_,
      aws::S3Options{.host = address.host,
                     .region = flags.region,
                     .bucket = flags.bucket,
                     .bucket_in = address.bucket_in,
                     .credentials = {.access_key_id = flags.access_key_id,
                                     .secret_access_key = flags.secret_access_key,
                                     .session_token = flags.session_token}},
      clock);
  out.store_ = std::make_unique<audit::S3Store>(*out.client_);
  return out;
}

Result<std::vector<audit::TrustedKey>> read_public_keys(const AuditFlags& flags) {
  if (flags.public_key_files.empty()) {
    return fail(ErrorCode::kInvalid,
                "--public-key is missing: records are judged by keys that you trust, never by "
                "those in the bucket (openssl pkey -in signing-key.pem -pubout)");
  }
  std::vector<audit::TrustedKey> keys;
  for (const std::string& file : flags.public_key_files) {
    const Result<std::string> pem = read_file(file, kMaxPemBytes);
    if (!pem) return fail(ErrorCode::kInvalid, "--public-key: " + pem.error().message);
    Result<audit::TrustedKey> key = audit::trusted_key(*pem);
    if (!key) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--public-key {}: {}", file, key.error().message));
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

namespace {

/// The one cluster to look at.
Result<std::string> choose_cluster(const std::set<std::string>& clusters, const AuditFlags& flags) {
  if (clusters.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("bucket {} holds no record{}{}", flags.bucket,
                            flags.cluster.empty() ? "" : " of cluster " + flags.cluster,
                            flags.ns.empty() ? "" : " of namespace " + flags.ns));
  }
  if (clusters.size() > 1) {
    return fail(ErrorCode::kInvalid, fmt::format("the bucket holds records of several clusters; "
                                                 "choose one with --cluster: {}",
                                                 fmt::join(clusters, ", ")));
  }
  return *clusters.begin();
}

/// Reads one ledger into a view; one that is empty is left out.
Status add_ledger(audit::Store& store, const audit::LedgerId& id,
                  const std::vector<audit::TrustedKey>& keys, AuditView& view) {
  SK_TRY(const audit::BucketContents::Ledger ledger, audit::list_one(store, id));
  if (ledger.entries.empty()) return {};
  SK_TRY(audit::LedgerReport report, audit::inspect_ledger(store, ledger, keys));
  view.ledgers.push_back(std::move(report));
  return {};
}

/// The model's ledger of a namespace, and those of the targets that its decisions name.
Status add_model(audit::Store& store, audit::LedgerId id,
                 const std::vector<audit::TrustedKey>& keys, AuditView& view) {
  const std::size_t before = view.ledgers.size();
  SK_CHECK_OK(add_ledger(store, id, keys, view));
  if (view.ledgers.size() == before) return {};
  const std::vector<std::string> targets = view.ledgers.back().history.targets();
  id.kind = LedgerKind::kTarget;
  for (const std::string& target : targets) {
    id.name = target;
    SK_CHECK_OK(add_ledger(store, id, keys, view));
  }
  return {};
}

}  // namespace

Result<AuditView> read_view(audit::Store& store, const AuditFlags& flags,
                            const std::vector<audit::TrustedKey>& keys) {
  SK_TRY(const audit::BucketContents contents, audit::list_bucket(store, flags.cluster, flags.ns));
  std::set<std::string> clusters;
  for (const auto& [prefix, ledger] : contents.ledgers)
    clusters.insert(ledger.id.cluster);
  AuditView view{.strangers = contents.strangers};
  SK_TRY(view.cluster, choose_cluster(clusters, flags));
  for (const auto& [prefix, ledger] : contents.ledgers) {
    SK_TRY(audit::LedgerReport report, audit::inspect_ledger(store, ledger, keys));
    view.ledgers.push_back(std::move(report));
  }
  audit::judge_together(view.ledgers);
  return view;
}

Result<AuditView> read_model_view(audit::Store& store, const AuditFlags& flags,
                                  const std::string& model,
                                  const std::vector<audit::TrustedKey>& keys) {
  std::vector<std::string> clusters = {flags.cluster};
  if (flags.cluster.empty()) {
    SK_TRY(clusters, audit::list_parts(store, "v1/"));
  }
  AuditView view;
  SK_TRY(view.cluster, choose_cluster({clusters.begin(), clusters.end()}, flags));
  std::vector<std::string> namespaces = {flags.ns};
  if (flags.ns.empty()) {
    SK_TRY(namespaces, audit::list_parts(store, "v1/" + view.cluster + "/"));
  }
  for (const std::string& ns : namespaces) {
    const audit::LedgerId id{
        .cluster = view.cluster, .ns = ns, .kind = LedgerKind::kModel, .name = model};
    if (audit::check_ledger_id(id)) SK_CHECK_OK(add_model(store, id, keys, view));
  }
  audit::judge_together(view.ledgers);
  return view;
}

ExitCode worst(const AuditView& view) {
  ExitCode code = ExitCode::kOk;
  if (!view.strangers.empty()) code = ExitCode::kTampered;
  for (const audit::LedgerReport& ledger : view.ledgers) {
    for (const audit::Finding& finding : ledger.findings) {
      if (finding.kind == audit::Finding::Kind::kTampered) return ExitCode::kTampered;
      if (code == ExitCode::kOk) code = ExitCode::kIncomplete;
    }
  }
  return code;
}

std::string findings_text(const AuditView& view, const Style& style) {
  std::string out;
  for (const audit::LedgerReport& ledger : view.ledgers) {
    for (const audit::Finding& finding : ledger.findings) {
      const bool tampered = finding.kind == audit::Finding::Kind::kTampered;
      out += bad(tampered ? "TAMPERED" : "INCOMPLETE", style);
      out += fmt::format("  {}", escaped(ledger.id.path()));
      if (finding.sequence > 0) out += fmt::format("  record {}", finding.sequence);
      out += "  " + escaped(finding.what) + "\n";
    }
  }
  for (const std::string& stranger : view.strangers) {
    out += bad("TAMPERED", style) + "  a strange object: " + escaped(stranger) + "\n";
  }
  return out;
}

Output failed(const Error& error) {
  ExitCode code = ExitCode::kUnreachable;
  if (error.code == ErrorCode::kInvalid) code = ExitCode::kUsage;
  if (error.code == ErrorCode::kNotFound) code = ExitCode::kIncomplete;
  if (error.code == ErrorCode::kCorrupt) code = ExitCode::kTampered;
  return {.errors = "error: " + escaped(error.message) + "\n", .code = code};
}

}  // namespace stagekeeper::cli
