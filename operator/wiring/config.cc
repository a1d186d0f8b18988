#include "operator/wiring/config.h"

#include "base/clock.h"
#include "base/files.h"
#include "http/origin.h"

#include <yaml-cpp/yaml.h>

#include <fmt/format.h>
#include <set>
#include <string_view>
#include <utility>

namespace stagekeeper {
namespace {

constexpr std::size_t kMaxConfigBytes = 64U << 10U;
constexpr int kMaxWorkers = 64;

Status check_keys(const YAML::Node& node, const std::string& where,
                  const std::set<std::string>& known) {
  if (!node.IsMap()) return fail(ErrorCode::kInvalid, where + " has to be a mapping");
  for (const auto& entry : node) {
    const auto key = entry.first.as<std::string>();
    if (!known.contains(key)) {
      return fail(ErrorCode::kInvalid, fmt::format("{} does not know the key '{}'", where, key));
    }
  }
  return {};
}

Status check_https(const std::string& endpoint, const std::string& where) {
  const Result<http::Origin> origin = http::parse_origin(endpoint);
  if (!origin) return fail(origin.error(), where);
  if (origin->tls) return {};
  return fail(ErrorCode::kInvalid, where + " has to begin with https://");
}

/// A hand-written retention may exceed what a CRD duration holds (10 years in hours: 87672h).
Result<std::chrono::milliseconds> duration(const YAML::Node& node, const std::string& where) {
  auto parsed = parse_duration(node.as<std::string>());
  if (!parsed) return fail(parsed.error(), where);
  return parsed;
}

Status read_deviations(const YAML::Node& list, AuditStoreConfig& out) {
  for (const YAML::Node& item : list) {
    if (Status s = check_keys(item, "auditStore.acknowledgedDeviations", {"point", "reason"}); !s)
      return s;
    AcknowledgedDeviation deviation{.point = item["point"].as<std::string>(),
                                    .reason = item["reason"].as<std::string>()};
    if (deviation.reason.size() < 3) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("auditStore.acknowledgedDeviations: point {} needs a reason",
                              deviation.point));
    }
    out.acknowledged.push_back(std::move(deviation));
  }
  return {};
}

/// A bound of a key's validity: RFC 3339, or open.
Result<TimePoint> bound(const YAML::Node& item, const char* key, TimePoint open) {
  if (!item[key]) return open;
  Result<TimePoint> time = parse_time(item[key].as<std::string>());
  if (!time) return fail(time.error(), fmt::format("auditStore.trustedKeys: {}", key));
  return time;
}

Status read_trusted_keys(const YAML::Node& list, AuditStoreConfig& out) {
  for (const YAML::Node& item : list) {
    SK_CHECK_OK(check_keys(item, "auditStore.trustedKeys", {"publicKey", "notBefore", "notAfter"}));
    if (!item["publicKey"]) {
      return fail(ErrorCode::kInvalid,
                  "auditStore.trustedKeys: each needs a publicKey, the PEM text of "
                  "`openssl pkey -pubout`");
    }
    SK_TRY(const TimePoint not_before, bound(item, "notBefore", TimePoint::min()));
    SK_TRY(const TimePoint not_after, bound(item, "notAfter", TimePoint::max()));
    Result<audit::TrustedKey> key =
        audit::trusted_key(item["publicKey"].as<std::string>(), not_before, not_after);
    if (!key) return fail(std::move(key.error()), "auditStore.trustedKeys");
    out.trusted_keys.push_back(std::move(*key));
  }
  return {};
}

Result<aws::SourceKind> source_kind(const std::string& text) {
  for (const auto& [name, kind] :
       {std::pair<std::string_view, aws::SourceKind>("Files", aws::SourceKind::kFiles),
        {"WebIdentity", aws::SourceKind::kWebIdentity},
        {"Container", aws::SourceKind::kContainer},
        {"Instance", aws::SourceKind::kInstance},
        {"Auto", aws::SourceKind::kAuto}}) {
    if (text == name) return kind;
  }
  return fail(ErrorCode::kInvalid,
              "auditStore.credentials.source has to be Files, WebIdentity, Container, Instance or "
              "Auto");
}

/// What each source knows: a key of another one would be ignored.
Status check_source_keys(const YAML::Node& node, aws::SourceKind kind) {
  const std::string where = "auditStore.credentials";
  if (kind == aws::SourceKind::kFiles) return check_keys(node, where, {"source", "sessionToken"});
  if (kind == aws::SourceKind::kWebIdentity)
    return check_keys(node, where, {"source", "roleArn", "tokenFile", "stsEndpoint"});
  return check_keys(node, where, {"source"});
}

