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
