#include "operator/wiring/config.h"

#include "tests/audit/fixture.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

namespace {

constexpr const char* kValid = R"(
gateNamespace: gates
workers: 2
auditStore:
  endpoint: https://s3.example:9000
  region: us-east-1
  bucket: audit
  caFile: /etc/ca.crt
  retention: 87672h
  acknowledgedDeviations:
  - {point: f, reason: this store can shorten}
)";

std::string with(const std::string& from, const std::string& to) {
  std::string text = kValid;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("config: takes every spelling of an endpoint that the clients take, and no other") {
  for (const char* good : {"https://s3.example/", "https://S3.Example:9000", "HTTPS://s3.example",
                           "'https://[fd00::1]:9000'"}) {
    CAPTURE(good);
    CHECK(parse_config(with("https://s3.example:9000", good)));
  }
  for (const char* bad : {"http://s3.example", "https://s3.example/path", "s3.example",
                          "https://user@s3.example", "https://s3.example:0"}) {
    CAPTURE(bad);
    const Result<Config> config = parse_config(with("https://s3.example:9000", bad));
    REQUIRE_FALSE(config);
    CHECK(config.error().message.starts_with("auditStore.endpoint"));
  }
}

TEST_CASE("config: reads what the chart writes") {
  const Result<Config> config = parse_config(kValid);
  REQUIRE(config);
  CHECK(config->gate_namespace == "gates");
  CHECK(config->workers == 2);
  CHECK(config->audit.bucket == "audit");
  CHECK(config->audit.retention == std::chrono::hours(87672));
  REQUIRE(config->audit.acknowledged.size() == 1);
  CHECK(config->audit.acknowledged[0].point == "f");
}

TEST_CASE("config: keys that signed before stay trusted, within their time") {
  const std::string pem = audit_test::key().public_pem();
  std::string block;
  for (std::size_t at = 0; at < pem.size();) {
    const std::size_t end = pem.find('\n', at);
    block += "      " + pem.substr(at, end - at) + "\n";
    at = end + 1;
  }
  const auto text = [&](const std::string& times) {
    return std::string(kValid) + "  trustedKeys:\n  - publicKey: |\n" + block + times;
  };
  const Result<Config> config = parse_config(text("    notAfter: 2026-12-01T00:00:00Z\n"));
  REQUIRE_MESSAGE(config, config.error().message);
  REQUIRE(config->audit.trusted_keys.size() == 1);
  const audit::TrustedKey& key = config->audit.trusted_keys.front();
  CHECK(audit::is_valid_at(key, parse_time("2026-12-01T00:00:00Z").value()));
  CHECK_FALSE(audit::is_valid_at(key, parse_time("2026-12-01T00:00:01Z").value()));
  CHECK_FALSE(parse_config(text("    notAfter: yesterday\n")));
  CHECK_FALSE(parse_config(text("    until: 2026-12-01T00:00:00Z\n")));
  CHECK_FALSE(parse_config(std::string(kValid) + "  trustedKeys:\n  - publicKey: none\n"));
}

TEST_CASE("config: credentials come from files unless another source is named") {
  const auto plain = parse_config(kValid);
  REQUIRE(plain);
  CHECK(plain->audit.credentials.kind == aws::SourceKind::kFiles);
  CHECK_FALSE(plain->audit.session_token);
  CHECK(plain->audit.addressing == aws::S3Addressing::kAuto);
  const auto parsed = [](const std::string& more) {
    return parse_config(std::string(kValid) + more);
  };
  CHECK(parsed("  credentials: {source: Files, sessionToken: true}\n")->audit.session_token);
  CHECK(parsed("  credentials: {source: Auto}\n")->audit.credentials.kind ==
        aws::SourceKind::kAuto);
  CHECK(parsed("  credentials: {source: Container}\n")->audit.credentials.kind ==
        aws::SourceKind::kContainer);
  CHECK(parsed("  credentials: {source: Instance}\n")->audit.credentials.kind ==
        aws::SourceKind::kInstance);
  const auto web = parsed(
      "  addressing: VirtualHost\n"
      "  credentials: {source: WebIdentity, roleArn: r, tokenFile: /t, stsEndpoint: "
      "'https://sts.example/'}\n");
  REQUIRE_MESSAGE(web, web.error().message);
  CHECK(web->audit.addressing == aws::S3Addressing::kVirtualHost);
  CHECK(web->audit.credentials.kind == aws::SourceKind::kWebIdentity);
  CHECK(web->audit.credentials.role_arn == "r");
  CHECK(web->audit.credentials.token_file == "/t");
  CHECK(web->audit.credentials.sts_endpoint == "https://sts.example/");
  CHECK(web->audit.credentials.region == "us-east-1");
  CHECK(web->audit.credentials.ca_file == "/etc/ca.crt");
}

TEST_CASE("config: refuses credentials that it would not use as they are meant") {
  for (const auto& [text, named] :
       {std::pair<const char*, const char*>("credentials: {}", "source is missing"),
        {"credentials: Files", "source is missing"},
        {"credentials: {source: Vault}", "WebIdentity"},
        {"credentials: {source: Files, roleArn: r}", "roleArn"},
        {"credentials: {source: Auto, sessionToken: true}", "sessionToken"},
        {"credentials: {source: WebIdentity, stsEndpoint: 'http://sts'}", "https://"},
        {"credentials: {source: WebIdentity, stsEndpoint: sts}", "stsEndpoint"},
        {"addressing: Virtual", "VirtualHost"}}) {
    CAPTURE(text);
    const auto config = parse_config(std::string(kValid) + "  " + text + "\n");
    REQUIRE_FALSE(config);
    CAPTURE(config.error().message);
    CHECK(config.error().message.find(named) != std::string::npos);
  }
  const auto address = parse_config(with("https://s3.example:9000", "https://10.0.0.1") +
                                    "  addressing: VirtualHost\n");
  REQUIRE_FALSE(address);
  CHECK(address.error().message.find("use addressing Path") != std::string::npos);
}

TEST_CASE("config: refuses what would otherwise be ignored, and names it") {
  struct Row {
    const char* from;
    const char* to;
    const char* named;
  };

  const Row rows[] = {
      {"gateNamespace", "gateNamespaces", "gateNamespaces"},
      {"  bucket: audit\n", "", "auditStore.bucket"},
      {"  region", "  regions", "regions"},
      {"https://s3.example", "http://s3.example", "https://"},
      {"87672h", "ten years", "auditStore.retention"},
      {"reason: this store can shorten", "reason: ''", "needs a reason"},
      {"workers: 2", "workers: 0", "workers"},
      {"auditStore:", "auditStore: [", "configuration"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.named);
    const Result<Config> config = parse_config(with(row.from, row.to));
    REQUIRE_FALSE(config);
    CHECK(config.error().message.find(row.named) != std::string::npos);
  }
}

TEST_CASE("config: without a bucket nothing starts") {
  const Result<Config> config = parse_config("workers: 1\n");
  REQUIRE_FALSE(config);
  CHECK(config.error().message.find("auditStore is missing") != std::string::npos);
}