Status read_credentials(const YAML::Node& node, AuditStoreConfig& out) {
  if (!node.IsMap() || !node["source"])
    return fail(ErrorCode::kInvalid, "auditStore.credentials.source is missing");
  SK_TRY(out.credentials.kind, source_kind(node["source"].as<std::string>()));
  SK_CHECK_OK(check_source_keys(node, out.credentials.kind));
  if (node["sessionToken"]) out.session_token = node["sessionToken"].as<bool>();
  if (node["roleArn"]) out.credentials.role_arn = node["roleArn"].as<std::string>();
  if (node["tokenFile"]) out.credentials.token_file = node["tokenFile"].as<std::string>();
  if (!node["stsEndpoint"]) return {};
  out.credentials.sts_endpoint = node["stsEndpoint"].as<std::string>();
  return check_https(out.credentials.sts_endpoint, "auditStore.credentials.stsEndpoint");
}

Status read_addressing(const YAML::Node& node, AuditStoreConfig& out) {
  if (node["addressing"]) {
    auto addressing = aws::parse_addressing(node["addressing"].as<std::string>());
    if (!addressing) return fail(std::move(addressing.error()), "auditStore.addressing");
    out.addressing = *addressing;
  }
  const auto address = aws::s3_address(out.endpoint, out.bucket, out.addressing);
  if (!address) return fail(address.error(), "auditStore.addressing");
  return {};
}

Status read_audit(const YAML::Node& node, AuditStoreConfig& out) {
  SK_CHECK_OK(check_keys(node, "auditStore",
                         {"endpoint", "region", "bucket", "addressing", "caFile", "credentials",
                          "retention", "acknowledgedDeviations", "trustedKeys"}));
  for (const char* key : {"endpoint", "region", "bucket", "retention"}) {
    if (!node[key]) return fail(ErrorCode::kInvalid, fmt::format("auditStore.{} is missing", key));
  }
  out.endpoint = node["endpoint"].as<std::string>();
  out.region = node["region"].as<std::string>();
  out.bucket = node["bucket"].as<std::string>();
  if (node["caFile"]) out.ca_file = node["caFile"].as<std::string>();
  auto retention = duration(node["retention"], "auditStore.retention");
  if (!retention) return tl::unexpected(retention.error());
  out.retention = *retention;
  SK_CHECK_OK(check_https(out.endpoint, "auditStore.endpoint"));
  SK_CHECK_OK(read_addressing(node, out));
  out.credentials.region = out.region;
  out.credentials.ca_file = out.ca_file;
  if (node["credentials"]) SK_CHECK_OK(read_credentials(node["credentials"], out));
  if (node["trustedKeys"]) SK_CHECK_OK(read_trusted_keys(node["trustedKeys"], out));
  if (node["acknowledgedDeviations"]) return read_deviations(node["acknowledgedDeviations"], out);
  return {};
}

Result<Config> read(const YAML::Node& root) {
  if (Status s = check_keys(root, "the configuration", {"gateNamespace", "workers", "auditStore"});
      !s) {
    return tl::unexpected(s.error());
  }
  Config out;
  if (root["gateNamespace"]) out.gate_namespace = root["gateNamespace"].as<std::string>();
  if (root["workers"]) {
    const int workers = root["workers"].as<int>();
    if (workers < 1 || workers > kMaxWorkers) {
      return fail(ErrorCode::kInvalid, fmt::format("workers has to be 1 to {}", kMaxWorkers));
    }
    out.workers = static_cast<unsigned>(workers);
  }
  if (!root["auditStore"]) {
    return fail(ErrorCode::kInvalid, "auditStore is missing: without a bucket nothing is promoted");
  }
  if (Status s = read_audit(root["auditStore"], out.audit); !s) return tl::unexpected(s.error());
  return out;
}

}  // namespace

Result<Config> parse_config(const std::string& text) {
  try {
    return read(YAML::Load(text));
  } catch (const YAML::Exception& e) {
    return fail(ErrorCode::kInvalid, std::string("configuration: ") + e.what());
  }
}

Result<Config> load_config(const std::string& path) {
  Result<std::string> text = read_file(path, kMaxConfigBytes);
  if (!text) return fail(text.error(), "configuration");
  return parse_config(*text);
}

}  // namespace stagekeeper
